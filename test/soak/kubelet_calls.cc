#include "test/soak/kubelet_calls.h"

#include <set>

#include "absl/status/statusor.h"

namespace plegd_testing {
namespace {

namespace v1 = runtime::v1;

constexpr char kUidLabel[] = "io.kubernetes.pod.uid";

template <typename Response, typename Request>
absl::Status CallInto(const CriClient& cri, absl::string_view method, const Request& request,
                      Response* response) {
  absl::StatusOr<Response> reply = cri.Call<Response>(method, request);
  if (!reply.ok()) return reply.status();
  *response = *std::move(reply);
  return absl::OkStatus();
}

}  // namespace

absl::Status KubeletCalls::Connect() {
  v1::VersionResponse version;
  v1::VersionRequest request;
  request.set_version("0.1.0");
  const absl::Status status = CallInto(cri_, "Version", request, &version);
  return status.ok() ? Status() : status;
}

absl::Status KubeletCalls::Status() {
  v1::StatusResponse conditions;
  return CallInto(cri_, "Status", v1::StatusRequest(), &conditions);
}

absl::Status KubeletCalls::Relist() {
  const absl::Status status =
      CallInto(cri_, "ListPodSandbox", v1::ListPodSandboxRequest(), &sandboxes_);
  if (!status.ok()) return status;
  return CallInto(cri_, "ListContainers", v1::ListContainersRequest(), &containers_);
}

absl::Status KubeletCalls::InspectAll(KubeletVersion version) {
  std::set<std::string> uids;
  for (const v1::PodSandbox& sandbox : sandboxes_.items()) uids.insert(sandbox.metadata().uid());
  for (const std::string& uid : uids) {
    if (absl::Status status = InspectPod(uid, version); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status KubeletCalls::InspectPod(const std::string& uid, KubeletVersion version) {
  v1::ListPodSandboxResponse sandboxes = sandboxes_;
  v1::ListContainersResponse containers = containers_;
  if (version == KubeletVersion::kUpTo135) {
    v1::ListPodSandboxRequest of_pod;
    (*of_pod.mutable_filter()->mutable_label_selector())[kUidLabel] = uid;
    absl::Status status = CallInto(cri_, "ListPodSandbox", of_pod, &sandboxes);
    v1::ListContainersRequest in_pod;
    (*in_pod.mutable_filter()->mutable_label_selector())[kUidLabel] = uid;
    if (status.ok()) status = CallInto(cri_, "ListContainers", in_pod, &containers);
    if (!status.ok()) return status;
  }
  for (const v1::PodSandbox& sandbox : sandboxes.items()) {
    if (sandbox.metadata().uid() != uid) continue;
    v1::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(sandbox.id());
    v1::PodSandboxStatusResponse reply;
    absl::Status status = CallInto(cri_, "PodSandboxStatus", request, &reply);
    if (!status.ok()) return status;
  }
  for (const v1::Container& container : containers.containers()) {
    if (container.labels().at(kUidLabel) != uid) continue;
    v1::ContainerStatusRequest request;
    request.set_container_id(container.id());
    v1::ContainerStatusResponse reply;
    absl::Status status = CallInto(cri_, "ContainerStatus", request, &reply);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace plegd_testing
