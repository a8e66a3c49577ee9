#include "runtime/host/own_namespace.h"

#include "absl/status/statusor.h"
#include "runtime/host/proc_parse.h"

namespace runtime::host {
namespace {

// PROC_PID_INIT_INO of Linux, include/linux/proc_ns.h.
constexpr char kHostNamespace[] = "pid:[4026531836]";

// In how many PID namespaces the caller has a pid, from that of `proc` down: "NSpid: 4711 1".
size_t NamespacesBelow(const HostTree& proc) {
  const absl::StatusOr<std::string> status = proc.Read(OwnDirectory(proc) + "/status");
  if (!status.ok()) return 0;
  return PidNamespacesOfStatus(*status);
}

}  // namespace

std::string OwnDirectory(const HostTree& proc) {
  const absl::StatusOr<std::string> pid = proc.ReadLink("self");
  return pid.ok() && IsNumber(*pid) ? *pid : "self";
}

std::string OwnCgroups(const HostTree& proc) {
  return proc.Read(OwnDirectory(proc) + "/cgroup").value_or("");
}

bool SeesOwnContainerOnly(const HostTree& proc) {
  if (NamespacesBelow(proc) != 1) return false;
  const absl::StatusOr<std::string> own = proc.ReadLink(OwnDirectory(proc) + "/ns/pid");
  if (!own.ok() || *own == kHostNamespace) return false;
  const absl::StatusOr<std::string> first = proc.Read("1/comm");
  if (first.ok() && *first == "pause\n") return true;
  const absl::StatusOr<std::string> cgroup_of_first = proc.Read("1/cgroup");
  const std::string cgroup = OwnCgroups(proc);
  return !cgroup.empty() && cgroup_of_first.ok() && cgroup == *cgroup_of_first;
}

}  // namespace runtime::host
