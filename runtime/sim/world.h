// The state of the simulated node and every change it can go through, with the time of each given
// by the caller: the same calls after the same seed give the same ids, names and history.
//
//   World world(/*seed=*/1, /*container_bytes=*/0);
//   auto pod = world.AddPod({.name = "web"}, now);
//   world.Exit(*(*pod)->containers[0], {.code = 137}, now);

#ifndef PLEGD_RUNTIME_SIM_WORLD_H_
#define PLEGD_RUNTIME_SIM_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/ids.h"
#include "runtime/sim/list_cache.h"
#include "runtime/sim/model.h"
#include "runtime/sim/random.h"

namespace sim {

// What a new pod is to be like. Empty fields are drawn from the seed.
struct PodSpec {
  std::string name = {};
  std::string namespace_name = {};
  pleg::PodUid uid = {};
  std::vector<std::string> containers = {"app"};  // Names; each becomes one container.
  bool start = true;                              // Containers run at once.
  bool host_network = false;                      // No addresses of its own.
  std::vector<std::string> ips = {};              // As the status gives them, also invalid ones.
  Labels labels = {};                             // On the sandbox, besides the kubelet's.
};

// How a container ended.
struct ExitSpec {
  int32_t code = 0;
  std::string reason = {};  // Empty: "Completed" for 0, else "Error".
  std::string message = {};
};

// The four events of the CRI, in the order of its enum.
enum class EventKind { kCreated, kStarted, kStopped, kDeleted };

// Thread-compatible. Pointers it hands out live until the object is removed.
class World {
 public:
  // Called for each change that GetContainerEvents reports, after it happened (deletions: just
  // before).
  using EventSink =
      std::function<void(EventKind, const Pod&, const pleg::ContainerId&, absl::Time)>;

  static constexpr size_t kHistory = 4096;

  // Listed containers are padded to about `container_bytes` where that is more than they have.
  World(uint64_t seed, size_t container_bytes);

  void set_event_sink(EventSink sink) { event_sink_ = std::move(sink); }

  // kAlreadyExists for a UID that is taken; kInvalidArgument for an empty container name.
  absl::StatusOr<Pod*> AddPod(const PodSpec& spec, absl::Time now);
  // A new instance in the pod's newest sandbox, attempt one above the last of that name.
  // kFailedPrecondition when the pod has no sandbox.
  absl::StatusOr<Container*> AddContainer(Pod& pod, absl::string_view name, absl::Time now);
  // A new sandbox, one attempt above the last; older ones are stopped, the IPs change.
  Sandbox& NewAttempt(Pod& pod, absl::Time now);

  // kFailedPrecondition unless created.
  absl::Status Start(Container& container, absl::Time now);
  // kFailedPrecondition when it has exited already.
  absl::Status Exit(Container& container, const ExitSpec& spec, absl::Time now);
  // Any number; the CRI's lifecycle is not enforced.
  void SetState(Container& container, int state, absl::Time now);
  void SetState(Sandbox& sandbox, int state, absl::Time now);
  // To the newest sandbox of another pod, with the labels of one of its own: no runtime does it,
  // but an id may be used again. kFailedPrecondition when that pod has no sandbox.
  absl::Status Move(Container& container, Pod& to, absl::Time now);
  // A running container is killed first, as the CRI demands.
  void Remove(Container& container, absl::Time now);
  // Kills what runs in it and gives its addresses up.
  void Stop(Sandbox& sandbox, absl::Time now);
  // With its containers; the pod goes with its last sandbox.
  void Remove(Sandbox& sandbox, absl::Time now);
  void Remove(Pod& pod, absl::Time now);

  // In an order that depends on the history alone.
  const std::vector<std::unique_ptr<Pod>>& pods() const { return pods_; }
  ListCache<Sandbox>& sandboxes() { return sandbox_list_; }
  ListCache<Container>& containers() { return container_list_; }
  size_t sandbox_count() const { return sandbox_list_.size(); }
  size_t container_count() const { return container_list_.size(); }
  Random& random() { return random_; }

  // Null when there is none. With `prefix`, an unambiguous beginning of the id is enough.
  Pod* FindPod(const pleg::PodUid& uid) const;
  Sandbox* FindSandbox(const pleg::ContainerId& id, bool prefix) const;
  Container* FindContainer(const pleg::ContainerId& id, bool prefix) const;

  // The last kHistory changes, oldest first.
  const std::deque<Change>& history() const { return history_; }

 private:
  template <typename Item>
  using Index = absl::flat_hash_map<std::string, Item*>;

  Sandbox& AddSandbox(Pod& pod, uint32_t attempt, absl::Time now);
  std::vector<std::string> NewAddresses();
  void Record(absl::string_view what, const Pod& pod, const pleg::ContainerId& id, absl::Time now,
              absl::string_view name = "", int32_t exit_code = 0);
  void Emit(EventKind kind, const Pod& pod, const pleg::ContainerId& id, absl::Time now);
  void EraseFromPod(Container& container);
  void ErasePodIfEmpty(Pod& pod);

  const size_t container_bytes_;
  Random random_;
  Random order_;  // Only places items in lists: never part of the history.
  uint64_t next_ordinal_ = 1;
  uint32_t next_address_ = 1;
  std::vector<std::unique_ptr<Pod>> pods_;
  absl::flat_hash_map<std::string, Pod*> pods_by_uid_;
  Index<Sandbox> sandboxes_by_id_;
  Index<Container> containers_by_id_;
  ListCache<Sandbox> sandbox_list_;
  ListCache<Container> container_list_;
  std::deque<Change> history_;
  EventSink event_sink_;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_WORLD_H_
