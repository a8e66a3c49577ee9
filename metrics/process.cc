#include "metrics/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "metrics/families.h"

namespace metrics {
namespace {

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::optional<double> ReadBootTime(const std::string& proc_dir) {
  const std::optional<std::string> text = ReadFile(absl::StrCat(proc_dir, "/stat"));
  if (!text.has_value()) return std::nullopt;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    double seconds = 0;
    if (absl::ConsumePrefix(&line, "btime ") && absl::SimpleAtod(line, &seconds)) return seconds;
  }
  return std::nullopt;
}

// Empty if the directory cannot be read. The descriptor that reads it is not counted.
std::optional<size_t> CountOpenFds(const std::string& proc_dir) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(absl::StrCat(proc_dir, "/self/fd").c_str()),
                                                &closedir);
  if (dir == nullptr) return std::nullopt;
  size_t entries = 0;
  while (const dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] != '.') ++entries;
  }
  return entries > 0 ? entries - 1 : 0;
}

double TicksToSeconds(uint64_t ticks) {
  static const auto per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  return static_cast<double>(ticks) / per_second;
}

}  // namespace

std::optional<ProcStat> ParseProcStat(absl::string_view text) {
  const size_t name_end = text.rfind(')');
  if (name_end == absl::string_view::npos) return std::nullopt;
  // Fields from the third, state, on: proc(5) counts from 1.
  constexpr size_t kFirst = 3;
  constexpr size_t kUtime = 14 - kFirst, kStime = 15 - kFirst, kThreads = 20 - kFirst,
                   kStart = 22 - kFirst, kVirtual = 23 - kFirst, kResident = 24 - kFirst;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(text.substr(name_end + 1), absl::ByAnyChar(" \n"), absl::SkipEmpty());
  if (fields.size() <= kResident) return std::nullopt;
  ProcStat stat;
  uint64_t system_ticks = 0;
  const bool ok = absl::SimpleAtoi(fields[kUtime], &stat.cpu_ticks) &&
                  absl::SimpleAtoi(fields[kStime], &system_ticks) &&
                  absl::SimpleAtoi(fields[kThreads], &stat.threads) &&
                  absl::SimpleAtoi(fields[kStart], &stat.start_ticks) &&
                  absl::SimpleAtoi(fields[kVirtual], &stat.virtual_bytes) &&
                  absl::SimpleAtoi(fields[kResident], &stat.resident_pages);
  if (!ok) return std::nullopt;
  stat.cpu_ticks += system_ticks;
  return stat;
}

std::vector<ThreadCpu> ReadThreads(const std::string& proc_dir) {
  std::vector<ThreadCpu> threads;
  const std::string tasks = absl::StrCat(proc_dir, "/self/task");
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(tasks.c_str()), &closedir);
  if (dir == nullptr) return threads;
  while (const dirent* entry = readdir(dir.get())) {
    ThreadCpu thread;
    if (!absl::SimpleAtoi(entry->d_name, &thread.id)) continue;
    const std::optional<std::string> text = ReadFile(absl::StrCat(tasks, "/", thread.id, "/stat"));
    if (!text.has_value()) continue;
    const std::optional<ProcStat> stat = ParseProcStat(*text);
    const size_t open = text->find('(');
    const size_t close = text->rfind(')');
    if (!stat.has_value() || open >= close) continue;
    thread.name = text->substr(open + 1, close - open - 1);
    thread.cpu_seconds = TicksToSeconds(stat->cpu_ticks);
    threads.push_back(std::move(thread));
  }
  std::sort(threads.begin(), threads.end(),
            [](const ThreadCpu& a, const ThreadCpu& b) { return a.id < b.id; });
  return threads;
}

ProcessMetrics::ProcessMetrics(std::string proc_dir)
    : proc_dir_(std::move(proc_dir)), boot_time_(ReadBootTime(proc_dir_)) {}

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  std::vector<prometheus::MetricFamily> out;
  const std::optional<std::string> text = ReadFile(absl::StrCat(proc_dir_, "/self/stat"));
  const std::optional<ProcStat> stat =
      text.has_value() ? ParseProcStat(*text) : std::optional<ProcStat>();
  if (stat.has_value()) {
    static const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    out.push_back(Counter("process_cpu_seconds_total",
                          "User and system CPU time spent, in seconds.",
                          TicksToSeconds(stat->cpu_ticks)));
    out.push_back(Gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
                        static_cast<double>(stat->resident_pages * page_bytes)));
    out.push_back(Gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.",
                        static_cast<double>(stat->virtual_bytes)));
    out.push_back(
        Gauge("process_threads", "Threads of the process.", static_cast<double>(stat->threads)));
    if (boot_time_.has_value()) {
      out.push_back(Gauge("process_start_time_seconds",
                          "Start of the process in seconds since the Unix epoch.",
                          *boot_time_ + TicksToSeconds(stat->start_ticks)));
    }
  }
  if (const std::optional<size_t> fds = CountOpenFds(proc_dir_); fds.has_value()) {
    out.push_back(Gauge("process_open_fds", "Open file descriptors.", static_cast<double>(*fds)));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    out.push_back(Gauge("process_max_fds", "Limit on open file descriptors.",
                        static_cast<double>(limit.rlim_cur)));
  }
  return out;
}

}  // namespace metrics
