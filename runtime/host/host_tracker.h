// From looks at the host to evidence: how long things have been as they are, and rates, which take
// more than one look.
//
//   HostTracker tracker;
//   pleg::HostEvidence evidence = tracker.Update(TakeHostSample(…), watched);

#ifndef PLEGD_RUNTIME_HOST_HOST_TRACKER_H_
#define PLEGD_RUNTIME_HOST_HOST_TRACKER_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "pleg/diagnosis/host_evidence.h"
#include "pleg/ids.h"
#include "runtime/host/host_sample.h"

namespace runtime::host {

// There are so many watched objects at most.
inline constexpr size_t kMaxWatched = 5000;

// A container or sandbox whose process is of interest.
struct WatchedObject {
  pleg::ObjectRef object;
  pleg::ContainerId sandbox;  // of a container; its own id of a sandbox; empty if not known
  // "running", "ready", …: in the last good listing; empty if in none, and while that is old.
  std::string listed_state;
  bool silent = false;  // a status call about it does not answer
};

// Whether what is listed in this state should have a process; empty where either is right.
std::optional<bool> ListedAsAlive(absl::string_view state);

// Thread-compatible.
class HostTracker {
 public:
  // Of the watched those are told that are silent or frozen, contradict the listing, have a shim
  // that is stopped or blocked, or have none and should. `sample` is later than the one before; a
  // first one has neither rates nor durations. `runtime_pid` is the process behind the socket, if
  // that is known: the runtime, whatever its name. If it is not, a process of a runtime's name is
  // taken for it.
  pleg::HostEvidence Update(const HostSample& sample, const std::vector<WatchedObject>& watched,
                            std::optional<int> runtime_pid = std::nullopt);

  // The sample of the last Update; null before one. Until the next.
  const HostSample* last() const { return before_.has_value() ? &*before_ : nullptr; }

 private:
  using ProcessKey = std::pair<int, uint64_t>;  // pid and start: pids are used again

  // When each key that holds now began to hold; others are forgotten.
  template <typename Key>
  class Since {
   public:
    // Seconds that `key` has held, this being seen at `now`.
    double Hold(const Key& key, double now) {
      const auto before = held_.find(key);
      const double since = before == held_.end() ? now : before->second;
      holding_.insert_or_assign(key, since);
      return now - since;
    }
    void EndOfSample() {
      held_ = std::move(holding_);
      holding_.clear();
    }

   private:
    std::map<Key, double> held_;
    std::map<Key, double> holding_;
  };

  pleg::ProcessEvidence Describe(const HostProcess& process);
  void DescribeState(const HostProcess& process, pleg::ProcessEvidence& out);
  absl::Duration BlockedFor(const BlockedThread& thread);
  void TellNode(pleg::HostEvidence& out) const;
  void TellGroups(pleg::HostEvidence& out) const;
  std::optional<pleg::DiskEvidence> DescribeDisk(const Mount& mount);
  void TellDisks(pleg::HostEvidence& out);
  void TellProcesses(std::optional<int> runtime_pid, pleg::HostEvidence& out);
  void TellBlocked(const std::vector<WatchedObject>& watched, pleg::HostEvidence& out);
  void TellShims(const std::vector<WatchedObject>& watched, pleg::HostEvidence& out);
  void TellMounts(pleg::HostEvidence& out);
  pleg::FuseConnection DescribeFuse(const FuseRequests& requests);
  void TellFrozen(pleg::HostEvidence& out);
  struct Sight;
  Sight Look() const;
  // Of a watched object and its first process, which may be null; null if there is none.
  const HostProcess* ShimOf(const Sight& sight, const WatchedObject& watch,
                            const HostProcess* process) const;
  // Whether a container that runs would be found among the processes in sight.
  bool ShouldBeSeen(const Sight& sight, const WatchedObject& watch, const HostProcess* shim) const;
  bool MayBeTheRuntime(const HostProcess& process) const;
  bool IsAtWork(const HostProcess& oci) const;
  const HostProcess* FindPid(int pid) const;

  const HostSample* now_ = nullptr;  // while Update runs
  std::optional<HostSample> before_;
  std::set<std::string> alive_;  // what has had a process since it is watched
  Since<std::pair<ProcessKey, char>> states_;
  // What the process that was last seen behind the socket is known again by, without the socket.
  struct Origin {
    std::string comm;
    std::string unit;  // else, where it or the other's is empty:
    int parent = 0;
  };
  std::optional<Origin> runtime_;
  Since<std::string> frozen_;
  Since<std::pair<std::string, std::string>> fuse_;  // connection and mount point
  Since<std::string> disagree_;
  Since<std::string> stalled_;  // disks, as of the sample before
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_HOST_TRACKER_H_
