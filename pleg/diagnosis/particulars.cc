#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/surroundings.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

std::string Exited(const CountEvidence& counts) {
  const std::string oldest =
      counts.oldest_exited.has_value()
          ? absl::StrCat(", the oldest was created ", FormatAge(*counts.oldest_exited), " ago")
          : "";
  return absl::StrCat("exited containers: ", counts.exited, oldest);
}

// They are oldest first.
std::string Oldest(absl::string_view what, const std::vector<ProcessEvidence>& processes) {
  if (processes.empty()) return absl::StrCat("oldest ", what, ": none runs");
  const ProcessEvidence& oldest = processes.front();
  return absl::StrCat("oldest ", what, ": ", ProcessName(oldest), ", ", FormatAge(oldest.age),
                      " old", ProcessState(oldest),
                      processes.size() > 1 ? absl::StrCat(", of ", processes.size()) : "");
}

std::string Frozen(const HostEvidence& host) {
  absl::Duration longest;
  for (const FrozenCgroup& cgroup : host.frozen) longest = std::max(longest, cgroup.frozen_for);
  return absl::StrCat("frozen cgroups: ", host.frozen.size(),
                      host.frozen.empty() ? "" : absl::StrCat(", for up to ", FormatAge(longest)));
}

std::string Fuse(const HostEvidence& host) {
  uint64_t waiting = 0;
  for (const FuseConnection& fuse : host.fuse) waiting += fuse.waiting;
  return absl::StrCat("FUSE requests that wait: ", waiting, " at ", host.fuse.size(),
                      " connections");
}

}  // namespace

std::vector<std::string> Particulars(const Facts& facts) {
  std::vector<std::string> lines = {Exited(facts.e.counts)};
  if (facts.host == nullptr) return lines;
  const HostEvidence& host = *facts.host;
  lines.push_back(Oldest("OCI runtime", host.oci_processes));
  lines.push_back(Oldest("CNI plugin", host.cni_processes));
  lines.push_back(Frozen(host));
  lines.push_back(Fuse(host));
  return lines;
}

}  // namespace pleg
