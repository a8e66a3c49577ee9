// A container runtime in memory, for tests of the core: what it holds is set directly, its calls
// can be made to fail or hang, and it counts what it was asked.
//
//   FakeRuntime runtime(executor, executor.clock());
//   runtime.PutSandbox("pod", "s1", SandboxState::kReady).status.primary_ip = "10.0.0.1";
//   runtime.PutContainer("pod", "c1", ContainerState::kRunning);
//   runtime.FailStatus("c1", absl::UnavailableError("…"));  …  runtime.ClearErrors();
//   runtime.HoldStatus("c1");  …  runtime.ReleaseStatus("c1");

#ifndef PLEGD_PLEG_TESTING_FAKE_RUNTIME_H_
#define PLEGD_PLEG_TESTING_FAKE_RUNTIME_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/executor.h"
#include "pleg/ids.h"
#include "pleg/model.h"
#include "pleg/mono_time.h"
#include "pleg/pod_status.h"
#include "pleg/runtime_service.h"

namespace pleg::testing {

// What the fake holds of a sandbox. `listed` is what List says, `status` what the status call says:
// edit one of them to make the two disagree.
struct FakeSandbox {
  std::shared_ptr<const SandboxInfo> info;
  SandboxState listed = SandboxState::kReady;
  SandboxStatus status;
};

struct FakeContainer {
  std::shared_ptr<const ContainerInfo> info;
  ContainerState listed = ContainerState::kRunning;
  ContainerStatus status;
};

// Objects are told apart by pod and ID, so one ID may live in two pods. Every answer is posted to
// the executor and made up when it is given: a held call answers with what is true when it is
// released. Errors and holds on an ID or a pod last until they are taken back. Confined to one
// thread.
class FakeRuntime : public RuntimeService {
 public:
  // Both outlive the fake.
  FakeRuntime(Executor& executor, const Clock& clock) : executor_(executor), clock_(clock) {}

  // --- What is there. References stay valid until the object is removed.

  // Creates the object or moves it to `state`, in the list and in the status. A new object is
  // younger than all before it; it is listed after them. A new sandbox has the next attempt of its
  // pod; a new container belongs to its pod's newest sandbox.
  FakeSandbox& PutSandbox(absl::string_view uid, absl::string_view id, SandboxState state) {
    if (FakeSandbox* known = FindSandbox(uid, id)) {
      SetState(*known, state);
      return *known;
    }
    SandboxInfo info{.id = ContainerId(id),
                     .pod_uid = PodUid(uid),
                     .pod_name = std::string(uid),
                     .pod_namespace = "default",
                     .attempt = 0,
                     .created_at = NextCreation()};
    if (const FakeSandbox* newest = NewestSandbox(uid)) info.attempt = newest->info->attempt + 1;
    return PutSandbox(std::move(info), state);
  }
  FakeContainer& PutContainer(absl::string_view uid, absl::string_view id, ContainerState state) {
    if (FakeContainer* known = FindContainer(uid, id)) {
      SetState(*known, state);
      return *known;
    }
    ContainerInfo info;
    info.id = ContainerId(id);
    info.pod_uid = PodUid(uid);
    info.pod_name = std::string(uid);
    info.pod_namespace = "default";
    info.name = std::string(id);
    info.created_at = NextCreation();
    info.image = "image";
    info.image_id = info.image_ref = "sha256:1";
    if (const FakeSandbox* newest = NewestSandbox(uid)) info.sandbox_id = newest->info->id;
    return PutContainer(std::move(info), state);
  }

  // The same with everything that never changes given. Replaces an object of that pod and ID in
  // place.
  FakeSandbox& PutSandbox(SandboxInfo info, SandboxState state) {
    std::unique_ptr<FakeSandbox>& slot = Slot(sandboxes_, info.pod_uid, info.id);
    slot->info = std::make_shared<const SandboxInfo>(std::move(info));
    const SandboxInfo& i = *slot->info;
    slot->status = SandboxStatus();
    slot->status.id = i.id;
    slot->status.pod_uid = i.pod_uid;
    slot->status.pod_name = i.pod_name;
    slot->status.pod_namespace = i.pod_namespace;
    slot->status.attempt = i.attempt;
    slot->status.created_at = i.created_at;
    SetState(*slot, state);
    return *slot;
  }
  FakeContainer& PutContainer(ContainerInfo info, ContainerState state) {
    std::unique_ptr<FakeContainer>& slot = Slot(containers_, info.pod_uid, info.id);
    slot->info = std::make_shared<const ContainerInfo>(std::move(info));
    const ContainerInfo& i = *slot->info;
    slot->status = ContainerStatus();
    slot->status.id = i.id;
    slot->status.sandbox_id = i.sandbox_id;
    slot->status.name = i.name;
    slot->status.created_at = i.created_at;
    slot->status.image = i.image;
    slot->status.image_id = i.image_id;
    slot->status.image_ref = i.image_ref;
    slot->status.hash = i.hash;
    SetState(*slot, state);
    return *slot;
  }
  // Moves the container to exited, with a code.
  FakeContainer& ExitContainer(absl::string_view uid, absl::string_view id, int32_t code) {
    FakeContainer& container = PutContainer(uid, id, ContainerState::kExited);
    container.status.exit_code = code;
    return container;
  }

