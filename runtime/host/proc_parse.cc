#include "runtime/host/proc_parse.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace runtime::host {
namespace {

using Fields = std::vector<absl::string_view>;

constexpr size_t kIdSize = 64;

Fields SplitFields(absl::string_view line) {
  return absl::StrSplit(line, absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
}

template <typename T>
bool Number(const Fields& fields, size_t index, T& value) {
  return index < fields.size() && absl::SimpleAtoi(fields[index], &value);
}

// mountinfo writes space, tab, line feed and backslash as \ooo.
std::string UndoOctal(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const absl::string_view digits = text.substr(std::min(i + 1, text.size()), 3);
    const bool octal =
        text[i] == '\\' && digits.size() == 3 &&
        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '7'; });
    if (!octal) {
      out += text[i];
      continue;
    }
    out += static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0'));
    i += 3;
  }
  return out;
}

bool ParseDevice(absl::string_view text, uint32_t& major, uint32_t& minor) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, ':');
  return absl::SimpleAtoi(parts.first, &major) && absl::SimpleAtoi(parts.second, &minor);
}

std::optional<double> Avg10(absl::string_view line) {
  for (absl::string_view field : SplitFields(line)) {
    double value = 0;
    if (absl::ConsumePrefix(&field, "avg10=") && absl::SimpleAtod(field, &value)) return value;
  }
  return std::nullopt;
}

bool Holds(absl::string_view mount_point, absl::string_view path) {
  if (mount_point == "/") return absl::StartsWith(path, "/");
  return absl::ConsumePrefix(&path, mount_point) && (path.empty() || path[0] == '/');
}

bool IsContainerId(absl::string_view text) {
  return text.size() == kIdSize && std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

}  // namespace

absl::StatusOr<ProcessStat> ParseProcessStat(absl::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError(
      absl::StrCat("not a process's stat: ", absl::CHexEscape(text.substr(0, 80))));
  const size_t open = text.find(" (");
  const size_t close = text.rfind(") ");
  ProcessStat stat;
  if (open == absl::string_view::npos || close == absl::string_view::npos || close < open + 2 ||
      !absl::SimpleAtoi(text.substr(0, open), &stat.pid)) {
    return bad;
  }
  stat.comm = std::string(text.substr(open + 2, close - open - 2));
  // Numbered as in proc(5), less the first three.
  const Fields fields = SplitFields(text.substr(close + 2));
  uint64_t user = 0;
  uint64_t system = 0;
  if (fields.empty() || fields[0].size() != 1 || !Number(fields, 1, stat.parent) ||
      !Number(fields, 11, user) || !Number(fields, 12, system) ||
      !Number(fields, 17, stat.threads) || !Number(fields, 19, stat.start_ticks)) {
    return bad;
  }
  stat.state = fields[0][0];
  stat.cpu_ticks = user + system;
  return stat;
}

absl::StatusOr<Pressure> ParsePressure(absl::string_view text) {
  Pressure pressure;
  bool some = false;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::optional<double> value = Avg10(line);
    if (!value.has_value()) continue;
    if (absl::StartsWith(line, "some ")) {
      pressure.some = *value;
      some = true;
    } else if (absl::StartsWith(line, "full ")) {
      pressure.full = *value;
    }
  }
  if (some) return pressure;
  return absl::InvalidArgumentError(
      absl::StrCat("no pressure: ", absl::CHexEscape(text.substr(0, 80))));
}

std::vector<DiskStat> ParseDiskstats(absl::string_view text) {
  std::vector<DiskStat> disks;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const Fields fields = SplitFields(line);
    DiskStat disk;
    uint64_t reads = 0;
    uint64_t writes = 0;
    uint64_t read_ms = 0;
    uint64_t write_ms = 0;
    uint64_t busy_ms = 0;
    if (!Number(fields, 0, disk.major) || !Number(fields, 1, disk.minor) ||
        !Number(fields, 3, reads) || !Number(fields, 6, read_ms) || !Number(fields, 7, writes) ||
        !Number(fields, 10, write_ms) || !Number(fields, 11, disk.in_flight) ||
        !Number(fields, 12, busy_ms)) {
      continue;
    }
    disk.name = std::string(fields[2]);
    uint64_t discards = 0;
    (void)Number(fields, 14, discards);  // since Linux 4.18
    disk.completed = reads + writes + discards;
    disk.read_ms = static_cast<uint32_t>(read_ms);
    disk.write_ms = static_cast<uint32_t>(write_ms);
    disk.busy_ms = static_cast<uint32_t>(busy_ms);
    disks.push_back(std::move(disk));
  }
  return disks;
}

