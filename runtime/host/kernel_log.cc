#include "runtime/host/kernel_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/text.h"

namespace runtime::host {
namespace {

// The kernel gives one record a read, and none larger (CONSOLE_EXT_LOG_MAX, PRINTKRB_RECORD_MAX).
constexpr size_t kRecordSize = 8192;
constexpr size_t kMaxText = 300;
const dev_t kKmsg = makedev(1, 11);  // Documentation/admin-guide/devices.txt of Linux

// Facility and severity are one number; a process that writes to the device is of another facility.
bool IsOfKernel(absl::string_view priority) {
  constexpr int kFacility = 8;
  int number = 0;
  return absl::SimpleAtoi(priority, &number) && number >= 0 && number < kFacility;
}

}  // namespace

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
    uint64_t microseconds = 0;
    if (head.size() < 3 || !IsOfKernel(head[0]) || !absl::SimpleAtoi(head[2], &microseconds)) {
      continue;
    }
    TakeLine(static_cast<double>(microseconds) / 1e6, record.substr(semicolon + 1));
  }
}

void KernelLog::TakeLine(double at_seconds, absl::string_view text) {
  if (const std::optional<int> service = ServiceInItsLimit(text)) service_in_limit_ = service;
  std::optional<KernelLineKind> kind = KindOfKernelLine(text);
  const std::optional<int> killed = KilledInItsLimit(text);
  if (killed.has_value() && killed == std::exchange(service_in_limit_, std::nullopt)) {
    kind = KernelLineKind::kKill;
  }
  if (!kind.has_value()) return;
  const auto is_alike = [kind](const Line& line) { return line.kind == *kind; };
  lines_.push_back({at_seconds, *kind, std::string(text.substr(0, kMaxText))});
  if (std::count_if(lines_.begin(), lines_.end(), is_alike) > kMaxOfAKind) {
    lines_.erase(std::find_if(lines_.begin(), lines_.end(), is_alike));
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
