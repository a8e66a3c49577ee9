// A GenericPleg on a FakeRuntime, in simulated time, with one subscriber.
//
//   PlegHarness h;
//   h.runtime.PutContainer("pod", "c1", ContainerState::kRunning);
//   h.Relist();
//   EXPECT_THAT(h.Events(), ElementsAre("pod ContainerStarted c1"));

#ifndef PLEGD_PLEG_TESTING_PLEG_HARNESS_H_
#define PLEGD_PLEG_TESTING_PLEG_HARNESS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/event_hub.h"
#include "pleg/generic_pleg.h"
#include "pleg/log.h"
#include "pleg/pod_cache.h"
#include "pleg/testing/fake_runtime.h"
#include "pleg/testing/recording_observer.h"
#include "pleg/testing/sim_executor.h"

namespace pleg::testing {

// Confined to one thread.
class PlegHarness {
 public:
  explicit PlegHarness(PlegOptions options = {}, size_t queue_capacity = 1000)
      : options_(options), queue(hub.Subscribe(queue_capacity)) {}

  // One global relist with all that follows at once from it: the first, or the next.
  void Relist() {
    if (!started_) {
      Start();
    } else {
      exec.Advance(options_.relist_period);
    }
  }
  void Start() {
    started_ = true;
    pleg.Start();
    exec.Settle();
  }
  void Stop() {
    started_ = false;
    pleg.Stop();
    exec.Settle();
  }

  void RequestRelist(absl::string_view uid) {
    pleg.RequestRelist(PodUid(uid));
    exec.Settle();
  }
  void RequestReinspect(absl::string_view uid) {
    pleg.RequestReinspect(PodUid(uid));
    exec.Settle();
  }

  // Takes what the subscriber has: "pod ContainerDied c1 exit=0", "pod PodSync".
  std::vector<std::string> Events() {
    std::vector<std::string> lines;
    for (const Event& event : TakeEvents()) lines.push_back(Line(event));
    return lines;
  }
  std::vector<Event> TakeEvents() { return queue->Take().events; }
  static std::string Line(const Event& event) {
    std::string line = absl::StrCat(event.pod_uid.value(), " ", EventTypeName(event.type));
    if (!event.id.empty()) absl::StrAppend(&line, " ", event.id.value());
    if (event.exit_code.has_value()) absl::StrAppend(&line, " exit=", *event.exit_code);
    return line;
  }

  CachedPod Cached(absl::string_view uid) const { return cache.Get(PodUid(uid)); }

 private:
  const PlegOptions options_;
  bool started_ = false;

 public:
  SimExecutor exec;
  FakeRuntime runtime{exec, exec.clock()};
  PodCache cache{exec};
  EventHub hub{exec.clock()};
  RecordingObserver observer;
  std::shared_ptr<EventQueue> queue;
  GenericPleg pleg{options_, {runtime, exec.clock(), exec, cache, hub, observer, NullLog()}};
};

}  // namespace pleg::testing

#endif  // PLEGD_PLEG_TESTING_PLEG_HARNESS_H_
