#include "pleg/diagnosis/waits.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace pleg {
namespace {

constexpr absl::string_view kFuse = "a FUSE server that does not answer";

struct Known {
  absl::string_view part;  // of the kernel function
  absl::string_view reason;
};
// What tells most comes first: whose page is waited for tells more than that it is a page.
constexpr Known kKnown[] = {
    {"nfs", "network storage (NFS) that does not answer"},
    {"rpc_wait", "network storage (NFS) that does not answer"},
    {"ceph", "network storage (Ceph) that does not answer"},
    {"cifs", "network storage (CIFS) that does not answer"},
    {"smb2", "network storage (CIFS) that does not answer"},
    {"fuse", kFuse},
    {"request_wait_answer", kFuse},
    {"fanotify", "a security agent that does not answer fanotify"},
    {"refrigerator", "a frozen cgroup"},
    {"cgroup_freeze", "a frozen cgroup"},
    {"do_freezer_trap", "a frozen cgroup"},
    {"zap_pid_ns", "a child in its PID namespace that cannot be reaped"},
    {"nvidia", "the GPU driver"},
    {"jbd2", "the disk (ext4 journal)"},
    {"xfs_", "the disk (XFS)"},
    {"blk_", "the disk"},
    {"io_schedule", "the disk"},
    {"folio_wait", "the disk"},
    {"wait_on_page", "the disk"},
    {"fifo_open", "a FIFO whose other end nobody opens"},
    {"wait_for_partner", "a FIFO whose other end nobody opens"},
    {"pipe_", "a full or an empty pipe"},
    {"locks_lock", "a file lock that another process holds"},
    {"flock", "a file lock that another process holds"},
    {"unix_stream", "a socket whose other end says nothing"},
    {"unix_wait", "a socket whose other end says nothing"},
};

}  // namespace

Wait WaitOf(absl::string_view function, const std::vector<std::string>& stack) {
  const auto anywhere = [&](absl::string_view part) {
    return absl::StrContains(function, part) ||
           std::any_of(stack.begin(), stack.end(),
                       [part](const std::string& frame) { return absl::StrContains(frame, part); });
  };
  Wait wait;
  wait.killable = anywhere("killable");
  for (const Known& known : kKnown) {
    if (!anywhere(known.part)) continue;
    wait.reason = known.reason;
    break;
  }
  wait.fuse = wait.reason == kFuse;
  return wait;
}

absl::string_view WaitReason(absl::string_view function) { return WaitOf(function).reason; }

absl::string_view FunctionName(absl::string_view function) {
  return function.empty() ? "a function that may not be read" : function;
}

}  // namespace pleg
