// Whether something has happened that may change what is thought of the node: a counter that moves
// with each event, each error and each slow call, and rests while every relist is like the last.
//
//   Changes changes;   GenericPleg pleg(…, changes);   CriRuntime runtime(…, changes);
//   if (changes.count() != seen) …

#ifndef PLEGD_NODE_CHANGES_H_
#define PLEGD_NODE_CHANGES_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "pleg/call_stats.h"
#include "pleg/mutex.h"
#include "pleg/observer.h"

namespace node {

// Thread-safe.
class Changes : public pleg::PlegObserver, public pleg::CallObserver {
 public:
  uint64_t count() const { return count_; }
  // Something else has: a connection, the runtime's conditions.
  void Note() { ++count_; }

  void OnRelistInterval(absl::Duration) override {}
  void OnRelistEnd(const pleg::RelistRecord& relist) override;
  void OnPodRelistEnd(absl::Duration) override {}
  void OnInspectionEnd(pleg::InspectionResult result, absl::Duration duration) override;
  void OnEvent(pleg::EventType) override { Note(); }
  void OnEventsDiscarded(size_t) override { Note(); }
  void OnRelistRequestDropped() override {}

  // Calls that fail, are slow, or are good again.
  void OnCallEnd(const pleg::CallRecord& call) override;
  void OnInvalidItem(absl::string_view, absl::string_view) override {}

 private:
  std::atomic<uint64_t> count_ = 0;
  pleg::Mutex mu_;
  absl::flat_hash_set<std::string> failing_ ABSL_GUARDED_BY(mu_);  // methods, by their last call
};

}  // namespace node

#endif  // PLEGD_NODE_CHANGES_H_
