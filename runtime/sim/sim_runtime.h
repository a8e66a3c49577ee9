// The simulated container runtime: a node's sandboxes and containers, what the CRI's read calls say
// about them, and the operations that change them. Without sockets and threads; SimServer serves
// it.
//
//   auto runtime = std::make_shared<sim::SimRuntime>(sim::RuntimeOptions{.pods = 3, .seed = 7});
//   pleg::PodUid pod = *runtime->AddPod({.name = "web", .containers = {"app"}});
//   pleg::ContainerId app = *runtime->FindContainer("web/app");
//   runtime->Exit(app, {.code = 137, .reason = "OOMKilled"});
//   auto server = sim::SimServer::Start({.socket_path = dir + "/cri.sock"}, runtime);  // see
//   sim_server.h

#ifndef PLEGD_RUNTIME_SIM_SIM_RUNTIME_H_
#define PLEGD_RUNTIME_SIM_SIM_RUNTIME_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pleg/ids.h"
#include "pleg/mutex.h"
#include "runtime/sim/churn.h"
#include "runtime/sim/defect.h"
#include "runtime/sim/list_cache.h"
#include "runtime/sim/model.h"
#include "runtime/sim/pod_info.h"
#include "runtime/sim/random.h"
#include "runtime/sim/world.h"
#include "runtime/v1/api.pb.h"

namespace sim {

struct RuntimeOptions {
  size_t pods = 0;
  size_t containers_per_pod = 2;
  size_t exited = 0;  // Dead containers besides, as earlier attempts in the pods; none without.
  double churn = 0;   // Changes per second; AdvanceTo() makes them.
  uint64_t seed = 1;
  size_t container_bytes = 0;  // Listed containers are padded to about this.
  bool id_prefixes = false;    // containerd takes an unambiguous beginning for an id.
  bool crio_words = false;     // NotFound as CRI-O words it, else as containerd does.
  std::function<absl::Time()> clock = absl::Now;
};

// How a list is to be written.
struct ListOptions {
  std::optional<ItemDefect> defect;
  size_t piece_items = ListCache<Container>::kBlockItems;  // At most so many items in a piece.
};

// Operations name what they cannot find with kNotFound. Thread-safe; nothing blocks longer than it
// takes to write a list.
class SimRuntime {
 public:
  explicit SimRuntime(RuntimeOptions options);
  SimRuntime(const SimRuntime&) = delete;
  SimRuntime& operator=(const SimRuntime&) = delete;

  // Changes, each at the clock's time; see World for their errors.
  absl::StatusOr<pleg::PodUid> AddPod(const PodSpec& spec) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<pleg::ContainerId> AddContainer(const pleg::PodUid& pod, absl::string_view name,
                                                 bool start) ABSL_LOCKS_EXCLUDED(mu_);
  // The new sandbox, empty.
  absl::StatusOr<pleg::ContainerId> NewAttempt(const pleg::PodUid& pod) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Start(const pleg::ContainerId& container) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Exit(const pleg::ContainerId& container, const ExitSpec& spec)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Of a container or a sandbox, to any number.
  absl::Status SetState(const pleg::ContainerId& id, int state) ABSL_LOCKS_EXCLUDED(mu_);
  // Its id is a container of another pod from now on.
  absl::Status MoveContainer(const pleg::ContainerId& container, const pleg::PodUid& to)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status RemoveContainer(const pleg::ContainerId& container) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status StopSandbox(const pleg::ContainerId& sandbox) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status RemoveSandbox(const pleg::ContainerId& sandbox) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status RemovePod(const pleg::PodUid& pod) ABSL_LOCKS_EXCLUDED(mu_);
  size_t ChangeMany(size_t pods) ABSL_LOCKS_EXCLUDED(mu_);
  // So many containers that have run and exited, of the pod, or of all in turn if it is empty.
  absl::Status AddExited(size_t count, const pleg::PodUid& pod) ABSL_LOCKS_EXCLUDED(mu_);
  // All there are, as the kubelet's garbage collection does; how many.
  size_t RemoveExited() ABSL_LOCKS_EXCLUDED(mu_);

