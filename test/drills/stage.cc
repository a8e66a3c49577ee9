#include "test/drills/stage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

namespace fs = std::filesystem;

constexpr int kPods = 3;
constexpr absl::Duration kPatience = absl::Seconds(100);

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

PodSpec NewPod() {
  static std::atomic<int> made = 0;
  const std::string name = absl::StrCat("web-", made++);
  return {.name = name, .uid = absl::StrCat("uid-", name), .pod_namespace = Stage::kNamespace};
}

// Of /proc/PID/environ; empty without such a variable.
std::string EnvironmentOf(pid_t pid, absl::string_view name) {
  const std::string text = ReadFile(absl::StrCat("/proc/", pid, "/environ"));
  for (absl::string_view variable : absl::StrSplit(text, '\0')) {
    if (absl::ConsumePrefix(&variable, absl::StrCat(name, "="))) return std::string(variable);
  }
  return "";
}

}  // namespace

Stage::Stage(Containerd& node)
    : node_(node),
      mounts_(open(absl::StrCat("/proc/", node.pid(), "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC)) {}

Stage::~Stage() {
  Thaw();
  ContinueShim();
  node_.ReleaseUpdates();
  node_.Thaw();
  node_.network().Release();
  if (update_.valid()) update_.wait();
  if (restart_.valid()) restart_.wait();
  if (connecting_.valid()) connecting_.wait();
  if (kill(node_.pid(), 0) != 0) (void)node_.Restart();
  close(mounts_);
}

absl::Status Stage::AddPods() {
  for (int i = 0; i < kPods; ++i) {
    const PodSpec pod = NewPod();
    absl::StatusOr<std::string> sandbox = node_.RunPod(pod);
    if (!sandbox.ok()) return sandbox.status();
    absl::StatusOr<std::string> container = node_.CreateContainer(*sandbox, {.name = "app"});
    if (!container.ok()) return container.status();
    if (absl::Status status = node_.StartContainer(*container); !status.ok()) return status;
    pods_.push_back({pod.name, *std::move(sandbox), *std::move(container)});
  }
  return absl::OkStatus();
}

std::vector<std::string> Stage::Starter(bool confined) const {
  // As on a node, plegd sees the runtime's directories, and the tasks are beside the socket.
  constexpr char kTasks[] = "io.containerd.runtime.v2.task";
  std::error_code error;
  fs::create_directory_symlink(fs::path(node_.dir()) / "data/state" / kTasks,
                               fs::path(node_.socket_path()).parent_path() / kTasks, error);
  std::vector<std::string> words = {"nsenter",
                                    absl::StrCat("--mount=/proc/", getpid(), "/fd/", mounts_)};
  if (confined) {
    words.insert(words.end(), {"setpriv", "--bounding-set=-all", "--inh-caps=-all", "--regid=65534",
                               "--clear-groups", "--no-new-privs"});
  }
  return words;
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

void Stage::BeginRestart() {
  restart_ = std::async(std::launch::async, [this] { return node_.Restart(); });
}

absl::Status Stage::AwaitRestart() { return restart_.get(); }

absl::Status Stage::HangNetwork() {
  PodSpec pod = NewPod();
  pod.own_network = true;
  unconnected_.name = pod.name;
  node_.network().Hold();
  connecting_ = std::async(std::launch::async,
                           [this, pod = std::move(pod)] { return node_.RunPod(pod, kPatience); });
  plugin_ = node_.network().WaitUntilHeld();
  unconnected_.sandbox = EnvironmentOf(plugin_, "CNI_CONTAINERID");
  return plugin_ > 0 ? absl::OkStatus() : absl::InternalError("no network plugin is started");
}

absl::Status Stage::FreeNetwork() {
  node_.network().Release();
  return connecting_.get().status();
}

void Stage::BeginUpdate() {
  update_ = std::async(std::launch::async, [this, id = victim().container] {
    return node_.UpdateContainer(id, 200, kPatience);
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
