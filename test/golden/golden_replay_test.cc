// Replays every golden history through the real core, one relist a step, and compares everything
// that the histories tell: events, cache, inspections, gauges.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "pleg/event_hub.h"
#include "pleg/generic_pleg.h"
#include "pleg/log.h"
#include "pleg/pod_cache.h"
#include "pleg/testing/recording_observer.h"
#include "pleg/testing/sim_executor.h"
#include "test/golden/expectation.h"
#include "test/golden/history.h"
#include "test/golden/history_runtime.h"

namespace golden {
namespace {

// How much was compared, so that a test that compares nothing fails.
struct Totals {
  size_t histories = 0;
  size_t steps = 0;
  size_t failed_lists = 0;
  size_t recorded_events = 0;  // by the kubelet 1.20.2
  size_t events = 0;           // those of 1.36
  size_t good_entries = 0;     // of the cache, each after each step
  size_t error_entries = 0;
  size_t inspections = 0;
  Deviations deviations;

  friend bool operator==(const Totals&, const Totals&) = default;
};

std::ostream& operator<<(std::ostream& os, const Totals& t) {
  return os << t.histories << " histories, " << t.steps << " steps, " << t.failed_lists
            << " failed lists, " << t.recorded_events << " events recorded, " << t.events
            << " events, " << t.good_entries << " good entries, " << t.error_entries
            << " error entries, " << t.inspections << " inspections; "
            << t.deviations.errors_with_status << " errors with a status, "
            << t.deviations.kept_addresses << " kept addresses, " << t.deviations.reset_gauges
            << " reset gauges";
}

std::string Describe(const std::vector<Event>& events) {
  return absl::StrJoin(events, ", ", [](std::string* out, const Event& e) {
    absl::StrAppend(out, e.type(), e.id().empty() ? "" : " ", e.id());
  });
}

std::string Describe(const CachedView& view) {
  return absl::StrCat("error: '", view.error, "'\n", view.status.DebugString());
}

// A pod without a good status so far has the names of its listing here, and none in the kubelet's.
CachedView WithoutListedNames(CachedView view, const CachedView& expected) {
  if (!expected.error.empty() && expected.status.name().empty()) {
    view.status.clear_name();
    view.status.clear_namespace_();
  }
  return view;
}

// One history on a core of its own. What differs is collected, not reported: reading on after the
// first step that differs would only repeat it.
class Replay {
 public:
  Replay(const History& history, Decoding decoding, const pleg::PlegOptions& options)
      : history_(history),
        runtime_(executor_, executor_.clock(), history, decoding),
        oracle_(history),
        cache_(executor_),
        hub_(executor_.clock()),
        pleg_(options,
              {runtime_, executor_.clock(), executor_, cache_, hub_, observer_, pleg::NullLog()}) {}

  // Empty if all is as expected.
  std::string Run(Totals& totals) {
    queue_ = hub_.Subscribe(1'000'000);
    for (const Step& step : history_.steps()) {
      runtime_.Apply(step);
      step.step() == 0 ? Start() : executor_.Advance(period_);
      const Expected expected = oracle_.Next(step);
      Compare(expected);
      Count(step, expected, totals);
      for (const std::string& defect : oracle_.defects()) Differs("the history", "sound", defect);
      if (!differences_.empty()) {
        return absl::StrCat("step ", step.step(), " after ", absl::StrJoin(step.ops(), "; "), "\n",
                            absl::StrJoin(differences_, "\n"));
      }
    }
    totals.deviations.errors_with_status += oracle_.deviations().errors_with_status;
    totals.deviations.kept_addresses += oracle_.deviations().kept_addresses;
    totals.deviations.reset_gauges += oracle_.deviations().reset_gauges;
    ++totals.histories;
    return "";
  }

 private:
  void Start() {
    pleg_.Start();
    executor_.Settle();
  }

