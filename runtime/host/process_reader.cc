#include "runtime/host/process_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace runtime::host {
namespace {

constexpr size_t kMaxThreads = 256;
constexpr size_t kMaxThreadsOfAll = 8192;
constexpr size_t kMaxStacks = 8;
constexpr size_t kMaxStack = 16;
constexpr size_t kMaxCommand = 4096;

constexpr char kWaitChannel[] = "wait channel";
constexpr char kStack[] = "kernel stack";
constexpr char kEnvironment[] = "environment";
constexpr char kDirectory[] = "working directory";

absl::string_view CapabilityFor(absl::string_view what) {
  return what == kStack ? "CAP_SYS_ADMIN" : "CAP_SYS_PTRACE";
}

}  // namespace

std::string ProcessReader::Path(int pid, absl::string_view name) {
  return absl::StrCat(pid, "/", name);
}

void ProcessReader::Deny(const char* what, int pid) {
  Denied& denied = denied_[what];
  if (denied.count++ == 0) denied.first = pid;
}

void ProcessReader::Note(const absl::Status& status, const char* what, int pid) {
  if (absl::IsPermissionDenied(status)) Deny(what, pid);
}

std::vector<std::string> ProcessReader::Problems() const {
  std::vector<std::string> problems;
  for (const auto& [what, denied] : denied_) {
    problems.push_back(
        absl::StrCat(what, " of ", denied.first,
                     denied.count > 1 ? absl::StrCat(" and ", denied.count - 1, " more") : "",
                     ": permission denied (it takes ", CapabilityFor(what), ")"));
  }
  return problems;
}

void ProcessReader::TakeFirstThread(HostProcess& process) {
  if (process.stat.state != 'D') return;
  process.blocked.push_back({process.stat.pid, process.stat.start_ticks, {}, {}});
}

void ProcessReader::ReadThreads(HostProcess& process) {
  process.blocked.clear();
  const size_t limit = std::min(kMaxThreads, kMaxThreadsOfAll - threads_);
  if (process.stat.threads <= 1) return TakeFirstThread(process);
  const std::vector<std::string> stats =
      proc_.ReadThreadStats(Path(process.stat.pid, "task"), limit);
  if (stats.empty()) return TakeFirstThread(process);
  threads_ += stats.size();
  for (const std::string& text : stats) {
    if (!absl::StrContains(text, ") D ")) continue;
    const absl::StatusOr<ProcessStat> stat = ParseProcessStat(text);
    if (!stat.ok() || stat->state != 'D') continue;
    process.blocked.push_back({stat->pid, stat->start_ticks, {}, {}});
  }
}

std::string ProcessReader::ReadWaitChannel(const std::string& directory, int pid, bool sleeps) {
  absl::StatusOr<std::string> channel = proc_.Read(directory + "/wchan");
  if (channel.ok() && *channel != "0") return *std::move(channel);
  // The kernel answers 0 where it may not be known.
  if (sleeps || absl::IsPermissionDenied(channel.status())) Deny(kWaitChannel, pid);
  return "";
}

std::vector<std::string> ProcessReader::ReadStack(const std::string& directory, int pid) {
  std::vector<std::string> functions;
  const absl::StatusOr<std::string> stack = proc_.Read(directory + "/stack");
  if (!stack.ok()) {
    Note(stack.status(), kStack, pid);
    return functions;
  }
  // "[<0>] do_wait+0x5e/0xb0"
  for (absl::string_view line : absl::StrSplit(*stack, '\n', absl::SkipEmpty())) {
    if (functions.size() == kMaxStack) break;
    const size_t bracket = line.find("] ");
    if (bracket != absl::string_view::npos) line.remove_prefix(bracket + 2);
    functions.emplace_back(line.substr(0, line.find('+')));
  }
  return functions;
}

void ProcessReader::ReadWait(HostProcess& process) {
  const int pid = process.stat.pid;
  size_t stacks = 0;
  for (BlockedThread& thread : process.blocked) {
    const std::string directory =
        thread.id == pid ? absl::StrCat(pid) : Path(pid, absl::StrCat("task/", thread.id));
    thread.wait_channel = ReadWaitChannel(directory, pid, true);
    if (stacks++ < kMaxStacks) thread.stack = ReadStack(directory, pid);
  }
  if (!process.blocked.empty()) return;
  const std::string directory = absl::StrCat(pid);
  process.wait_channel = ReadWaitChannel(directory, pid, false);
  process.stack = ReadStack(directory, pid);
}

void ProcessReader::ReadBundle(HostProcess& shim) {
  if (!words_) return;
  const absl::StatusOr<std::string> cwd = proc_.ReadLink(Path(shim.stat.pid, "cwd"));
  if (cwd.ok()) {
    // A runtime that takes a shim for dead removes the bundle under it, by a hidden name
    // (containerd, runtime/v2/bundle.go, atomicDelete).
    const absl::string_view path = absl::StripSuffix(*cwd, " (deleted)");
    shim.bundle = ContainerOfCgroup(absl::StrReplaceAll(path, {{"/.", "/"}}));
    // containerd's namespace of all that comes by CRI.
    shim.for_kubelet = absl::StrContains(path, "/k8s.io/");
    return;
  }
  const std::vector<std::string> command = ReadCommandLine(shim.stat.pid);
  shim.bundle = ContainerOfShim(command);
  shim.for_kubelet = std::count(command.begin(), command.end(), "k8s.io") > 0;
  if (shim.bundle.empty()) Note(cwd.status(), kDirectory, shim.stat.pid);
}

bool ProcessReader::IsBlockedNow(int pid) {
  const absl::StatusOr<std::string> text = proc_.Read(Path(pid, "stat"));
  if (!text.ok()) return true;
  absl::StatusOr<ProcessStat> stat = ParseProcessStat(*text);
  if (!stat.ok() || stat->state == 'D') return true;
  HostProcess process;
  process.stat = *std::move(stat);
  ReadThreads(process);
  return !process.blocked.empty();
}

std::vector<std::string> ProcessReader::ReadCommandLine(int pid) {
  if (!words_ || IsBlockedNow(pid)) return {};
  const absl::StatusOr<std::string> line = proc_.Read(Path(pid, "cmdline"), kMaxCommand);
  if (!line.ok() || line->empty()) return {};
  return absl::StrSplit(absl::StripSuffix(*line, absl::string_view("\0", 1)), '\0');
}

void ProcessReader::ReadRoot(HostProcess& process) {
  const std::vector<std::string> command = ReadCommandLine(process.stat.pid);
  if (!command.empty()) process.root = RootOfCommand(command);
}

void ProcessReader::ReadCommand(HostProcess& process) {
  process.command = ReadCommandLine(process.stat.pid);
}

ProcessReader::CniAnswer ProcessReader::ReadCniCall(HostProcess& process) {
  if (!words_ || IsBlockedNow(process.stat.pid)) return CniAnswer::kUnknown;
  const absl::StatusOr<std::string> environment = proc_.Read(Path(process.stat.pid, "environ"));
  if (!environment.ok()) {
    Note(environment.status(), kEnvironment, process.stat.pid);
    return CniAnswer::kUnknown;
  }
  process.cni = ParseCniCall(*environment);
  return process.cni.command.empty() ? CniAnswer::kIsNone : CniAnswer::kIsOne;
}

}  // namespace runtime::host
