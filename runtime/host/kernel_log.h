// What the kernel's log tells of tasks that hang, CPUs that are locked up, kills for want of memory
// and storage that fails: lines that people grep dmesg for.
//
//   KernelLog log("/dev/kmsg");   once a look:  evidence.kernel_log = log.Read(now, problems);

#ifndef PLEGD_RUNTIME_HOST_KERNEL_LOG_H_
#define PLEGD_RUNTIME_HOST_KERNEL_LOG_H_

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/host/host_tree.h"

namespace runtime::host {

// Whether a message of the kernel is one of those. Kills within a memory limit of their own are
// not, unless they hit what runs pods: containers exceed their limits every day. Nor is one that
// has the words from the name of a process, which anybody may choose.
bool IsTelling(absl::string_view message);

// Thread-compatible. Bounded: the newest kMaxKept lines of the last hour.
class KernelLog {
 public:
  static constexpr size_t kMaxKept = 20;
  static constexpr size_t kMaxRecords = 50'000;  // read in one go
  static constexpr double kKeptSeconds = 3600;

  explicit KernelLog(std::string path) : path_(std::move(path)) {}

  // Reads what has been logged since the last call, without waiting for more, and returns the
  // telling lines, latest first: "INFO: task runc:4711 blocked for more than 120 seconds. (7s
  // ago)". `kernel_seconds` is now, on the clock that does not count suspended time. Why it cannot
  // be read goes to `problems`, each time.
  std::vector<std::string> Read(double kernel_seconds, std::vector<std::string>& problems);

 private:
  struct Line {
    double at_seconds = 0;  // after boot
    std::string text;
  };

  absl::Status Open();
  absl::Status ReadNew();
  void Take(absl::string_view records);

  const std::string path_;
  OwnedFd fd_;
  std::deque<Line> lines_;           // oldest first
  bool kills_in_container_ = false;  // the kill that is logged next
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_KERNEL_LOG_H_
