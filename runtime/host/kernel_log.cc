#include "runtime/host/kernel_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/text.h"
#include "runtime/host/proc_parse.h"

namespace runtime::host {
namespace {

// The kernel gives one record a read, and none larger (CONSOLE_EXT_LOG_MAX, PRINTKRB_RECORD_MAX).
constexpr size_t kRecordSize = 8192;
constexpr size_t kMaxText = 300;
const dev_t kKmsg = makedev(1, 11);  // Documentation/admin-guide/devices.txt of Linux

constexpr absl::string_view kTelling[] = {
    "blocked for more than",            // khungtaskd
    "BUG: soft lockup - CPU#",          // watchdog
    "self-detected stall",              // RCU
    "detected stalls on CPUs",          //
    "Out of memory: Killed process",    // of the whole node
    "not responding, ",                 // "nfs: server filer not responding, still trying"
    "I/O error",                        // block layer, XFS
    "EXT4-fs error (device ",           //
    "Remounting filesystem read-only",  //
};
constexpr absl::string_view kKills = "oom-kill:";  // says whose memory ran out, before the kill
constexpr absl::string_view kKilledForGroup = "Memory cgroup out of memory: Killed process";
constexpr absl::string_view kRunsPods[] = {"(containerd", "(kubelet", "(crio",    "(dockerd",
                                           "(conmon",     "(runc",    "(systemd", "(dbus-"};

// Lines that anybody brings about and that quote a process by its name, which may be any of the
// above: a name has 15 bytes.
bool QuotesAName(absl::string_view message) {
  for (const absl::string_view start : {"traps: ", "audit: ", "warning: process "}) {
    if (absl::StartsWith(message, start)) return true;
  }
  if (absl::StartsWith(message, kKills)) return true;
  return absl::StrContains(message, "]: segfault at ") ||
         absl::StrContains(message, "]: unhandled ");
}

// "oom-kill:constraint=CONSTRAINT_MEMCG,…,task_memcg=/kubepods/…,task=java,pid=71,uid=0"
std::string KilledContainer(absl::string_view message) {
  constexpr absl::string_view kGroup = ",task_memcg=";
  const size_t at = message.find(kGroup);
  if (at == absl::string_view::npos) return "";
  const absl::string_view path = message.substr(at + kGroup.size());
  return ContainerOfCgroup(path.substr(0, path.find(',')));
}

}  // namespace

bool IsTelling(absl::string_view message) {
  const auto has = [message](absl::string_view part) { return absl::StrContains(message, part); };
  if (QuotesAName(message)) return false;
  if (absl::StartsWith(message, kKilledForGroup)) {
    return std::any_of(std::begin(kRunsPods), std::end(kRunsPods), has);
  }
  return std::any_of(std::begin(kTelling), std::end(kTelling), has);
}

// The device of the kernel's log, or a file that stands for it; nothing else is opened.
absl::Status KernelLog::Open() {
  if (fd_.ok()) return absl::OkStatus();
  const OwnedFd found(open(path_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info = {};
  if (!found.ok() || fstat(found.get(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("open ", path_));
  }
  const bool kmsg = S_ISCHR(info.st_mode) && info.st_rdev == kKmsg;
  if (!kmsg && !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("open ", path_, ": not the kernel's log"));
  }
  fd_ = ReopenForReading(found.get());
  return fd_.ok() ? absl::OkStatus() : absl::ErrnoToStatus(errno, absl::StrCat("open ", path_));
}

absl::Status KernelLog::ReadNew() {
  if (absl::Status status = Open(); !status.ok()) return status;
  std::string record(kRecordSize, '\0');
  for (size_t i = 0; i < kMaxRecords; ++i) {
    const ssize_t size = read(fd_.get(), record.data(), record.size());
    if (size > 0) Take({record.data(), static_cast<size_t>(size)});
    // EPIPE: records were overwritten before they were read; the next read goes on behind them.
    const bool more = size > 0 || (size < 0 && (errno == EINTR || errno == EPIPE));
    if (more) continue;
    const bool end = size == 0 || errno == EAGAIN;
    return end ? absl::OkStatus() : absl::ErrnoToStatus(errno, absl::StrCat("read ", path_));
  }
  return absl::OkStatus();
}

// "3,1205,861735421,-;INFO: task runc:4711 blocked for more than 120 seconds.", then lines with a
// space before them that belong to it. The third is microseconds after boot.
void KernelLog::Take(absl::string_view records) {
  for (const absl::string_view record : absl::StrSplit(records, '\n')) {
    const size_t semicolon = record.find(';');
    if (semicolon == absl::string_view::npos || record.front() == ' ') continue;
    const std::vector<absl::string_view> head = absl::StrSplit(record.substr(0, semicolon), ',');
    const absl::string_view text = record.substr(semicolon + 1);
    if (absl::StartsWith(text, kKills)) kills_in_container_ = !KilledContainer(text).empty();
    // Whatever it calls itself.
    if (kills_in_container_ && absl::StartsWith(text, kKilledForGroup)) continue;
    uint64_t microseconds = 0;
    if (head.size() < 3 || !absl::SimpleAtoi(head[2], &microseconds) || !IsTelling(text)) continue;
    lines_.push_back(
        {static_cast<double>(microseconds) / 1e6, std::string(text.substr(0, kMaxText))});
    if (lines_.size() > kMaxKept) lines_.pop_front();
  }
}

std::vector<std::string> KernelLog::Read(double kernel_seconds,
                                         std::vector<std::string>& problems) {
  if (const absl::Status status = ReadNew(); !status.ok()) {
    problems.push_back(std::string(status.message()));
  }
  std::vector<std::string> told;
  for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {
    const double age = std::max(0.0, kernel_seconds - line->at_seconds);
    if (age > kKeptSeconds) break;
    told.push_back(absl::StrCat(line->text, " (", pleg::FormatAge(absl::Seconds(age)), " ago)"));
  }
  return told;
}

}  // namespace runtime::host
