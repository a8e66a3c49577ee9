// The container runtime as the core sees it: a few questions, answered later.
//
//   runtime.List({}, [](absl::StatusOr<Listing> listing) { … });

#ifndef PLEGD_PLEG_RUNTIME_SERVICE_H_
#define PLEGD_PLEG_RUNTIME_SERVICE_H_

#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "pleg/ids.h"
#include "pleg/model.h"
#include "pleg/mono_time.h"
#include "pleg/pod_status.h"

namespace pleg {

// How soon somebody wants to know: what nobody waits for does not wake the core's thread.
enum class Promptness { kAtOnce, kWithinASecond };

// A CRI v1 runtime, read only. Called on the core's thread only; no method blocks, and every
// callback runs exactly once, on the core's thread, never before the method has returned. A call
// ends by itself at its deadline (kDeadlineExceeded). Callbacks of calls that are open when the
// service is destroyed are dropped unrun.
//
// Errors: kNotFound means the object is gone. The message says which call on which object failed.
class RuntimeService {
 public:
  using ListCallback = absl::AnyInvocable<void(absl::StatusOr<Listing>)>;
  using SandboxStatusCallback =
      absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<const SandboxStatus>>)>;
  using ContainerStatusCallback =
      absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<const ContainerStatus>>)>;
  using ProbeCallback = absl::AnyInvocable<void(MonoTime ended_at)>;

  virtual ~RuntimeService() = default;

  // ListPodSandbox, then ListContainers: of everything, or of one pod by its UID label. Either list
  // failing fails the call. The objects of one pod that has none are an empty Listing, no error.
  virtual void List(std::optional<PodUid> pod, ListCallback done) = 0;
  // PodSandboxStatus. A reply without a status is kInternal "pod sandbox status is nil".
  virtual void GetSandboxStatus(const SandboxInfo& sandbox, SandboxStatusCallback done) = 0;
  // ContainerStatus. A reply without a status is kInternal "container status is nil".
  virtual void GetContainerStatus(const ContainerInfo& container, ContainerStatusCallback done) = 0;
  // ContainerStatus, only to see whether it is answered. `done` gets the moment at which the call
  // ended, well or not.
  virtual void ProbeContainer(const ContainerInfo& container, Promptness promptness,
                              ProbeCallback done) = 0;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_RUNTIME_SERVICE_H_
