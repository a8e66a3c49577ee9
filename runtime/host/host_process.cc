#include "runtime/host/host_process.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/host/proc_file.h"

namespace runtime::host {
namespace {

constexpr size_t kMaxCniValue = 253;  // a name of Kubernetes
constexpr size_t kMaxComm = 15;

}  // namespace

CniCall ParseCniCall(absl::string_view environment) {
  CniCall call;
  absl::string_view arguments;
  for (absl::string_view variable : absl::StrSplit(environment, '\0')) {
    if (absl::ConsumePrefix(&variable, "CNI_COMMAND=")) {
      call.command = std::string(variable.substr(0, kMaxCniValue));
    } else if (absl::ConsumePrefix(&variable, "CNI_CONTAINERID=")) {
      call.sandbox = ContainerOfCgroup(variable);
    } else if (absl::ConsumePrefix(&variable, "CNI_ARGS=")) {
      arguments = variable;
    }
  }
  for (absl::string_view argument : absl::StrSplit(arguments, ';')) {
    if (absl::ConsumePrefix(&argument, "K8S_POD_NAMESPACE=")) {
      call.pod_namespace = std::string(argument.substr(0, kMaxCniValue));
    } else if (absl::ConsumePrefix(&argument, "K8S_POD_NAME=")) {
      call.pod_name = std::string(argument.substr(0, kMaxCniValue));
    }
  }
  return call;
}

bool IsInitOfContainer(absl::string_view comm) { return absl::StrContains(comm, ":["); }

// What else a runtime starts: for an image or a port, and NRI plugins ("10-topology"), which run as
// long as it does (containerd/nri, pkg/adaptation).
bool IsHelperOfRuntime(absl::string_view comm) {
  static constexpr absl::string_view kHelpers[] = {"unpigz", "pigz", "igzip",       "zstd",
                                                   "gzip",   "ctr",  "ctd-decoder", "docker-proxy"};
  const bool nri = comm.size() > 3 && comm[2] == '-' && IsNumber(comm.substr(0, 2));
  return nri || std::find(std::begin(kHelpers), std::end(kHelpers), comm) != std::end(kHelpers);
}

Role RoleByName(const ProcessStat& process) {
  const absl::string_view comm = process.comm;
  if (process.pid == 1) return Role::kInit;
  if (absl::StartsWith(comm, "containerd-shim") || absl::StartsWith(comm, "conmon")) {
    return Role::kShim;
  }
  for (const absl::string_view name : {"containerd", "crio", "cri-dockerd", "dockerd"}) {
    if (comm == name) return Role::kRuntime;
  }
  if (comm == "kubelet" || comm == "kubelite") return Role::kKubelet;  // MicroK8s: all in one
  if (comm == "dbus-daemon" || comm == "dbus-broker") return Role::kMessageBus;
  for (const absl::string_view name : {"runc", "crun", "youki", "kata-runtime", "runsc"}) {
    if (comm == name || absl::StartsWith(comm, absl::StrCat(name, ":["))) return Role::kOciRuntime;
  }
  return Role::kOther;
}

bool IsKnownCniPlugin(absl::string_view name) {
  static constexpr absl::string_view kPlugins[] = {
      // containernetworking/plugins
      "bandwidth", "bridge", "dhcp", "dummy", "firewall", "host-device", "host-local", "ipvlan",
      "loopback", "macvlan", "portmap", "ptp", "sbr", "static", "tap", "tuning", "vlan", "vrf",
      // networks
      "antrea", "aws-cni", "azure-vnet", "azure-vnet-ipam", "calico", "calico-ipam", "cilium-cni",
      "egress-cni", "flannel", "ib-sriov", "istio-cni", "kube-ovn", "kube-router", "linkerd-cni",
      "multus", "multus-shim", "ovn-k8s-cni-overlay", "ovs", "sriov", "terway", "weave-net",
      "whereabouts"};
  return std::any_of(std::begin(kPlugins), std::end(kPlugins), [name](absl::string_view plugin) {
    return name == plugin.substr(0, kMaxComm);
  });
}

std::string RootOfCommand(const std::vector<std::string>& command) {
  for (size_t i = 0; i < command.size(); ++i) {
    absl::string_view argument = command[i];
    if (!absl::ConsumePrefix(&argument, "-")) continue;
    absl::ConsumePrefix(&argument, "-");
    for (const absl::string_view flag : {"root", "root-dir", "data-root"}) {
      absl::string_view value = argument;
      if (argument == flag && i + 1 < command.size()) return command[i + 1];
      if (absl::ConsumePrefix(&value, flag) && absl::ConsumePrefix(&value, "=")) {
        return std::string(value);
      }
    }
  }
  return "";
}

std::string ContainerOfShim(const std::vector<std::string>& command) {
  for (size_t i = 0; i + 1 < command.size(); ++i) {
    // containerd-shim -id, conmon --cid.
    for (const absl::string_view flag : {"-id", "--id", "-c", "--cid"}) {
      if (command[i] == flag) return ContainerOfCgroup(command[i + 1]);
    }
  }
  return "";
}

}  // namespace runtime::host