std::vector<Mount> ParseMountinfo(absl::string_view text) {
  std::vector<Mount> mounts;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const Fields fields = SplitFields(line);
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    Mount mount;
    if (fields.size() < 6 || fields.end() - dash < 3 ||
        !ParseDevice(fields[2], mount.major, mount.minor)) {
      continue;
    }
    mount.mount_point = UndoOctal(fields[4]);
    mount.fs_type = UndoOctal(*(dash + 1));
    mount.source = UndoOctal(*(dash + 2));
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

const Mount* FindMount(const std::vector<Mount>& mounts, absl::string_view path) {
  const Mount* found = nullptr;
  for (const Mount& mount : mounts) {
    if (!Holds(mount.mount_point, path)) continue;
    // Of two on one point the later covers the earlier.
    if (found == nullptr || mount.mount_point.size() >= found->mount_point.size()) found = &mount;
  }
  return found;
}

bool IsNetworkFileSystem(absl::string_view fs_type) {
  static constexpr absl::string_view kTypes[] = {"nfs", "nfs4",      "cifs",   "smb3", "ceph", "9p",
                                                 "afs", "glusterfs", "lustre", "gfs2", "ocfs2"};
  return std::find(std::begin(kTypes), std::end(kTypes), fs_type) != std::end(kTypes);
}

std::string ContainerOfCgroup(absl::string_view path) {
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/', absl::SkipEmpty());
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    absl::string_view id = *part;
    // "cri-containerd:<id>" is how the systemd driver's name looks under the cgroupfs driver.
    const size_t colon = id.rfind(':');
    if (colon != absl::string_view::npos) id.remove_prefix(colon + 1);
    absl::ConsumeSuffix(&id, ".scope");
    if (absl::StartsWith(id, "crio-conmon-")) return "";
    for (const absl::string_view prefix : {"cri-containerd-", "crio-", "docker-", "libpod-"}) {
      if (absl::ConsumePrefix(&id, prefix)) break;
    }
    if (IsContainerId(id)) return std::string(id);
  }
  return "";
}

std::string CgroupPath(absl::string_view proc_cgroup) {
  absl::string_view unified;
  absl::string_view freezer;
  absl::string_view first;
  for (const absl::string_view line : absl::StrSplit(proc_cgroup, '\n')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    if (first.empty()) first = parts[2];
    if (parts[1].empty() && parts[2] != "/") unified = parts[2];
    if (parts[1] == "freezer") freezer = parts[2];
  }
  if (!unified.empty()) return std::string(unified);
  return std::string(freezer.empty() ? first : freezer);
}

std::string UnifiedPath(absl::string_view proc_cgroup) {
  for (absl::string_view line : absl::StrSplit(proc_cgroup, '\n')) {
    if (absl::ConsumePrefix(&line, "0::")) return std::string(line);
  }
  return "";
}

std::string UnitOfCgroup(absl::string_view path) {
  for (absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (!absl::ConsumeSuffix(&part, ".service")) continue;
    return absl::StartsWith(part, "user@") ? "" : std::string(part);
  }
  return "";
}

// The name in the first line has its line feeds escaped, so that it cannot look like another one.
std::vector<uint32_t> UidsOfStatus(absl::string_view status) {
  std::vector<uint32_t> uids;
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (!absl::ConsumePrefix(&line, "Uid:")) continue;
    for (const absl::string_view field :
         absl::StrSplit(line, absl::ByAnyChar("\t "), absl::SkipEmpty())) {
      uint32_t uid = 0;
      if (!absl::SimpleAtoi(field, &uid)) return {};
      uids.push_back(uid);
    }
    return uids;
  }
  return uids;
}

size_t PidNamespacesOfStatus(absl::string_view status) {
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (absl::ConsumePrefix(&line, "NSpid:")) return SplitFields(line).size();
  }
  return 0;
}

std::optional<uint64_t> FlatKey(absl::string_view text, absl::string_view key) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const Fields fields = SplitFields(line);
    uint64_t value = 0;
    if (fields.size() == 2 && fields[0] == key && Number(fields, 1, value)) return value;
  }
  return std::nullopt;
}

std::optional<uint64_t> MeminfoKb(absl::string_view text, absl::string_view key) {
  const std::string name = absl::StrCat(key, ":");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const Fields fields = SplitFields(line);
    uint64_t value = 0;
    if (fields.size() >= 2 && fields[0] == name && Number(fields, 1, value)) return value;
  }
  return std::nullopt;
}

}  // namespace runtime::host
