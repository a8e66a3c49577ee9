// From plegd's snapshots to the one value that a diagnosis is made of.
//
//   const Evidence evidence = GatherEvidence(facts, history);
//   const Diagnosis diagnosis = Diagnose(evidence);

#ifndef PLEGD_PLEG_DIAGNOSIS_GATHER_H_
#define PLEGD_PLEG_DIAGNOSIS_GATHER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/evidence.h"
#include "pleg/history/call_history.h"
#include "pleg/history/connection_history.h"
#include "pleg/history/relist_ring.h"
#include "pleg/model.h"
#include "pleg/pods_view.h"
#include "pleg/runtime_state.h"
#include "pleg/twin/twin_feed.h"

namespace pleg {

struct GatherFacts {
  TwinFacts twin;  // snapshots of the core, the ledger and the pods, taken together
  std::vector<GenerationReport> reports;
  std::string endpoint;  // of the runtime; empty while none is known
  // Of the last handshake that succeeded, else why there is none: kUnimplemented by a server that
  // does not speak CRI v1.
  absl::StatusOr<RuntimeVersion> runtime;
  ConnectionHistory::View connection;
  std::optional<absl::Duration> mute_for = {};  // see RuntimeEvidence
  std::vector<RelistRing::Entry> relists;       // newest last
  std::optional<RelistRing::ClockStep> clock_step = {};
  absl::Duration relist_period;
  absl::Duration relist_threshold;
  SelfEvidence self;
  absl::Time wall_now;
  std::optional<HostEvidence> host;
  std::optional<KubeletEvidence> kubelet;
};

// What is kept in one Evidence at most.
inline constexpr size_t kMaxGatheredCalls = 200;
inline constexpr size_t kMaxGatheredRelists = 60;

// Of a container that nothing has told, at least the pod: that of its sandbox. Its own name is "?"
// then.
void NameByPod(const ObjectRef& sandbox, ShimEvidence& shim);

// Costs O(objects of the node). Names of objects come from the last good listing,
// also those of the host evidence, which as a rule has ids alone; of objects in no listing they are
// those of the host evidence.
Evidence GatherEvidence(GatherFacts facts, const CallHistory& history);

// The listed objects by id, with names. Refers to the pods.
class ObjectNames {
 public:
  explicit ObjectNames(const PodsView& pods);
  // With the id alone if it is not listed.
  ObjectRef Find(absl::string_view id) const;
  // Its sandbox, for a container; itself for a sandbox; empty if it is not listed.
  ContainerId SandboxOf(absl::string_view id) const;
  // "running", …, "ready", "notready"; empty if it is not listed.
  std::string StateOf(absl::string_view id) const;
  bool IsUnsettled(const PodUid& uid) const;

 private:
  struct Object {
    const Pod* pod = nullptr;
    const ListedContainer* container = nullptr;  // null for a sandbox
    const ListedSandbox* sandbox = nullptr;
  };
  const Object* Get(absl::string_view id) const;

  absl::flat_hash_map<absl::string_view, Object> objects_;
  absl::flat_hash_set<PodUid> unsettled_;
};

// Whether it belongs to another runtime of the host, by a listing of this moment: it does not have
// its object.
bool IsForeign(const ObjectNames& listed, const FrozenCgroup& frozen);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_GATHER_H_
