// What a SimServer has seen, and a way for tests to wait until it has.

#ifndef PLEGD_RUNTIME_SIM_SERVER_STATS_H_
#define PLEGD_RUNTIME_SIM_SERVER_STATS_H_

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "pleg/mutex.h"
#include "runtime/sim/rpc.h"

namespace sim {

struct RpcStats {
  uint64_t calls = 0;      // Begun.
  uint64_t ok = 0;         // Ended with OK.
  uint64_t errors = 0;     // Ended with another status of ours.
  uint64_t cancelled = 0;  // Ended by the client, its deadline or the connection.
  uint64_t in_flight = 0;
  uint64_t hung = 0;     // In flight and held by a fault.
  uint64_t verbose = 0;  // Asked for verbose information, which a PLEG must not.
  uint64_t bytes = 0;    // Of the messages sent.
};

struct ServerStats {
  std::array<RpcStats, kRpcCount> rpcs;
  uint64_t refused = 0;      // Calls that no RPC took: unknown methods, bytes that are no request.
  uint64_t connections = 0;  // Open.
  uint64_t accepted = 0;     // Ever opened.

  const RpcStats& of(Rpc rpc) const { return rpcs[static_cast<size_t>(rpc)]; }
};

// Thread-safe.
class StatsBoard {
 public:
  template <typename Update>
  void Change(Update update) ABSL_LOCKS_EXCLUDED(mu_) {
    {
      pleg::MutexLock lock(mu_);
      update(stats_);
    }
    changed_.notify_all();
  }

  ServerStats Get() const ABSL_LOCKS_EXCLUDED(mu_) {
    pleg::MutexLock lock(mu_);
    return stats_;
  }

  // Blocks until `holds(stats)`, at most for the timeout; returns whether it holds.
  template <typename Predicate>
  bool Await(Predicate holds, absl::Duration timeout) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    pleg::MutexLock lock(mu_);
    return changed_.wait_for(mu_, absl::ToChronoNanoseconds(timeout),
                             [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return holds(stats_); });
  }

 private:
  mutable pleg::Mutex mu_;
  std::condition_variable_any changed_;
  ServerStats stats_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_SERVER_STATS_H_