  // Churn. Nobody but the caller of AdvanceTo makes it happen; a SimServer does.
  void SetChurn(double changes_per_second) ABSL_LOCKS_EXCLUDED(mu_);
  double churn() const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Time NextChange() const ABSL_LOCKS_EXCLUDED(mu_);
  void AdvanceTo(absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Time Now() const { return options_.clock(); }

  // What a person may call them: a pod by UID, name or namespace/name; a sandbox by id or by its
  // pod (the newest attempt); a container by id or pod/name (the newest attempt). Ids may be
  // shortened to 4 digits or more. kNotFound, and kInvalidArgument when it is ambiguous.
  absl::StatusOr<pleg::PodUid> FindPod(absl::string_view reference) const ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<pleg::ContainerId> FindSandbox(absl::string_view reference) const
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<pleg::ContainerId> FindContainer(absl::string_view reference) const
      ABSL_LOCKS_EXCLUDED(mu_);

  std::vector<PodInfo> Pods() const ABSL_LOCKS_EXCLUDED(mu_);  // Oldest first.
  std::vector<Change> History() const ABSL_LOCKS_EXCLUDED(mu_);
  size_t sandbox_count() const ABSL_LOCKS_EXCLUDED(mu_);
  size_t container_count() const ABSL_LOCKS_EXCLUDED(mu_);

  // The CRI. Lists are the elements of field 1 of their response, in random order; statuses whole
  // responses, kNotFound as the runtimes word it.
  std::vector<Piece> ListSandboxes(const ::runtime::v1::PodSandboxFilter& filter,
                                   const ListOptions& options) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<Piece> ListContainers(const ::runtime::v1::ContainerFilter& filter,
                                    const ListOptions& options) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::string> SandboxStatus(const pleg::ContainerId& id, bool verbose,
                                            bool with_containers, std::optional<Defect> defect)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::string> ContainerStatus(const pleg::ContainerId& id, bool verbose,
                                              std::optional<Defect> defect)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Called, without a lock held, when there are events to take or the churn's schedule changed. One
  // listener at a time; null for none.
  void SetListener(std::function<void()> listener) ABSL_LOCKS_EXCLUDED(mu_);
  // CRI events. Off at first; while on, each change adds a serialised ContainerEventResponse to a
  // queue of kEventQueue; when it is full the oldest goes.
  static constexpr size_t kEventQueue = 1000;
  void EnableEvents(bool enable) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<std::string> TakeEvents() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Populate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  template <typename Operation>
  auto Mutate(Operation operation) ABSL_LOCKS_EXCLUDED(mu_);
  template <typename Operation>
  auto OnPod(const pleg::PodUid& uid, Operation operation) ABSL_LOCKS_EXCLUDED(mu_);
  template <typename Operation>
  absl::Status OnContainer(const pleg::ContainerId& id, Operation operation)
      ABSL_LOCKS_EXCLUDED(mu_);
  template <typename Operation>
  absl::Status OnSandbox(const pleg::ContainerId& id, Operation operation) ABSL_LOCKS_EXCLUDED(mu_);
  template <typename Item>
  std::vector<Piece> Encode(std::vector<Item*> items, const ListOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Pod*> FindPodLocked(absl::string_view reference) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const RuntimeOptions options_;
  mutable pleg::Mutex mu_;
  World world_ ABSL_GUARDED_BY(mu_);
  Churn churn_ ABSL_GUARDED_BY(mu_);
  Random order_ ABSL_GUARDED_BY(mu_);  // Of list items and map entries: no part of the history.
  std::function<void()> listener_ ABSL_GUARDED_BY(mu_);
  std::deque<std::string> events_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_SIM_RUNTIME_H_
