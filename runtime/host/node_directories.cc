#include "runtime/host/node_directories.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace runtime::host {
namespace {

struct Row {
  absl::string_view socket_part;
  absl::string_view runtime_root;
  absl::string_view kubelet_root;
};
// The containerd of a distribution is told apart by its socket alone; RKE2's is where k3s has it.
constexpr Row kRows[] = {
    {"/k3s/", "/var/lib/rancher/k3s/agent/containerd", ""},
    {"/k3s/", "/var/lib/rancher/rke2/agent/containerd", ""},
    {"/k0s/", "/var/lib/k0s/containerd", "/var/lib/k0s/kubelet"},
    {"/microk8s/", "/var/snap/microk8s/common/var/lib/containerd",
     "/var/snap/microk8s/common/var/lib/kubelet"},
    {"docker", "/var/lib/docker", ""},
    {"crio", "/var/lib/containers/storage", ""},
};

}  // namespace

NodeDirectories DirectoriesOf(const std::string& socket) {
  NodeDirectories directories;
  std::vector<std::string> runtime;
  std::vector<std::string> kubelet;
  for (const Row& row : kRows) {
    if (!absl::StrContains(socket, row.socket_part)) continue;
    runtime.emplace_back(row.runtime_root);
    if (!row.kubelet_root.empty()) kubelet.emplace_back(row.kubelet_root);
  }
  if (!runtime.empty()) directories.runtime_roots = std::move(runtime);
  directories.kubelet_roots.insert(directories.kubelet_roots.begin(), kubelet.begin(),
                                   kubelet.end());
  // A containerd's state is beside its socket, or in a directory of the socket's name.
  constexpr char kTasks[] = "/io.containerd.runtime.v2.task/k8s.io";
  directories.task_roots = {absl::StrCat(socket.substr(0, socket.rfind('/')), kTasks),
                            absl::StrCat(absl::StripSuffix(socket, ".sock"), kTasks),
                            absl::StrCat("/run/containerd", kTasks),
                            "/run/containers/storage/overlay-containers"};
  return directories;
}

}  // namespace runtime::host