  // Null if there is none.
  FakeSandbox* FindSandbox(absl::string_view uid, absl::string_view id) {
    return Find(sandboxes_, uid, id);
  }
  FakeContainer* FindContainer(absl::string_view uid, absl::string_view id) {
    return Find(containers_, uid, id);
  }
  // Removes the sandbox or container; nothing if there is none.
  void Remove(absl::string_view uid, absl::string_view id) {
    auto match = [&](const auto& o) {
      return o->info->pod_uid.value() == uid && o->info->id.value() == id;
    };
    std::erase_if(sandboxes_, match);
    std::erase_if(containers_, match);
  }
  void RemovePod(absl::string_view uid) {
    auto match = [&](const auto& o) { return o->info->pod_uid.value() == uid; };
    std::erase_if(sandboxes_, match);
    std::erase_if(containers_, match);
  }

  const std::vector<std::unique_ptr<FakeSandbox>>& sandboxes() const { return sandboxes_; }
  const std::vector<std::unique_ptr<FakeContainer>>& containers() const { return containers_; }

  // --- Faults.

  // Status calls of that object, of all objects of a pod, or the lists, fail.
  void FailStatus(absl::string_view id, const absl::Status& error) {
    id_errors_[std::string(id)] = error;
  }
  void FailPod(absl::string_view uid, const absl::Status& error) {
    pod_errors_[std::string(uid)] = error;
  }
  void FailLists(absl::Status error) { list_error_ = std::move(error); }
  void ClearErrors() {
    id_errors_.clear();
    pod_errors_.clear();
    list_error_ = absl::OkStatus();
  }

  // Status calls of that object, of all objects of a pod, or the lists, hang, …
  void HoldStatus(absl::string_view id) { held_ids_.insert(std::string(id)); }
  void HoldPod(absl::string_view uid) { held_pods_.insert(std::string(uid)); }
  void HoldLists() { lists_held_ = true; }
  // … and are answered, those that hang now and all later ones (unless held in another way, too).
  void ReleaseStatus(absl::string_view id) {
    held_ids_.erase(std::string(id));
    ReleaseUnheld();
  }
  void ReleasePod(absl::string_view uid) {
    held_pods_.erase(std::string(uid));
    ReleaseUnheld();
  }
  void ReleaseLists() {
    lists_held_ = false;
    ReleaseUnheld();
  }
  void ReleaseAll() {
    held_ids_.clear();
    held_pods_.clear();
    ReleaseLists();
  }
  // Answers the calls that hang now with `error`; later ones hang as before. Returns how many.
  size_t AbortHeld(const absl::Status& error) {
    std::vector<HeldCall> calls = std::exchange(held_, {});
    for (HeldCall& call : calls) Send(std::move(call.answer), error);
    return calls.size();
  }

  // Runs on each listing before it is answered, with the pod it was filtered for: to look at it, to
  // shuffle it, to double or spoil items.
  using ListingEditor = absl::AnyInvocable<void(Listing&, const std::optional<PodUid>&)>;
  void EditListings(ListingEditor edit) { edit_ = std::move(edit); }
  // Each answer comes as much later as this says; without it, at once.
  void DelayAnswers(absl::AnyInvocable<absl::Duration()> delay) { delay_ = std::move(delay); }
  // The filter of a list of one pod lets everything through, as of a runtime that ignores it.
  void IgnoreFilters(bool ignore) { ignore_filters_ = ignore; }
  // Told by every listing as how long its two calls took. Nothing really takes time.
  void ReportListDurations(absl::Duration sandboxes, absl::Duration containers) {
    list_sandboxes_took_ = sandboxes;
    list_containers_took_ = containers;
  }

  // --- What was asked since the start or the last ResetCounts.

