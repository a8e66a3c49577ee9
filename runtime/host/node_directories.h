// Where the runtime behind a socket, and the kubelet beside it, keep what they keep.
//
//   question.directories = DirectoriesOf("/run/k3s/containerd/containerd.sock");

#ifndef PLEGD_RUNTIME_HOST_NODE_DIRECTORIES_H_
#define PLEGD_RUNTIME_HOST_NODE_DIRECTORIES_H_

#include <string>
#include <vector>

namespace runtime::host {

// Each may be one of several: likely ones first.
struct NodeDirectories {
  std::vector<std::string> runtime_roots = {"/var/lib/containerd"};
  std::vector<std::string> kubelet_roots = {"/var/lib/kubelet"};
  // With a directory for each task:
  // "/run/containerd/io.containerd.runtime.v2.task/k8s.io".
  std::vector<std::string> task_roots = {};
};

// By what runtimes and distributions have as a default.
NodeDirectories DirectoriesOf(const std::string& socket);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_NODE_DIRECTORIES_H_
