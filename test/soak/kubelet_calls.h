// The calls that the kubelet's PLEG makes, one after the other over one connection, to compare what
// they cost the runtime with what plegd's cost it.
//
//   KubeletCalls kubelet(node.endpoint());
//   kubelet.Relist();
//
// pkg/kubelet/pleg/generic.go and pkg/kubelet/kuberuntime/kuberuntime_manager.go, GetPodStatus.

#ifndef PLEGD_TEST_SOAK_KUBELET_CALLS_H_
#define PLEGD_TEST_SOAK_KUBELET_CALLS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/v1/api.pb.h"
#include "test/containerd/cri_client.h"

namespace plegd_testing {

// How GetPodStatus finds the containers of a pod.
enum class KubeletVersion {
  kUpTo135,  // asks for them: two filtered lists for each pod
  kFrom136,  // knows them from the relist
};

// Thread-compatible; every method blocks.
class KubeletCalls {
 public:
  explicit KubeletCalls(const std::string& endpoint) : cri_(endpoint) {}

  // Version and Status.
  absl::Status Connect();
  absl::Status Status();
  // ListPodSandbox, then ListContainers.
  absl::Status Relist();
  // Every pod of the last relist: PodSandboxStatus of each sandbox, ContainerStatus of each
  // container.
  absl::Status InspectAll(KubeletVersion version);

 private:
  absl::Status InspectPod(const std::string& uid, KubeletVersion version);

  const CriClient cri_;
  runtime::v1::ListPodSandboxResponse sandboxes_;
  runtime::v1::ListContainersResponse containers_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_SOAK_KUBELET_CALLS_H_
