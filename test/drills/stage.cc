#include "test/drills/stage.h"

#include <signal.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

namespace fs = std::filesystem;

constexpr int kPods = 3;
constexpr absl::Duration kUpdateTimeout = absl::Seconds(100);

absl::Status Wait(const std::function<bool()>& condition, absl::string_view what) {
  return WaitUntil(condition) ? absl::OkStatus()
                              : absl::DeadlineExceededError(absl::StrCat(what, " does not come"));
}

bool IsStopped(pid_t pid) {
  const std::string stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  return absl::StrContains(stat, ") T ");
}

// Of /proc/PID/cgroup: the directory in the freezer's hierarchy, or in the unified one.
std::string CgroupOf(pid_t pid) {
  std::string unified;
  for (const absl::string_view line :
       absl::StrSplit(ReadFile(absl::StrCat("/proc/", pid, "/cgroup")), '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    if (fields[1] == "freezer") return absl::StrCat("/sys/fs/cgroup/freezer", fields[2]);
    if (fields[1].empty()) unified = absl::StrCat("/sys/fs/cgroup", fields[2]);
  }
  return unified;
}

absl::Status Write(const std::string& path, absl::string_view text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file ? absl::OkStatus() : absl::InternalError(absl::StrCat("cannot write ", path));
}

}  // namespace

Stage::~Stage() {
  Thaw();
  ContinueShim();
  node_.ReleaseUpdates();
  node_.Thaw();
  if (update_.valid()) update_.wait();
}

absl::Status Stage::AddPods() {
  static int made = 0;
  for (int i = 0; i < kPods; ++i) {
    const std::string name = absl::StrCat("web-", made++);
    absl::StatusOr<std::string> sandbox =
        node_.RunPod({.name = name, .uid = absl::StrCat("uid-", name), .pod_namespace = "shop"});
    if (!sandbox.ok()) return sandbox.status();
    absl::StatusOr<std::string> container = node_.CreateContainer(*sandbox, {.name = "app"});
    if (!container.ok()) return container.status();
    if (absl::Status status = node_.StartContainer(*container); !status.ok()) return status;
    pods_.push_back({name, *std::move(sandbox), *std::move(container)});
  }
  return absl::OkStatus();
}

absl::Status Stage::StopShim() {
  const pid_t shim = node_.ShimPid(victim().sandbox);
  if (shim <= 0) return absl::NotFoundError("the victim has no shim");
  stopped_shim_ = shim;
  kill(shim, SIGSTOP);
  return Wait([shim] { return IsStopped(shim); }, "that the shim is stopped");
}

void Stage::ContinueShim() {
  if (stopped_shim_ > 0) kill(std::exchange(stopped_shim_, 0), SIGCONT);
}

void Stage::BeginUpdate() {
  update_ = std::async(std::launch::async, [this, id = victim().container] {
    return node_.UpdateContainer(id, 200, kUpdateTimeout);
  });
}

absl::Status Stage::AwaitUpdate() { return update_.get(); }

absl::StatusOr<pid_t> Stage::ContainerPid() const {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
    const pid_t pid = static_cast<pid_t>(std::atol(entry.path().filename().c_str()));
    if (pid <= 0) continue;
    if (absl::StrContains(ReadFile(entry.path() / "cgroup"), victim().container)) return pid;
  }
  return absl::NotFoundError("the victim has no process");
}

absl::Status Stage::KillContainer() {
  // Behind a stopped shim its processes stay, as zombies.
  const absl::StatusOr<pid_t> pid = ContainerPid();
  if (!pid.ok()) return pid.status();
  kill(*pid, SIGKILL);
  return Wait(
      [pid = *pid] {
        const std::string stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
        return stat.empty() || absl::StrContains(stat, ") Z ");
      },
      "the container's end");
}

absl::Status Stage::Freeze() {
  const absl::StatusOr<pid_t> pid = ContainerPid();
  if (!pid.ok()) return pid.status();
  const std::string cgroup = CgroupOf(*pid);
  const bool v1 = fs::exists(cgroup + "/freezer.state");
  frozen_ = cgroup + (v1 ? "/freezer.state" : "/cgroup.freeze");
  if (absl::Status status = Write(frozen_, v1 ? "FROZEN" : "1"); !status.ok()) return status;
  if (!v1) {
    return Wait([&] { return absl::StrContains(ReadFile(cgroup + "/cgroup.events"), "frozen 1"); },
                "the frozen cgroup");
  }
  return Wait([this] { return absl::StartsWith(ReadFile(frozen_), "FROZEN"); },
              "the frozen cgroup");
}

void Stage::Thaw() {
  if (frozen_.empty()) return;
  (void)Write(frozen_, absl::EndsWith(frozen_, "freezer.state") ? "THAWED" : "0");
  frozen_.clear();
}

}  // namespace plegd_testing
