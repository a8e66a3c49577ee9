#include "test/model/random_history.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pleg/log.h"

namespace model {
namespace {

using pleg::ContainerState;
using pleg::InspectionResult;
using pleg::SandboxState;

const ContainerState kContainerStates[] = {ContainerState::kCreated, ContainerState::kRunning,
                                           ContainerState::kExited, ContainerState::kUnknown};
const SandboxState kSandboxStates[] = {SandboxState::kReady, SandboxState::kNotReady,
                                       SandboxState::kUnknown};

template <typename Listed, typename Random>
void Disorder(std::vector<Listed>& listed, Random& random, bool fresh, bool doubled) {
  for (Listed& item : listed) {
    using Info = std::decay_t<decltype(*item.info)>;
    if (fresh) item.info = std::make_shared<const Info>(*item.info);
  }
  if (doubled && !listed.empty()) {
    using Info = std::decay_t<decltype(*listed.front().info)>;
    Listed again = listed[random() % listed.size()];
    if (random() % 2 == 0) again.info = std::make_shared<const Info>(*again.info);
    listed.push_back(again);
  }
  std::shuffle(listed.begin(), listed.end(), random);
}

}  // namespace

class RandomHistory::Observer : public pleg::testing::RecordingObserver {
 public:
  explicit Observer(RandomHistory& history) : history_(history) {}
  void OnInspectionEnd(InspectionResult result, absl::Duration duration) override {
    RecordingObserver::OnInspectionEnd(result, duration);
    history_.OnInspectionEnd(result);
  }

