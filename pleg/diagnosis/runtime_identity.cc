#include "pleg/diagnosis/runtime_identity.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

// Of a unit that a distribution runs everything in.
enum class Holds : uint8_t { kNodeAlone, kServerToo };

struct UnitRow {
  absl::string_view endpoint_part;
  absl::string_view kubelet_version_part;  // "v1.32.4+rke2r1"
  absl::string_view unit;
  absl::string_view kubelet_unit;
  Holds holds;             // the kubelet's unit, beside the kubelet
  absl::string_view root;  // containerd's; may be a pattern
};
// Distributions that run the runtime, or runtime and kubelet, below a unit of their own: on servers
// and agents another one.
constexpr UnitRow kDistributions[] = {
    {"/k3s/", "+k3s", "k3s", "k3s", Holds::kServerToo, "/var/lib/rancher/*/agent/containerd"},
    {"/k3s/", "+k3s", "k3s-agent", "k3s-agent", Holds::kNodeAlone,
     "/var/lib/rancher/*/agent/containerd"},
    {"/k3s/", "+rke2", "rke2-server", "rke2-server", Holds::kServerToo,
     "/var/lib/rancher/*/agent/containerd"},
    {"/k3s/", "+rke2", "rke2-agent", "rke2-agent", Holds::kNodeAlone,
     "/var/lib/rancher/*/agent/containerd"},
    {"/k0s/", "", "k0sworker", "k0sworker", Holds::kNodeAlone, "/var/lib/k0s/containerd"},
    {"/k0s/", "", "k0scontroller", "k0scontroller", Holds::kServerToo, "/var/lib/k0s/containerd"},
    {"/microk8s/", "", "snap.microk8s.daemon-containerd", "snap.microk8s.daemon-kubelite",
     Holds::kServerToo, "/var/snap/microk8s/common/var/lib/containerd"},
};

struct Known {
  RuntimeKind kind;
  absl::string_view name_part;
  absl::string_view process;
  absl::string_view list_sandboxes;
  absl::string_view list_containers;
};
constexpr absl::string_view kContainerdRoot = "/var/lib/containerd";
// The same in containerd 2, whose plugin is called otherwise.
constexpr absl::string_view kContainerdCri = "/io.containerd.grpc.v1.cri/";
constexpr absl::string_view kCrioAll = "ls /var/lib/containers/storage/overlay-containers";
constexpr absl::string_view kDockerSandboxes =
    "docker ps -aq --no-trunc --filter label=io.kubernetes.docker.type=podsandbox";
constexpr absl::string_view kDockerContainers =
    "docker ps -aq --no-trunc --filter label=io.kubernetes.docker.type=container";
// Docker first: cri-dockerd's socket has "cri" and "docker" in its name.
constexpr Known kKnown[] = {
    {RuntimeKind::kCriDockerd, "docker", "dockerd", kDockerSandboxes, kDockerContainers},
    {RuntimeKind::kContainerd, "containerd", "containerd", "", ""},
    {RuntimeKind::kCrio, "cri-o", "crio", kCrioAll, kCrioAll},
    {RuntimeKind::kCrio, "crio", "crio", kCrioAll, kCrioAll},
};

// Shims and conmons keep the containers of all but Docker, which has to be told to.
struct RestartRow {
  RuntimeKind kind;
  absl::string_view what;
  absl::string_view unit;
  absl::string_view process;  // its main one
  absl::string_view cost;
  absl::string_view check;
};
constexpr absl::string_view kContainersRunOn = "containers run on";
// A containerd that starts asks every shim, and takes what one that is silent serves for dead.
constexpr absl::string_view kMostRunOn =
    "containers run on, except those of a shim that does not answer";
