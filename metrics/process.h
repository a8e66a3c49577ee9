// The process_* metrics that Prometheus client libraries expose, of this process.

#ifndef PLEGD_METRICS_PROCESS_H_
#define PLEGD_METRICS_PROCESS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace metrics {

// The fields of /proc/<pid>/stat that are used here (proc(5)).
struct ProcStat {
  uint64_t cpu_ticks = 0;    // utime + stime
  uint64_t start_ticks = 0;  // since boot
  uint64_t threads = 0;
  uint64_t virtual_bytes = 0;
  uint64_t resident_pages = 0;
};

// Nothing if the text is not a stat line. The command's name may contain any bytes.
std::optional<ProcStat> ParseProcStat(absl::string_view text);

struct ThreadCpu {
  std::string name;
  int64_t id = 0;
  double cpu_seconds = 0;
};

// The threads of this process and the CPU time of each. `proc_dir`: where procfs is. Empty if that
// cannot be read.
std::vector<ThreadCpu> ReadThreads(const std::string& proc_dir = "/proc");

// Reads only self/stat and self/fd, which take no lock that another process could hold. What cannot
// be read is left out. Thread-safe: immutable.
class ProcessMetrics : public prometheus::Collectable {
 public:
  // `proc_dir`: where procfs is.
  explicit ProcessMetrics(std::string proc_dir);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::string proc_dir_;
  const std::optional<double> boot_time_;  // Unix seconds; read once: /proc/stat is long
};

}  // namespace metrics

#endif  // PLEGD_METRICS_PROCESS_H_