  size_t list_calls() const { return lists_; }  // of everything
  size_t pod_list_calls() const { return pod_lists_; }
  size_t status_calls() const { return Sum(calls_by_pod_); }
  size_t status_calls_of_pod(absl::string_view uid) const { return Count(calls_by_pod_, uid); }
  size_t status_calls_of(absl::string_view id) const { return Count(calls_by_id_, id); }
  // "List", "List pod", "PodSandboxStatus s1", "ContainerStatus c1": in the order asked.
  const std::vector<std::string>& call_log() const { return log_; }
  void ResetCounts() {
    lists_ = pod_lists_ = 0;
    calls_by_pod_.clear();
    calls_by_id_.clear();
    log_.clear();
  }
  // Calls that hang now.
  size_t held_calls() const { return held_.size(); }
  // Pods with status calls that hang now.
  size_t held_pods() const {
    std::set<std::string> pods;
    for (const HeldCall& call : held_) {
      if (!call.is_list) pods.insert(call.uid);
    }
    return pods.size();
  }

  // --- RuntimeService.

  void List(std::optional<PodUid> pod, ListCallback done) override {
    log_.push_back(pod ? absl::StrCat("List ", pod->value()) : "List");
    ++(pod ? pod_lists_ : lists_);
    HeldCall call{.is_list = true, .id = "", .uid = pod ? pod->value() : "", .answer = nullptr};
    call.answer = [this, pod = std::move(pod), started_at = clock_.Now(),
                   done = std::move(done)](absl::Status error) mutable {
      if (error.ok()) error = list_error_;
      if (!error.ok()) return done(std::move(error));
      done(MakeListing(pod, started_at));
    };
    Dispatch(std::move(call));
  }

  void GetSandboxStatus(const SandboxInfo& sandbox, SandboxStatusCallback done) override {
    AskStatus<FakeSandbox, SandboxStatus>("PodSandboxStatus", sandbox.pod_uid, sandbox.id,
                                          sandboxes_, std::move(done));
  }
  void GetContainerStatus(const ContainerInfo& container, ContainerStatusCallback done) override {
    AskStatus<FakeContainer, ContainerStatus>("ContainerStatus", container.pod_uid, container.id,
                                              containers_, std::move(done));
  }
  // As lazy as a runtime may be.
  void ProbeContainer(const ContainerInfo& container, Promptness promptness,
                      ProbeCallback done) override {
    const absl::Duration wait =
        promptness == Promptness::kAtOnce ? absl::ZeroDuration() : absl::Milliseconds(900);
    GetContainerStatus(container, [this, wait, done = std::move(done)](const auto&) mutable {
      const MonoTime ended_at = clock_.Now();
      executor_.PostAt(ended_at + wait,
                       [done = std::move(done), ended_at]() mutable { done(ended_at); });
    });
  }

 private:
  struct HeldCall {
    bool is_list = false;
    std::string id;
    std::string uid;
    absl::AnyInvocable<void(absl::Status)> answer;  // an error, or OK for the true answer
  };
  using Counts = std::map<std::string, size_t, std::less<>>;

  template <typename Object>
  static Object* Find(const std::vector<std::unique_ptr<Object>>& objects, absl::string_view uid,
                      absl::string_view id) {
    for (const std::unique_ptr<Object>& o : objects) {
      if (o->info->pod_uid.value() == uid && o->info->id.value() == id) return o.get();
    }
    return nullptr;
  }
  template <typename Object>
  static std::unique_ptr<Object>& Slot(std::vector<std::unique_ptr<Object>>& objects,
                                       const PodUid& uid, const ContainerId& id) {
    for (std::unique_ptr<Object>& o : objects) {
      if (o->info->pod_uid == uid && o->info->id == id) return o;
    }
    return objects.emplace_back(std::make_unique<Object>());
  }
  const FakeSandbox* NewestSandbox(absl::string_view uid) const {
    const FakeSandbox* newest = nullptr;
    for (const std::unique_ptr<FakeSandbox>& s : sandboxes_) {
      if (s->info->pod_uid.value() != uid) continue;
      if (newest == nullptr || SandboxBefore(*s->info, *newest->info)) newest = s.get();
    }
    return newest;
  }

  absl::Time NextCreation() { return created_ += absl::Seconds(1); }
  static void SetState(FakeSandbox& sandbox, SandboxState state) {
    sandbox.listed = sandbox.status.state = state;
  }
  static void SetState(FakeContainer& container, ContainerState state) {
    container.listed = container.status.state = state;
    const absl::Time created = container.info->created_at;
    const bool exited = state == ContainerState::kExited;
    container.status.started_at =
        state == ContainerState::kCreated ? absl::InfinitePast() : created + absl::Milliseconds(1);
    container.status.finished_at = exited ? created + absl::Hours(1) : absl::InfinitePast();
    container.status.exit_code = 0;
  }

