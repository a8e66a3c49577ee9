#include "runtime/host/kernel_line.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "runtime/host/proc_parse.h"

namespace runtime::host {
namespace {

// As in the kernel's source, where %s is a word here, and %c the name of a process. What a form
// demands is more than a name can hold before it: no line that begins with a name has it.
struct Form {
  absl::string_view format;
  KernelLineKind kind;
};

constexpr Form kForms[] = {
    // kernel/hung_task.c
    {"INFO: task %c:%d blocked for more than ", KernelLineKind::kHungTask},
    // kernel/watchdog.c
    {"watchdog: BUG: soft lockup - CPU#", KernelLineKind::kLockup},
    {"NMI watchdog: BUG: soft lockup - CPU#", KernelLineKind::kLockup},
    {"watchdog: Watchdog detected hard LOCKUP on cpu ", KernelLineKind::kLockup},
    {"NMI watchdog: Watchdog detected hard LOCKUP on cpu ", KernelLineKind::kLockup},
    // kernel/rcu/tree_stall.h
    {"rcu: INFO: %s self-detected stall on CPU", KernelLineKind::kLockup},
    {"rcu: INFO: %s detected stalls on CPUs/tasks", KernelLineKind::kLockup},
    {"rcu: INFO: %s detected expedited stalls on CPUs/tasks", KernelLineKind::kLockup},
    {"INFO: %s self-detected stall on CPU", KernelLineKind::kLockup},
    {"INFO: %s detected stalls on CPUs/tasks", KernelLineKind::kLockup},
    // mm/oom_kill.c
    {"Out of memory: Killed process ", KernelLineKind::kKill},
    // net/sunrpc/clnt.c, fs/smb/client/connect.c
    {"nfs: server %s not responding, ", KernelLineKind::kServer},
    {"lockd: server %s not responding, ", KernelLineKind::kServer},
    {"CIFS: VFS: %s has not responded in ", KernelLineKind::kServer},
    // block/blk-core.c, fs/buffer.c
    {"I/O error, dev %s, sector %d", KernelLineKind::kStorage},
    {"critical medium error, dev %s, sector %d", KernelLineKind::kStorage},
    {"blk_update_request: I/O error, dev ", KernelLineKind::kStorage},
    {"blk_update_request: critical medium error, dev ", KernelLineKind::kStorage},
    {"print_req_error: I/O error, dev ", KernelLineKind::kStorage},
    {"Buffer I/O error on dev", KernelLineKind::kStorage},
    // fs/ext4/super.c, fs/jbd2/journal.c
    {"EXT4-fs error (device ", KernelLineKind::kStorage},
    {"EXT4-fs (%s): Remounting filesystem read-only", KernelLineKind::kStorage},
    {"EXT4-fs (%s): I/O error while writing superblock", KernelLineKind::kStorage},
    {"EXT4-fs warning (device %s): ext4_end_bio:%d: I/O error ", KernelLineKind::kStorage},
    {"Aborting journal on device ", KernelLineKind::kStorage},
    {"JBD2: I/O error when updating journal superblock", KernelLineKind::kStorage},
    // fs/xfs
    {"XFS (%s): metadata I/O error", KernelLineKind::kStorage},
    {"XFS (%s): log I/O error", KernelLineKind::kStorage},
    {"XFS (%s): I/O Error Detected", KernelLineKind::kStorage},
    {"XFS (%s): Metadata corruption detected", KernelLineKind::kStorage},
    {"XFS (%s): Corruption of in-memory data", KernelLineKind::kStorage},
    {"XFS (%s): Filesystem has been shut down", KernelLineKind::kStorage},
};

constexpr absl::string_view kRunsPods[] = {"containerd", "kubelet", "crio",    "dockerd",
                                           "conmon",     "runc",    "systemd", "dbus-"};

// 15 bytes, each of which may be escaped: "\xe2".
constexpr size_t kLongestName = 60;

size_t LongestOf(char variable, absl::string_view line) {
  if (variable == 'c') return std::min(line.size(), kLongestName);
  const auto ends = [variable](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return variable == 'd' ? !absl::ascii_isdigit(byte) : absl::ascii_isspace(byte);
  };
  return static_cast<size_t>(std::find_if(line.begin(), line.end(), ends) - line.begin());
}

bool HasForm(absl::string_view line, absl::string_view format) {
  const size_t variable = format.find('%');
  if (!absl::ConsumePrefix(&line, format.substr(0, variable))) return false;
  if (variable == absl::string_view::npos) return true;
  const size_t longest = LongestOf(format[variable + 1], line);
  for (size_t length = 1; length <= longest; ++length) {
    if (HasForm(line.substr(length), format.substr(variable + 2))) return true;
  }
  return false;
}

std::optional<int> LeadingNumber(absl::string_view text) {
  int number = 0;
  const bool is_one = absl::SimpleAtoi(text.substr(0, LongestOf('d', text)), &number);
  return is_one ? std::optional<int>(number) : std::nullopt;
}

// A service of PID 1's systemd, which a container or virtual machine with a systemd of its own is
// not, nor a user's session.
bool IsOwnService(absl::string_view group) {
  for (const absl::string_view foreign : {"/user.slice/", "/machine.slice/"}) {
    if (absl::StartsWith(group, foreign)) return false;
  }
  const absl::string_view top = group.substr(0, group.find('/', 1));
  return absl::EndsWith(top, ".slice") && !UnitOfCgroup(group).empty() &&
         ContainerOfCgroup(group).empty();
}

// The value of ",key=", up to `end`, if that stands there once: names of groups have any letters.
absl::string_view Only(absl::string_view line, absl::string_view key, absl::string_view end) {
  const size_t at = line.find(key);
  if (at == absl::string_view::npos || at != line.rfind(key)) return "";
  const absl::string_view value = line.substr(at + key.size());
  return value.substr(0, value.find(end));
}

}  // namespace

std::optional<KernelLineKind> KindOfKernelLine(absl::string_view line) {
  for (const Form& form : kForms) {
    if (HasForm(line, form.format)) return form.kind;
  }
  return std::nullopt;
}

std::optional<int> KilledInItsLimit(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "Memory cgroup out of memory: Killed process ")) {
    return std::nullopt;
  }
  const std::optional<int> pid = LeadingNumber(line);
  line.remove_prefix(LongestOf('d', line));
  const bool runs_pods =
      absl::ConsumePrefix(&line, " (") &&
      std::any_of(std::begin(kRunsPods), std::end(kRunsPods),
                  [line](absl::string_view name) { return absl::StartsWith(line, name); });
  return runs_pods ? pid : std::nullopt;
}

// "…,task_memcg=/system.slice/containerd.service,task=containerd,pid=890,uid=0"
std::optional<int> ServiceInItsLimit(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "oom-kill:") || !absl::ConsumeSuffix(&line, ",uid=0")) {
    return std::nullopt;
  }
  constexpr absl::string_view kPid = ",pid=";
  const size_t at = line.rfind(kPid);
  if (at == absl::string_view::npos) return std::nullopt;
  if (!IsOwnService(Only(line, ",task_memcg=", ",task="))) return std::nullopt;
  return LeadingNumber(line.substr(at + kPid.size()));
}

}  // namespace runtime::host