constexpr RestartRow kRestarts[] = {
    {RuntimeKind::kContainerd, "the runtime", "containerd", "containerd", kMostRunOn, ""},
    {RuntimeKind::kCrio, "the runtime", "crio", "crio", kContainersRunOn, ""},
    {RuntimeKind::kCriDockerd, "cri-dockerd", "cri-docker", "cri-dockerd", kContainersRunOn, ""},
    {RuntimeKind::kCriDockerd, "Docker itself", "docker", "dockerd",
     "it stops every container, unless live-restore is on",
     "timeout 5 docker info -f '{{.LiveRestoreEnabled}}' || grep -s live-restore "
     "/etc/docker/daemon.json"},
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

void AddUnit(absl::string_view name, Units& units) {
  if (std::count(units.names.begin(), units.names.end(), name) == 0) units.names.emplace_back(name);
}

// A unit that was seen is the one, unless it is part of what is known already.
void UseUnitSeen(const std::string& unit, Units& units) {
  if (unit.empty()) return;
  const bool known = std::count(units.names.begin(), units.names.end(), unit) > 0;
  if (!known || units.either) units = {{unit}, false};
}

// Where one unit is both, it is by whatever name it is seen.
void UseUnitsSeen(const std::optional<HostEvidence>& host, RuntimeIdentity& identity) {
  if (!host.has_value()) return;
  const bool one = identity.one_unit();
  const std::string unit = UnitOf(host->runtime_process);
  const std::string kubelet_unit = UnitOf(host->kubelet_process);
  UseUnitSeen(unit.empty() && one ? kubelet_unit : unit, identity.unit);
  UseUnitSeen(kubelet_unit.empty() && one ? unit : kubelet_unit, identity.kubelet_unit);
}

std::vector<const UnitRow*> RowsOf(const Evidence& evidence) {
  std::vector<const UnitRow*> rows;
  std::vector<const UnitRow*> of_version;
  for (const UnitRow& row : kDistributions) {
    if (!absl::StrContains(evidence.runtime.endpoint, row.endpoint_part)) continue;
    rows.push_back(&row);
    if (evidence.kubelet.has_value() &&
        absl::StrContains(evidence.kubelet->version, row.kubelet_version_part)) {
      of_version.push_back(&row);
    }
  }
  return of_version.empty() ? rows : of_version;
}

// The units of this endpoint, and what those of the kubelet hold.
void NameUnits(const Evidence& evidence, RuntimeIdentity& identity) {
  const std::vector<const UnitRow*> rows = RowsOf(evidence);
  identity.kubelet_unit.names = {"kubelet"};
  if (identity.kind == RuntimeKind::kContainerd) {
    const absl::string_view root = rows.empty() ? kContainerdRoot : rows.front()->root;
    identity.list_sandboxes = absl::StrCat("ls ", root, kContainerdCri, "sandboxes");
    identity.list_containers = absl::StrCat("ls ", root, kContainerdCri, "containers");
  }
  if (rows.empty()) {
    for (const RestartRow& row : kRestarts) {
      if (row.kind == identity.kind) AddUnit(row.unit, identity.unit);
    }
    UseUnitsSeen(evidence.host, identity);
    return;
  }
  identity.unit.names.clear();
  identity.kubelet_unit.names.clear();
  for (const UnitRow* row : rows) {
    AddUnit(row->unit, identity.unit);
    AddUnit(row->kubelet_unit, identity.kubelet_unit);
  }
  identity.unit.either = identity.unit.names.size() > 1;
  identity.kubelet_unit.either = identity.kubelet_unit.names.size() > 1;
  UseUnitsSeen(evidence.host, identity);
  const bool either = identity.kubelet_unit.either;
  for (const UnitRow* row : rows) {
    const auto& names = identity.kubelet_unit.names;
    if (row->holds != Holds::kServerToo ||
        std::count(names.begin(), names.end(), row->kubelet_unit) == 0) {
      continue;
    }
    identity.kubelet_cost = either ? "on a server, API server and datastore restart with it"
                                   : "API server and datastore restart with it";
  }
}

void NameRestarts(RuntimeIdentity& identity) {
  const Units& unit = identity.unit;
  const auto is = [&unit](const RestartRow& row) {
    return std::count(unit.names.begin(), unit.names.end(), row.unit) > 0;
  };
  bool own = false;  // it has units of which each one's cost is known
  for (const RestartRow& row : kRestarts) {
    if (row.kind != identity.kind || !is(row)) continue;
    own = true;
    if (row.process == identity.process) identity.own_unit = std::string(row.unit);
  }
  if (!own && !unit.empty()) {
    std::string cost(identity.kind == RuntimeKind::kContainerd ? kMostRunOn
                     : identity.kind == RuntimeKind::kOther
                         ? "whether containers run on is not known"
                         : kContainersRunOn);
    if (identity.one_unit() && !identity.kubelet_cost.empty()) {
      absl::StrAppend(&cost, "; ", identity.kubelet_cost);
    }
    identity.restarts.push_back({"the runtime", unit.Revive(), cost, ""});
  }
  for (const RestartRow& row : kRestarts) {
    // Docker stays Docker, whoever translates for it.
    if (row.kind != identity.kind || !(is(row) || row.unit == "docker")) continue;
    identity.restarts.push_back({std::string(row.what),
                                 absl::StrCat("systemctl restart ", row.unit),
                                 std::string(row.cost), std::string(row.check)});
  }
}

}  // namespace

std::string Units::Name() const { return absl::StrJoin(names, either ? " or " : " and "); }

std::string Units::Log() const {
  return names.empty() ? "" : absl::StrCat("journalctl -u ", absl::StrJoin(names, " -u "));
}

std::string Units::Start() const {
  if (names.empty()) return "";
  if (!either) return absl::StrCat("systemctl start ", absl::StrJoin(names, " "));
  // A package may install all of them.
  return absl::StrCat("systemctl start $(systemctl list-unit-files --state=enabled --no-legend ",
                      absl::StrJoin(names, ".service "), ".service | awk '{print $1}')");
}

std::string Units::Revive() const {
  if (names.empty()) return "";
  return absl::StrCat(either ? "systemctl try-restart " : "systemctl restart ",
                      absl::StrJoin(names, " "));
}

RuntimeIdentity IdentifyRuntime(const Evidence& evidence) {
  const RuntimeEvidence& runtime = evidence.runtime;
  RuntimeIdentity identity;
  identity.title = "the runtime";
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
    identity.list_sandboxes = std::string(known->list_sandboxes);
    identity.list_containers = std::string(known->list_containers);
    identity.title = std::string(known->process);
  }
  if (!name.empty()) {
    identity.title = Shorten(Printable(runtime.name), 24);
  } else if (known == nullptr && !process.empty()) {
    identity.title = Shorten(Printable(process), 24);
  }
  NameUnits(evidence, identity);
  NameRestarts(identity);
  if (!runtime.version.empty()) {
    absl::StrAppend(&identity.title, " ", Shorten(Printable(runtime.version), 24));
  }
  return identity;
}

}  // namespace pleg
