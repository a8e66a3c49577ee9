// What /debug/ tells of plegd itself.
//
//   std::string text = DebugText(facts);

#ifndef PLEGD_API_DEBUG_TEXT_H_
#define PLEGD_API_DEBUG_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "pleg/call_stats.h"
#include "pleg/observer.h"
#include "pleg/pod_cache.h"

namespace api {

// Thread-compatible.
struct DebugFacts {
  struct Thread {
    std::string name;
    int64_t id = 0;
    double cpu_seconds = 0;
  };
  std::string version;
  std::string flags;  // a line each
  std::string endpoint{};
  std::string connection;
  std::vector<Thread> threads{};

  size_t loop_queued = 0;
  absl::Duration loop_age;
  std::vector<size_t> subscriber_queues;  // events that wait, of each
  size_t log_queued_bytes = 0;
  // "dropped=0 errors=0", of each writer that there is.
  std::vector<std::pair<std::string, std::string>> writers{};

  pleg::PlegSnapshot core;
  pleg::CallSnapshot calls;
  std::vector<pleg::CachedPod> pods;
};

// Lines of text, one thing each, safe for a terminal. Reads what the allocator and the kernel say
// of this process; sizes of parts are estimates and say so.
std::string DebugText(const DebugFacts& facts);

}  // namespace api

#endif  // PLEGD_API_DEBUG_TEXT_H_
