// Whose a sandbox is that no listing has told: on a node that hung before plegd started, the host
// knows sandboxes by id, and PodSandboxStatus of one id is answered though a list of all hangs. In
// containerd it waits for no lock but its own sandbox's.
//
//   SandboxNames names(runtime);   names.Ask(id);   …   std::optional<SandboxName> name =
//   names.Find(id);

#ifndef PLEGD_PLEG_SANDBOX_NAMES_H_
#define PLEGD_PLEG_SANDBOX_NAMES_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "pleg/ids.h"
#include "pleg/mutex.h"
#include "pleg/runtime_service.h"

namespace pleg {

struct SandboxName {
  PodUid pod_uid;
  std::string pod_namespace;
  std::string pod_name;
};

// Find is thread-safe; the rest is confined to the core's thread. A sandbox is asked for until it
// has answered or is not found, which one of another runtime is. Bounded: kMaxOpen calls are out,
// and of kMaxKept answers all are forgotten.
class SandboxNames {
 public:
  static constexpr size_t kMaxOpen = 8;
  static constexpr size_t kMaxKept = 256;

  // `runtime` outlives this.
  explicit SandboxNames(RuntimeService& runtime) : runtime_(runtime) {}

  void Ask(const ContainerId& sandbox);
  // Empty if it was not asked for, or has not answered.
  std::optional<SandboxName> Find(const ContainerId& sandbox) const;

 private:
  // What calls that are out refer to: they may end after this has.
  struct State {
    mutable Mutex mu;
    absl::flat_hash_set<ContainerId> open ABSL_GUARDED_BY(mu);
    absl::flat_hash_map<ContainerId, std::optional<SandboxName>> names ABSL_GUARDED_BY(mu);
  };

  RuntimeService& runtime_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace pleg

#endif  // PLEGD_PLEG_SANDBOX_NAMES_H_
