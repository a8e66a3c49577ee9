#include "runtime/host/own_namespace.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runtime/host/proc_file.h"

namespace runtime::host {
namespace {

// PROC_PID_INIT_INO of Linux, include/linux/proc_ns.h.
constexpr char kHostNamespace[] = "pid:[4026531836]";

// In how many PID namespaces the caller has a pid, from that of `procfs` down: "NSpid: 4711 1".
size_t NamespacesBelow(const std::string& procfs) {
  const absl::StatusOr<std::string> status = ReadSmallFile(procfs + "/self/status");
  if (!status.ok()) return 0;
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    if (!absl::ConsumePrefix(&line, "NSpid:")) continue;
    const std::vector<absl::string_view> pids =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    return pids.size();
  }
  return 0;
}

}  // namespace

bool SeesOwnContainerOnly(const std::string& procfs) {
  if (NamespacesBelow(procfs) != 1) return false;
  const absl::StatusOr<std::string> own = ReadLink(procfs + "/self/ns/pid");
  if (!own.ok() || *own == kHostNamespace) return false;
  const absl::StatusOr<std::string> first = ReadSmallFile(procfs + "/1/comm");
  if (first.ok() && *first == "pause\n") return true;
  const absl::StatusOr<std::string> cgroup_of_first = ReadSmallFile(procfs + "/1/cgroup");
  const absl::StatusOr<std::string> cgroup = ReadSmallFile(procfs + "/self/cgroup");
  return cgroup.ok() && cgroup_of_first.ok() && *cgroup == *cgroup_of_first;
}

}  // namespace runtime::host