 private:
  RandomHistory& history_;
};

RandomHistory::RandomHistory(uint64_t seed, Activity& activity)
    : random_(seed),
      runtime_(executor_, executor_.clock()),
      cache_(executor_),
      hub_(executor_.clock()),
      observer_(std::make_unique<Observer>(*this)),
      options_(AnyOptions()),
      pleg_(options_,
            {runtime_, executor_.clock(), executor_, cache_, hub_, *observer_, pleg::NullLog()}),
      queue_(hub_.Subscribe(1'000'000, [this] { OnFirstEvent(); })),
      activity_(activity) {
  runtime_.EditListings([this](pleg::Listing& listing, const std::optional<pleg::PodUid>& pod) {
    EditListing(listing, pod);
  });
}

RandomHistory::~RandomHistory() = default;

pleg::PlegOptions RandomHistory::AnyOptions() {
  pleg::PlegOptions options;
  options.relist_period = kPeriod;
  options.inspect_window = 1 + Below(4);
  options.inspect_calls_per_pod = 1 + Below(3);
  if (OneIn(2)) options.inspect_slow_after = absl::Milliseconds(100) + Up(2 * kPeriod);
  options.inspect_max_slow_calls = 1 + Below(8);
  options.inspect_slow_start_calls = Below(20);
  if (OneIn(2)) options.retry_backoff = Up(kPeriod);
  options.retry_backoff_limit = kPeriod;
  return options;
}

std::string RandomHistory::Run(size_t ops) {
  pleg_.Start();
  running_ = true;
  for (size_t i = 0; i < ops && wrongs_.empty(); ++i) {
    if (OneIn(3)) {
      const absl::Duration step = Up(1.5 * kPeriod);
      Op(absl::StrCat("advance ", absl::FormatDuration(step)));
      executor_.Advance(step);
    } else if (OneIn(2)) {
      Happen();
      if (OneIn(2)) executor_.Settle();
    } else {
      executor_.PostAt(executor_.clock().Now() + Up(kPeriod), [this] { Happen(); });
    }
    if (options_.inspect_slow_after == absl::InfiniteDuration() &&
        runtime_.held_pods() > options_.inspect_window) {
      Wrong("more inspections at once than the window allows");
    }
  }
  if (wrongs_.empty()) JudgeSettled();
  if (wrongs_.empty()) JudgeReinspection();
  if (wrongs_.empty()) JudgeQuiet();
  activity_.pod_relists += observer_->pod_relists.size();
  for (const pleg::RelistRecord& relist : observer_->relists) {
    activity_.failed_lists += relist.lists.ok() ? 0 : 1;
  }
  return wrongs_.empty() ? "" : Report();
}

// --- Draws.

absl::Duration RandomHistory::Up(absl::Duration most) {
  return most * (static_cast<double>(Below(1000)) / 1000);
}

std::string RandomHistory::AnyPod() { return absl::StrCat("p", Below(kPods)); }

std::optional<RandomHistory::Key> RandomHistory::AnyObject() {
  std::vector<Key> keys;
  for (const auto& s : runtime_.sandboxes()) {
    keys.emplace_back(s->info->pod_uid.value(), s->info->id.value());
  }
  for (const auto& c : runtime_.containers()) {
    keys.emplace_back(c->info->pod_uid.value(), c->info->id.value());
  }
  if (keys.empty()) return std::nullopt;
  return keys[Below(keys.size())];
}

std::string RandomHistory::FreshId(const char* prefix, const std::string& uid) {
  std::string id = absl::StrCat(prefix, last_id_ + 1);
  // Sometimes one that another pod has or had.
  if (last_id_ > 0 && OneIn(6))
    id = absl::StrCat(prefix, 1 + Below(static_cast<uint64_t>(last_id_)));
  if (!used_.insert({uid, id}).second) {
    id = absl::StrCat(prefix, last_id_ + 1);
    used_.insert({uid, id});
  }
  ++last_id_;
  return id;
}

void RandomHistory::Op(std::string what) {
  ops_.push_back(absl::StrCat(absl::FormatDuration(executor_.clock().Now() - pleg::MonoTime()),
                              ": ", std::move(what)));
}

// --- What may happen.

void RandomHistory::Happen() {
  const uint64_t what = Below(20);
  if (what < 11) {
    ChangeWorld();
  } else if (what < 13) {
    Fault();
  } else if (what < 16) {
    Recover();
  } else if (what < 19) {
    Ask();
  } else if (OneIn(4)) {
    RestartCore();
  } else {
    const absl::Duration jump = absl::Hours(static_cast<int64_t>(Below(48)) - 24);
    Op(absl::StrCat("wall clock jumps by ", absl::FormatDuration(jump)));
    executor_.clock().JumpWall(jump);
  }
  truth_.Update(runtime_, executor_.clock().Now());
}

void RandomHistory::ChangeWorld() {
  const uint64_t what = Below(12);
  if (what < 2) return AddSandbox();
  if (what < 5) return AddContainer();
  if (what < 9) return MoveObject();
  const std::optional<Key> object = AnyObject();
  if (!object) return;
  if (OneIn(2)) {
    Op(absl::StrCat("remove pod ", object->first));
    runtime_.RemovePod(object->first);
  } else {
    Op(absl::StrCat("remove ", object->first, "/", object->second));
    runtime_.Remove(object->first, object->second);
  }
}

void RandomHistory::AddSandbox() {
  const std::string uid = AnyPod();
  const std::string id = FreshId("s", uid);
  const SandboxState state = OneIn(4) ? kSandboxStates[Below(3)] : SandboxState::kReady;
  pleg::testing::FakeSandbox& sandbox = runtime_.PutSandbox(uid, id, state);
  if (OneIn(3)) {
    // As after a step of the wall clock: an attempt or a creation that ties with another's.
    pleg::SandboxInfo info = *sandbox.info;
    info.attempt -= std::min<uint32_t>(info.attempt, 1);
    info.created_at = absl::FromUnixSeconds(1'700'000'000 + static_cast<int64_t>(Below(3)));
    runtime_.PutSandbox(info, state);
  }
  visited_[{uid, id}] = {Letter(state)};
  Op(absl::StrCat("add sandbox ", uid, "/", id, " ", pleg::SandboxStateName(state)));
}

void RandomHistory::AddContainer() {
  const std::string uid = AnyPod();
  const std::string id = FreshId("c", uid);
  const ContainerState state = kContainerStates[Below(4)];
  pleg::testing::FakeContainer& container = runtime_.PutContainer(uid, id, state);
  if (OneIn(3)) {
    pleg::ContainerInfo info = *container.info;
    info.created_at = absl::FromUnixSeconds(1'700'000'000 + static_cast<int64_t>(Below(3)));
    runtime_.PutContainer(info, state);
  }
  runtime_.FindContainer(uid, id)->status.exit_code =
      state == ContainerState::kExited ? last_id_ : 0;
  visited_[{uid, id}] = {Letter(state)};
  Op(absl::StrCat("add container ", uid, "/", id, " ", pleg::ContainerStateName(state)));
}

void RandomHistory::MoveObject() {
  const std::optional<Key> key = AnyObject();
  if (!key) return;
  std::set<char>& visited = visited_[*key];
  if (runtime_.FindSandbox(key->first, key->second) != nullptr) {
    const SandboxState state = kSandboxStates[Below(3)];
    if (!visited.insert(Letter(state)).second) return;
    Op(absl::StrCat(key->first, "/", key->second, " becomes ", pleg::SandboxStateName(state)));
    runtime_.PutSandbox(key->first, key->second, state);
    return;
  }
  const ContainerState state = kContainerStates[Below(4)];
  if (!visited.insert(Letter(state)).second) return;
  Op(absl::StrCat(key->first, "/", key->second, " becomes ", pleg::ContainerStateName(state)));
  runtime_.PutContainer(key->first, key->second, state);
  if (state == ContainerState::kExited) {
    runtime_.ExitContainer(key->first, key->second, static_cast<int32_t>(Below(256)));
  }
}

void RandomHistory::Fault() {
  const std::string uid = AnyPod();
  const std::optional<Key> object = AnyObject();
  const std::string id = object ? object->second : "c1";
  switch (Below(10)) {
    case 0:
      Op("lists fail");
      return runtime_.FailLists(absl::UnavailableError("lists"));
    case 1:
      Op(absl::StrCat("statuses of pod ", uid, " fail"));
      return runtime_.FailPod(uid, absl::DeadlineExceededError("pod"));
    case 2:
      Op(absl::StrCat("status of ", id, " fails"));
      return runtime_.FailStatus(id, absl::InternalError("object"));
    case 3:
      Op("lists hang");
      return runtime_.HoldLists();
    case 4:
    case 5:
    case 6:
      Op(absl::StrCat("statuses of pod ", uid, " hang"));
      return runtime_.HoldPod(uid);
    case 7:
      Op(absl::StrCat("status of ", id, " hangs"));
      return runtime_.HoldStatus(id);
    default:
      fresh_infos_ = OneIn(2);
      doubled_items_ = OneIn(2);
      const absl::Duration most = OneIn(2) ? absl::ZeroDuration() : absl::Milliseconds(400);
      Op(absl::StrCat("answers late by up to ", absl::FormatDuration(most),
                      fresh_infos_ ? ", fresh infos" : "",
                      doubled_items_ ? ", items doubled" : ""));
      return runtime_.DelayAnswers([this, most] { return Up(most); });
  }
}

void RandomHistory::Recover() {
  switch (Below(3)) {
    case 0:
      Op("errors end");
      return runtime_.ClearErrors();
    case 1:
      Op("hanging calls are answered");
      return runtime_.ReleaseAll();
    default:
      Op("hanging calls reach their deadline");
      runtime_.AbortHeld(absl::DeadlineExceededError("deadline"));
  }
}

void RandomHistory::Ask() {
  const std::string uid = AnyPod();
  switch (Below(4)) {
    case 0:
      Op(absl::StrCat("request relist of ", uid));
      return pleg_.RequestRelist(pleg::PodUid(uid));
    case 1:
      Op(absl::StrCat("request reinspection of ", uid));
      ++reasons_to_sync_[uid];
      return pleg_.RequestReinspect(pleg::PodUid(uid));
    case 2:
      if (waiters_.empty() || OneIn(2)) return AskNewerThan();
      Op("cancel a waiter");
      return cache_.CancelWaiter(waiters_[Below(waiters_.size())]);
    default:
      return AskNewerThan();
  }
}

void RandomHistory::AskNewerThan() {
  const std::string uid = AnyPod();
  const pleg::MonoTime now = executor_.clock().Now();
  const pleg::MonoTime min_time = OneIn(3) ? now + -Up(2 * kPeriod) : now + Up(2 * kPeriod);
  const pleg::MonoTime deadline =
      OneIn(2) ? pleg::MonoTime::Max() : now + absl::Milliseconds(1) + Up(5 * kPeriod);
  Op(absl::StrCat("wait for ", uid, " newer than ", absl::FormatDuration(min_time - now)));
  waiters_.push_back(
      cache_.GetNewerThan(pleg::PodUid(uid), min_time, deadline,
                          [this, uid, min_time, deadline](absl::StatusOr<pleg::CachedPod> answer) {
                            JudgeAnswer(uid, min_time, deadline, answer);
                          }));
}

void RandomHistory::RestartCore() {
  if (running_) {
    Op("stop");
    pleg_.Stop();
  } else {
    Op("start");
    pleg_.Start();
  }
  running_ = !running_;
}

void RandomHistory::EditListing(pleg::Listing& listing, const std::optional<pleg::PodUid>& pod) {
  Disorder(listing.sandboxes, random_, fresh_infos_, doubled_items_);
  Disorder(listing.containers, random_, fresh_infos_, doubled_items_);
  Op(absl::StrCat("listed ", pod ? pod->value() : "all", ": ", listing.sandboxes.size(),
                  " sandboxes, ", listing.containers.size(), " containers"));
  oracle_.OnListing(listing, pod);
}

void RandomHistory::ClearFaults() {
  if (!running_) RestartCore();
  fresh_infos_ = doubled_items_ = false;
  runtime_.DelayAnswers(nullptr);
  runtime_.ClearErrors();
  runtime_.ReleaseAll();
}

void RandomHistory::Wrong(const std::string& wrong) {
  if (wrong.empty()) return;
  Op(absl::StrCat("WRONG: ", wrong));
  wrongs_.push_back(wrong);
}

std::string RandomHistory::Report() const {
  return absl::StrCat(absl::StrJoin(wrongs_, "\n"), "\nwindow ", options_.inspect_window,
                      ", calls per pod ", options_.inspect_calls_per_pod, ", slow after ",
                      absl::FormatDuration(options_.inspect_slow_after), ", retry after ",
                      absl::FormatDuration(options_.retry_backoff), "; history:\n  ",
                      absl::StrJoin(ops_, "\n  "));
}

}  // namespace model
