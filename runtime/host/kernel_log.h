// What the kernel's log tells of tasks that hang, CPUs that are locked up, kills for want of memory
// and storage that fails: lines that people grep dmesg for, and that the kernel itself wrote.
//
//   KernelLog log("/dev/kmsg");   once a look:  evidence.kernel_log = log.Read(now, problems);

#ifndef PLEGD_RUNTIME_HOST_KERNEL_LOG_H_
#define PLEGD_RUNTIME_HOST_KERNEL_LOG_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/host/host_tree.h"
#include "runtime/host/kernel_line.h"

namespace runtime::host {

// Thread-compatible. Bounded: of the last hour the newest kMaxOfAKind lines of each kind, so that
// what there is much of displaces nothing else.
class KernelLog {
 public:
  static constexpr int kMaxOfAKind = 5;
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
    KernelLineKind kind;
    std::string text;
  };

  absl::Status Open();
  absl::Status ReadNew();
  void Take(absl::string_view records);
  void TakeLine(double at_seconds, absl::string_view text);

  const std::string path_;
  OwnedFd fd_;
  std::deque<Line> lines_;  // oldest first
  // Of the last such line; the kill of that pid is the node's.
  std::optional<int> service_in_limit_;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_KERNEL_LOG_H_
