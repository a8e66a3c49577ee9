// What our PLEG must show after each step of a golden history: what Kubernetes 1.36 would, and our
// own deliberate deviations from it, predicted exactly.
//
//   Oracle oracle(history);
//   for (const Step& step : history.steps()) Expected expected = oracle.Next(step);

#ifndef PLEGD_TEST_GOLDEN_EXPECTATION_H_
#define PLEGD_TEST_GOLDEN_EXPECTATION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pleg/pod_cache.h"
#include "test/golden/history.pb.h"

namespace golden {

// One pod in the cache. The kubelet has a status or an error; we keep the last good status, with
// its addresses, beside an error.
struct CachedView {
  CacheEntry status;  // never an error; only the UID when there has been no good inspection
  std::string error;  // Go's text, empty without
};

struct Gauges {
  uint32_t running_pods = 0;
  std::map<std::string, uint32_t> running_containers;  // by state; a state without containers is 0

  friend bool operator==(const Gauges&, const Gauges&) = default;
};

struct Expected {
  bool listed = false;
  std::map<std::string, std::vector<Event>> events;  // by pod
  std::map<std::string, CachedView> cache;           // every entry that there is
  std::set<std::string> absent;                      // pods that have had an entry and have none
  std::map<std::string, uint32_t> inspections;       // by pod
  Gauges gauges;
};

// Where we are meant to differ from Kubernetes 1.36, and how often that was predicted.
struct Deviations {
  size_t errors_with_status = 0;  // an error entry that has kept a good status
  size_t kept_addresses = 0;      // addresses that survived a failed inspection
  size_t reset_gauges = 0;        // counts that the kubelet would have left stale

  friend bool operator==(const Deviations&, const Deviations&) = default;
};

// Steps are to be given in order. Thread-compatible.
class Oracle {
 public:
  // `history` outlives the oracle.
  explicit Oracle(const History& history) : history_(history) {}

  Expected Next(const Step& step);

  const Deviations& deviations() const { return deviations_; }
  // What is contradictory in the history itself, as far as it was noticed; empty in sound data.
  const std::vector<std::string>& defects() const { return defects_; }

 private:
  // Every entry of Kubernetes 1.36 after the step, container statuses put together.
  std::map<std::string, CacheEntry> KubeletCache(const Step& step);
  CachedView Ours(const CacheEntry& kubelet);
  void CountGauges(const Step& step, Gauges& gauges);

  const History& history_;
  std::map<std::string, CacheEntry> recorded_;         // as recorded, by UID
  std::map<std::string, ContainerStatus> containers_;  // latest cached status, by ID
  std::map<std::string, ContainerPart> parts_;         // latest part, by ID
  std::map<std::string, CacheEntry> last_good_;        // ours, by UID
  std::set<std::string> failed_since_addresses_;
  std::set<std::string> seen_;
  Gauges gauges_;
  Deviations deviations_;
  std::vector<std::string> defects_;
};

// What the cache really says of a pod, in the same form.
CachedView View(const pleg::CachedPod& pod);

}  // namespace golden

#endif  // PLEGD_TEST_GOLDEN_EXPECTATION_H_
