// Which signs a finding explains.

#include <algorithm>
#include <array>

#include "pleg/diagnosis/rule.h"

namespace pleg {
namespace {

using Signs = std::vector<SignId>;
using enum SignId;

Signs Join(std::initializer_list<Signs> parts) {
  Signs all;
  for (const Signs& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

const Signs kSilentObjects = {kSandboxStatusSilent, kContainerStatusSilent};
// What follows if a status is not answered in time.
const Signs kLateEvents = {kEventLag, kNodeReady, kRestartCost, kInspections, kPodsNotInspected};
const Signs kLists = {kListPodSandboxSilent, kListPodSandboxErrors, kListContainersSilent,
                      kListContainersErrors};
const Signs kSlowCalls = {kListPodSandboxSlow, kListContainersSlow, kStatusSlow, kSandboxStatusSlow,
                          kContainerStatusSlow};
const Signs kSilentMethods = {kSandboxStatusMute, kContainerStatusMute};
const Signs kKubeletLate = {kKubeletRelist, kKubeletHealthz, kKubeletOperationsSlow,
                            kKubeletOperationErrors};
// Nothing at all is answered, or not well.
const Signs kAllCalls =
    Join({kLists,
          kSilentObjects,
          kSilentMethods,
          kSlowCalls,
          kLateEvents,
          kKubeletLate,
          {kRelist, kStatusSilent, kStatusErrors, kVersionSilent, kVersionErrors,
           kSandboxStatusErrors, kContainerStatusErrors, kRuntimeReady, kNetworkReady}});
const Signs kOneProcess = {kOciProcesses, kShims, kFrozenCgroups, kRunningWithoutProcess,
                           kExitedWithProcess};

using Table = std::array<Explained, kVerdictCodes>;

void Set(Table& table, VerdictCode code, Signs whole, Signs of_culprit = {}) {
  table[static_cast<size_t>(code)] = {std::move(whole), std::move(of_culprit)};
}

void SetRuntime(Table& table) {
  const Signs process = {kBlockedTasks, kOciProcesses};
  Set(table, VerdictCode::kRuntimeDown,
      Join({kAllCalls, process, {kConnection, kListener, kRuntimeRestarts, kCriVersion}}));
  Set(table, VerdictCode::kRuntimeRestarting,
      Join({kAllCalls, process, {kConnection, kListener, kRuntimeRestarts}}), kOneProcess);
  Set(table, VerdictCode::kRuntimeHung, Join({kAllCalls, process, {kConnection, kListener}}),
      kOneProcess);
  Set(table, VerdictCode::kRuntimeErrors,
      Join({kLists,
            kLateEvents,
            kKubeletLate,
            {kRelist, kStatusErrors, kStatusSilent, kVersionErrors, kRuntimeReady,
             kSandboxStatusErrors, kContainerStatusErrors}}),
      kSilentObjects);
  Set(table, VerdictCode::kCriUnsupported,
      Join({kAllCalls, {kCriVersion, kConnection, kRuntimeRestarts}}));
}

void SetObjects(Table& table) {
  // What it waits for in the kernel is said beside it.
  const Signs late = Join({kLateEvents, kKubeletLate, {kBlockedTasks, kFuseRequests}});
  Set(table, VerdictCode::kListLockConvoy,
      Join({late, {kRelist, kListContainersSilent, kListContainersErrors}}),
      Join({kSilentObjects, kOneProcess}));
  Set(table, VerdictCode::kContainerStuck, late, Join({kSilentObjects, kOneProcess}));
  Set(table, VerdictCode::kSandboxStuck, Join({late, {kRelist, kListPodSandboxSilent}}),
      Join({kSilentObjects, kOneProcess}));
  // A list that is slow was silent before it was answered.
  Set(table, VerdictCode::kLagsSilently,
      Join({late, kSlowCalls, {kRelist, kListPodSandboxSilent, kListContainersSilent}}),
      Join({kSilentObjects, kOneProcess}));
  Set(table, VerdictCode::kLatentHang, {kRestartCost, kBlockedTasks, kFuseRequests},
      Join({kSilentObjects, kOneProcess}));
  Set(table, VerdictCode::kShimUnresponsive, {}, Join({kSilentObjects, kOneProcess}));
  Set(table, VerdictCode::kStateStale, {}, kOneProcess);
  Set(table, VerdictCode::kFrozenCgroup, {kBlockedTasks}, Join({kSilentObjects, kOneProcess}));
  Set(table, VerdictCode::kCniStuck,
      Join({late, {kCniProcesses, kNetworkReady, kStatusSilent, kStatusErrors}}),
      Join({kSilentObjects, kOneProcess}));
}

void SetNode(Table& table) {
  const Signs starved = Join({kAllCalls,
                              {kPlegdLate, kPlegdStarved, kOciProcesses, kCniProcesses,
                               kBlockedTasks, kFuseRequests, kHostProbe}});
  Set(table, VerdictCode::kNodeIoStarved, Join({starved, {kIoPressure, kDiskAnswers}}));
  Set(table, VerdictCode::kNodeCpuStarved, Join({starved, {kCpuPressure}}));
  Set(table, VerdictCode::kNodeMemoryStarved,
      Join({starved, {kMemoryPressure, kMemoryAvailable, kIoPressure}}));
  Set(table, VerdictCode::kSystemdOverloaded,
      Join({kLateEvents, kKubeletLate, {kSystemd, kOciProcesses, kBlockedTasks, kMounts}}),
      kSilentObjects);
  Set(table, VerdictCode::kMountExplosion, {kMounts});
}

void SetLoad(Table& table) {
  Set(table, VerdictCode::kMessageTooLarge,
      Join({kLists,
            kLateEvents,
            kKubeletLate,
            {kRelist, kListPodSandboxSize, kListContainersSize, kExitedContainers,
             kNotReadySandboxes, kListPodSandboxSlow, kListContainersSlow}}));
  Set(table, VerdictCode::kMessageTooLargeSoon, {kListPodSandboxSize, kListContainersSize});
  Set(table, VerdictCode::kTooManyDead,
      {kExitedContainers, kNotReadySandboxes, kRestartCost, kListContainersSlow,
       kListPodSandboxSlow, kEventLag, kRelist, kListPodSandboxSilent, kListContainersSilent});
  Set(table, VerdictCode::kTooManyChanges,
      Join({kLateEvents, kSlowCalls, {kKubeletRelist, kKubeletEvents}}));
  Set(table, VerdictCode::kKubeletSide,
      Join({kKubeletLate, {kKubeletProcess, kKubeletMetrics, kKubeletEvents}}));
}

const Table& TheTable() {
  static const auto& table = *[] {
    auto* made = new Table();
    SetRuntime(*made);
    SetObjects(*made);
    SetNode(*made);
    SetLoad(*made);
    return made;
  }();
  return table;
}

bool Has(const Signs& signs, SignId id) {
  return std::find(signs.begin(), signs.end(), id) != signs.end();
}

// A silent status is blamed by its own id. A shim, a runc and a cgroup serve a pod, and a runc of
// nobody knows whom may be its.
bool IsOf(const ObjectRef& culprit, const Sign& sign) {
  const ObjectRef& object = sign.object;
  if (!culprit.id.empty() && culprit.id == object.id) return true;
  if (Has(kSilentObjects, sign.id)) return false;
  return object.id.empty() || (!culprit.pod_uid.empty() && culprit.pod_uid == object.pod_uid);
}

}  // namespace

const Explained& ExplainedBy(VerdictCode code) { return TheTable()[static_cast<size_t>(code)]; }

bool Explains(const Finding& finding, const Sign& sign) {
  const Explained& explained = ExplainedBy(finding.code);
  if (Has(explained.whole, sign.id)) return true;
  if (!Has(explained.of_culprit, sign.id)) return false;
  return std::any_of(finding.culprits.begin(), finding.culprits.end(),
                     [&](const ObjectRef& culprit) { return IsOf(culprit, sign); });
}

}  // namespace pleg
