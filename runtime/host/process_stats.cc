#include "runtime/host/process_stats.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "runtime/host/proc_file.h"

namespace runtime::host {
namespace {

void ReadStat(const HostTree& proc, const std::string& name, ProcessStats& stats,
              std::vector<std::string>& problems) {
  const absl::StatusOr<std::string> text = proc.Read(absl::StrCat(name, "/stat"));
  if (!text.ok()) return;  // it has ended
  absl::StatusOr<ProcessStat> stat = ParseProcessStat(*text);
  if (!stat.ok()) {
    problems.emplace_back(stat.status().message());
    return;
  }
  const int pid = stat->pid;
  stats.insert_or_assign(pid, *std::move(stat));
}

}  // namespace

bool ReadProcessStats(const HostTree& proc, size_t limit, const std::vector<int>& wanted,
                      ProcessStats& stats, std::vector<std::string>& problems) {
  const absl::StatusOr<std::vector<std::string>> names = proc.List("", limit);
  if (!names.ok()) {
    problems.emplace_back(names.status().message());
    return true;
  }
  for (const std::string& name : *names) {
    if (IsNumber(name)) ReadStat(proc, name, stats, problems);
  }
  if (names->size() < limit) return true;
  problems.push_back(absl::StrCat("more than ", limit, " processes: not all were looked at"));
  for (const int pid : wanted) {
    if (!stats.contains(pid)) ReadStat(proc, absl::StrCat(pid), stats, problems);
  }
  return false;
}

std::vector<const ProcessStat*> OldestFirst(const ProcessStats& stats) {
  std::vector<const ProcessStat*> sorted;
  sorted.reserve(stats.size());
  for (const auto& [pid, stat] : stats) sorted.push_back(&stat);
  std::sort(sorted.begin(), sorted.end(), [](const ProcessStat* a, const ProcessStat* b) {
    return std::tie(a->start_ticks, a->pid) < std::tie(b->start_ticks, b->pid);
  });
  return sorted;
}

}  // namespace runtime::host