  void Compare(const Expected& expected) {
    Differs("lists", "1", absl::StrCat(runtime_.lists()));
    Differs("invalid items", "0", absl::StrCat(runtime_.invalid_items()));
    Differs("last relist listed", absl::StrCat(expected.listed),
            absl::StrCat(!observer_.relists.empty() && observer_.relists.back().lists.ok()));
    CompareEvents(expected);
    CompareCache(expected);
    CompareInspections(expected);
    CompareGauges(expected);
  }

  void CompareEvents(const Expected& expected) {
    std::map<std::string, std::vector<Event>> got;
    for (const pleg::Event& e : queue_->Take().events) {
      Differs("seq", absl::StrCat(++last_seq_), absl::StrCat(e.seq));
      Event& event = got[e.pod_uid.value()].emplace_back();
      event.set_pod(e.pod_uid.value());
      event.set_type(std::string(pleg::EventTypeName(e.type)));
      event.set_id(e.id.value());
      CompareDetails(e);
    }
    std::map<std::string, std::vector<Event>> all = got;
    all.insert(expected.events.begin(), expected.events.end());
    for (const auto& [pod, events] : all) {
      auto want = expected.events.find(pod);
      auto have = got.find(pod);
      Differs(absl::StrCat("events of ", pod),
              want == expected.events.end() ? "" : Describe(want->second),
              have == got.end() ? "" : Describe(have->second));
    }
  }

  // What our events tell beyond the kubelet's.
  void CompareDetails(const pleg::Event& event) {
    const std::string what = absl::StrCat(pleg::EventTypeName(event.type), " ", event.id.value());
    const std::string id = event.id.value();
    const bool is_sandbox = history_.sandboxes().contains(id);
    Differs(absl::StrCat(what, " is of a sandbox"), absl::StrCat(is_sandbox),
            absl::StrCat(event.is_sandbox));
    const auto container = history_.containers().find(id);
    Differs(absl::StrCat(what, " has the container's name"),
            container == history_.containers().end() ? "" : container->second.metadata().name(),
            event.container_name);

    const pleg::ContainerStatus* fresh = cache_.Get(event.pod_uid).status->FindContainer(event.id);
    const bool has_code = event.type == pleg::EventType::kContainerDied && fresh != nullptr &&
                          fresh->state == pleg::ContainerState::kExited;
    Differs(absl::StrCat(what, " has the exit code"),
            has_code ? absl::StrCat(fresh->exit_code) : "none",
            event.exit_code ? absl::StrCat(*event.exit_code) : "none");
  }

  void CompareCache(const Expected& expected) {
    std::vector<std::string> want;
    std::vector<std::string> have;
    for (const auto& [uid, view] : expected.cache) want.push_back(uid);
    for (const pleg::CachedPod& pod : cache_.All()) have.push_back(pod.status->uid.value());
    Differs("pods in the cache", absl::StrJoin(want, " "), absl::StrJoin(have, " "));

    for (const auto& [uid, view] : expected.cache) {
      const pleg::CachedPod pod = cache_.Get(pleg::PodUid(uid));
      Differs(absl::StrCat("entry of ", uid), Describe(view),
              Describe(WithoutListedNames(View(pod), view)));
      Differs(absl::StrCat("entry of ", uid, " found"), "1", absl::StrCat(pod.found));
      if (view.error.empty()) {
        Differs(absl::StrCat("entry of ", uid, " pending"), "0", absl::StrCat(pod.pending));
      }
    }
    for (const std::string& uid : expected.absent) {
      const pleg::CachedPod pod = cache_.Get(pleg::PodUid(uid));
      CachedView none;
      none.status.set_uid(uid);
      Differs(absl::StrCat("no entry of ", uid), Describe(none), Describe(View(pod)));
      Differs(absl::StrCat("no entry of ", uid, " found"), "0", absl::StrCat(pod.found));
    }
  }

  void CompareInspections(const Expected& expected) {
    const auto join = [](const std::map<std::string, uint32_t>& counts) {
      return absl::StrJoin(counts, " ", absl::PairFormatter("="));
    };
    Differs("inspections", join(expected.inspections), join(runtime_.Inspections()));
  }