  Listing MakeListing(const std::optional<PodUid>& pod, MonoTime started_at) {
    Listing listing;
    listing.started_at = started_at;
    listing.list_sandboxes_took = list_sandboxes_took_;
    listing.list_containers_took = list_containers_took_;
    auto wanted = [&](const auto& o) {
      return !pod || ignore_filters_ || o->info->pod_uid == *pod;
    };
    for (const std::unique_ptr<FakeSandbox>& s : sandboxes_) {
      if (wanted(s)) listing.sandboxes.push_back({s->info, s->listed});
    }
    for (const std::unique_ptr<FakeContainer>& c : containers_) {
      if (wanted(c)) listing.containers.push_back({c->info, c->listed});
    }
    if (edit_) edit_(listing, pod);
    return listing;
  }

  template <typename Object, typename Status, typename Done>
  void AskStatus(absl::string_view method, const PodUid& uid, const ContainerId& id,
                 const std::vector<std::unique_ptr<Object>>& objects, Done done) {
    log_.push_back(absl::StrCat(method, " ", id.value()));
    ++calls_by_pod_[uid.value()];
    ++calls_by_id_[id.value()];
    HeldCall call{.is_list = false, .id = id.value(), .uid = uid.value(), .answer = nullptr};
    call.answer = [this, &objects, what = log_.back(), id = id.value(), uid = uid.value(),
                   done = std::move(done)](absl::Status error) mutable {
      if (error.ok()) error = StatusError(uid, id);
      if (!error.ok()) return done(std::move(error));
      const Object* object = Find(objects, uid, id);
      if (object == nullptr) return done(absl::NotFoundError(absl::StrCat(what, ": not found")));
      done(std::make_shared<const Status>(object->status));
    };
    Dispatch(std::move(call));
  }
  absl::Status StatusError(const std::string& uid, const std::string& id) const {
    if (auto it = id_errors_.find(id); it != id_errors_.end()) return it->second;
    if (auto it = pod_errors_.find(uid); it != pod_errors_.end()) return it->second;
    return absl::OkStatus();
  }

  bool IsHeld(const HeldCall& call) const {
    if (call.is_list) return lists_held_;
    return held_ids_.count(call.id) != 0 || held_pods_.count(call.uid) != 0;
  }
  void Dispatch(HeldCall call) {
    if (IsHeld(call)) {
      held_.push_back(std::move(call));
    } else {
      Send(std::move(call.answer), absl::OkStatus());
    }
  }
  void ReleaseUnheld() {
    std::vector<HeldCall> calls = std::exchange(held_, {});
    for (HeldCall& call : calls) Dispatch(std::move(call));
  }
  void Send(absl::AnyInvocable<void(absl::Status)> answer, absl::Status error) {
    auto task = [alive = std::weak_ptr<const bool>(alive_), answer = std::move(answer),
                 error = std::move(error)]() mutable {
      if (!alive.expired()) answer(std::move(error));
    };
    if (delay_) {
      executor_.PostAt(clock_.Now() + delay_(), std::move(task));
    } else {
      executor_.Post(std::move(task));
    }
  }

  static size_t Count(const Counts& counts, absl::string_view key) {
    auto it = counts.find(std::string(key));
    return it == counts.end() ? 0 : it->second;
  }
  static size_t Sum(const Counts& counts) {
    size_t sum = 0;
    for (const auto& [key, count] : counts) sum += count;
    return sum;
  }

  Executor& executor_;
  const Clock& clock_;
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);

  std::vector<std::unique_ptr<FakeSandbox>> sandboxes_;
  std::vector<std::unique_ptr<FakeContainer>> containers_;
  absl::Time created_ = absl::FromUnixSeconds(1'700'000'000);

  absl::Status list_error_;
  std::map<std::string, absl::Status> id_errors_;
  std::map<std::string, absl::Status> pod_errors_;
  std::set<std::string> held_ids_;
  std::set<std::string> held_pods_;
  bool lists_held_ = false;
  bool ignore_filters_ = false;
  std::vector<HeldCall> held_;
  ListingEditor edit_;
  absl::AnyInvocable<absl::Duration()> delay_;
  absl::Duration list_sandboxes_took_;
  absl::Duration list_containers_took_;

  size_t lists_ = 0;
  size_t pod_lists_ = 0;
  Counts calls_by_pod_;
  Counts calls_by_id_;
  std::vector<std::string> log_;
};

}  // namespace pleg::testing

#endif  // PLEGD_PLEG_TESTING_FAKE_RUNTIME_H_
