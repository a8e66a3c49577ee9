#include "pleg/diagnosis/runtime_identity.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

// Distributions that run the runtime, or runtime and kubelet, below a unit of their own.
struct Distribution {
  absl::string_view endpoint_part;
  absl::string_view unit;
  absl::string_view kubelet_unit;
};
constexpr Distribution kDistributions[] = {
    {"/rke2/", "rke2-agent", "rke2-agent"},
    {"/k3s/", "k3s-agent", "k3s-agent"},  // k3s and RKE2
    {"/k0s/", "k0sworker", "k0sworker"},
    {"/microk8s/", "snap.microk8s.daemon-containerd", "snap.microk8s.daemon-kubelite"},
};

struct Known {
  RuntimeKind kind;
  absl::string_view name_part;
  absl::string_view process;
  absl::string_view unit;
};
// Docker first: cri-dockerd's socket has "cri" and "docker" in its name.
constexpr Known kKnown[] = {
    {RuntimeKind::kCriDockerd, "docker", "dockerd", "docker"},
    {RuntimeKind::kContainerd, "containerd", "containerd", "containerd"},
    {RuntimeKind::kCrio, "cri-o", "crio", "crio"},
    {RuntimeKind::kCrio, "crio", "crio", "crio"},
};

const Known* Find(absl::string_view text) {
  for (const Known& known : kKnown) {
    if (absl::StrContains(text, known.name_part)) return &known;
  }
  return nullptr;
}

std::string UnitOf(const std::optional<ProcessEvidence>& process) {
  return process.has_value() ? ShellWord(process->unit) : "";
}

// Where one unit is both, it is by whatever name it is seen.
void UseUnitsSeen(const std::optional<HostEvidence>& host, RuntimeIdentity& identity) {
  if (!host.has_value()) return;
  const bool one = identity.one_unit();
  if (const std::string unit = UnitOf(host->runtime_process); !unit.empty()) {
    identity.unit = unit;
    if (one) identity.kubelet_unit = unit;
  }
  if (const std::string unit = UnitOf(host->kubelet_process); !unit.empty()) {
    identity.kubelet_unit = unit;
    if (one) identity.unit = unit;
  }
}

}  // namespace

RuntimeIdentity IdentifyRuntime(const Evidence& evidence) {
  const RuntimeEvidence& runtime = evidence.runtime;
  RuntimeIdentity identity;
  identity.title = "the runtime";
  identity.kubelet_unit = "kubelet";
  const std::string name = absl::AsciiStrToLower(runtime.name);
  const std::string process =
      evidence.host.has_value() && evidence.host->runtime_process.has_value()
          ? evidence.host->runtime_process->name
          : "";
  const Known* known = name.empty() ? Find(runtime.endpoint) : Find(name);
  if (known == nullptr && name.empty()) known = Find(process);
  if (known != nullptr) {
    identity.kind = known->kind;
    identity.process = std::string(known->process);
    identity.unit = std::string(known->unit);
    identity.title = std::string(known->process);
  }
  if (!name.empty()) {
    identity.title = Shorten(Printable(runtime.name), 24);
  } else if (known == nullptr && !process.empty()) {
    identity.title = Shorten(Printable(process), 24);
  }
  for (const Distribution& distribution : kDistributions) {
    if (!absl::StrContains(runtime.endpoint, distribution.endpoint_part)) continue;
    identity.unit = std::string(distribution.unit);
    identity.kubelet_unit = std::string(distribution.kubelet_unit);
    break;
  }
  UseUnitsSeen(evidence.host, identity);
  if (!runtime.version.empty()) {
    absl::StrAppend(&identity.title, " ", Shorten(Printable(runtime.version), 24));
  }
  return identity;
}

}  // namespace pleg