  void CompareGauges(const Expected& expected) {
    const auto print = [](const Gauges& g) {
      return absl::StrCat("running pods ", g.running_pods, ", containers ",
                          absl::StrJoin(g.running_containers, " ", absl::PairFormatter("=")));
    };
    const auto snapshot = pleg_.Snapshot();
    if (!snapshot->last_relist.has_value()) return;
    const Gauges got{
        .running_pods = static_cast<uint32_t>(snapshot->pods_ready),
        .running_containers = {{"created", static_cast<uint32_t>(snapshot->containers_created)},
                               {"running", static_cast<uint32_t>(snapshot->containers_running)},
                               {"exited", static_cast<uint32_t>(snapshot->containers_exited)},
                               {"unknown", static_cast<uint32_t>(snapshot->containers_unknown)}}};
    Differs("gauges", print(expected.gauges), print(got));
  }

  static void Count(const Step& step, const Expected& expected, Totals& totals) {
    ++totals.steps;
    totals.failed_lists += expected.listed ? 0 : 1;
    totals.recorded_events += static_cast<size_t>(step.expect().events_size());
    for (const auto& [pod, events] : expected.events) totals.events += events.size();
    for (const auto& [uid, view] : expected.cache) {
      ++(view.error.empty() ? totals.good_entries : totals.error_entries);
    }
    for (const auto& [pod, count] : expected.inspections) totals.inspections += count;
  }

  // Notes a difference, if it is one.
  void Differs(const std::string& what, const std::string& want, const std::string& got) {
    if (want == got) return;
    differences_.push_back(absl::StrCat(what, "\n  expected: ", want, "\n  got:      ", got));
  }

  const absl::Duration period_ = absl::Seconds(1);
  const History& history_;
  pleg::testing::SimExecutor executor_;
  HistoryRuntime runtime_;
  Oracle oracle_;
  pleg::PodCache cache_;
  pleg::EventHub hub_;
  pleg::testing::RecordingObserver observer_;
  pleg::GenericPleg pleg_;
  std::shared_ptr<pleg::EventQueue> queue_;
  uint64_t last_seq_ = 0;
  std::vector<std::string> differences_;
};

// As data/README.md has them: counted in the files, not by this code.
constexpr Totals kAll = {
    .histories = 60,
    .steps = 1500,
    .failed_lists = 76,
    .recorded_events = 7735,
    .events = 7954,
    .good_entries = 6697,
    .error_entries = 333,
    .inspections = 2563,
    .deviations = {.errors_with_status = 204, .kept_addresses = 95, .reset_gauges = 789}};

void ReplayAll(Decoding decoding, const pleg::PlegOptions& options) {
  Totals totals;
  for (const std::string& file : HistoryFiles(PLEGD_GOLDEN_DATA)) {
    const absl::StatusOr<History> history = LoadHistory(file);
    ASSERT_TRUE(history.ok()) << history.status();
    const std::string differences = Replay(*history, decoding, options).Run(totals);
    EXPECT_TRUE(differences.empty())
        << std::filesystem::path(file).filename() << ", " << differences;
  }
  EXPECT_EQ(totals, kAll);
}

pleg::PlegOptions Parallel() {
  pleg::PlegOptions options;
  options.inspect_window = 16;
  options.inspect_calls_per_pod = 4;
  options.inspect_slow_after = absl::Seconds(1);
  options.inspect_slow_start_calls = 50;
  return options;
}

TEST(GoldenReplayTest, SerialFromMessages) { ReplayAll(Decoding::kMessages, {}); }
TEST(GoldenReplayTest, SerialFromBytes) { ReplayAll(Decoding::kBytes, {}); }
TEST(GoldenReplayTest, ParallelFromBytes) { ReplayAll(Decoding::kBytes, Parallel()); }

}  // namespace
}  // namespace golden
