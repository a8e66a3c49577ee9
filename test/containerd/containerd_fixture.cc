#include "test/containerd/containerd_fixture.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "runtime/v1/api.pb.h"

namespace plegd_testing {
namespace {

namespace cri = plegd::test::cri::v1;
namespace fs = std::filesystem;

constexpr char kBusyboxImage[] = "localhost/plegd-test/busybox:1";
constexpr char kPauseImage[] = "localhost/plegd-test/pause:1";
constexpr char kWaitForExitCode[] = "read code </gate; exit $code";

fs::path ToolsDir() {
  const char* configured = std::getenv("PLEGD_TOOLS");
  return configured != nullptr && *configured != '\0' ? configured : PLEGD_DEFAULT_TOOLS;
}

std::string Tool(const std::string& name) { return ToolsDir() / "bin" / name; }

Environment ToolsEnvironment() {
  const std::string path =
      absl::StrCat((ToolsDir() / "bin").string(),
                   ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  return {{"PATH", path}, {"LD_LIBRARY_PATH", ToolsDir() / "lib"}};
}

// A short path: that of a unix socket ends at 107 characters.
std::string MakeDirectory() {
  std::string name = "/tmp/plegd-ctr.XXXXXX";
  if (mkdtemp(name.data()) == nullptr) return "";
  return name;
}

cri::PodSandboxConfig SandboxConfig(const PodSpec& spec, const std::string& cgroup) {
  cri::PodSandboxConfig config;
  config.mutable_metadata()->set_name(spec.name);
  config.mutable_metadata()->set_uid(spec.uid);
  config.mutable_metadata()->set_namespace_(spec.pod_namespace);
  config.mutable_metadata()->set_attempt(spec.attempt);
  auto& labels = *config.mutable_labels();
  labels["io.kubernetes.pod.name"] = spec.name;
  labels["io.kubernetes.pod.namespace"] = spec.pod_namespace;
  labels["io.kubernetes.pod.uid"] = spec.uid;
  auto& annotations = *config.mutable_annotations();
  annotations["kubernetes.io/config.source"] = "api";
  annotations["kubernetes.io/config.seen"] = absl::FormatTime(absl::Now());
  config.mutable_linux()->set_cgroup_parent(absl::StrCat("/", cgroup, "/pod", spec.uid));
  cri::NamespaceOption& namespaces =
      *config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
  namespaces.set_network(spec.own_network ? cri::POD : cri::NODE);
  namespaces.set_pid(cri::CONTAINER);
  return config;
}

cri::ContainerConfig ContainerConfig(const ContainerSpec& spec,
                                     const cri::PodSandboxConfig& sandbox) {
  cri::ContainerConfig config;
  config.mutable_metadata()->set_name(spec.name);
  config.mutable_metadata()->set_attempt(spec.attempt);
  config.mutable_image()->set_image(kBusyboxImage);
  config.mutable_command()->Assign(spec.command.begin(), spec.command.end());
  *config.mutable_labels() = sandbox.labels();
  (*config.mutable_labels())["io.kubernetes.container.name"] = spec.name;
  auto& annotations = *config.mutable_annotations();
  annotations["io.kubernetes.container.hash"] = "5f3759df";
  annotations["io.kubernetes.container.restartCount"] = absl::StrCat(spec.attempt);
  annotations["io.kubernetes.container.terminationMessagePath"] = "/dev/termination-log";
  annotations["io.kubernetes.container.terminationMessagePolicy"] = "File";
  annotations["io.kubernetes.pod.terminationGracePeriod"] = "30";
  for (const auto& [key, value] : spec.annotations) annotations[key] = value;
  config.mutable_linux()->mutable_resources()->set_cpu_shares(102);
  *config.mutable_linux()->mutable_security_context()->mutable_namespace_options() =
      sandbox.linux().security_context().namespace_options();
  return config;
}

std::vector<std::string> CommandLine(const fs::path& proc) {
  return absl::StrSplit(ReadFile(proc / "cmdline"), '\0');
}

}  // namespace

std::string Containerd::Unavailable() {
  if (geteuid() != 0) return "real pods need root";
  for (const char* tool : {"containerd", "containerd-shim-runc-v2", "ctr", "runc", "busybox"}) {
    if (access(Tool(tool).c_str(), X_OK) != 0) {
      return absl::StrCat("no ", Tool(tool), ": run test/fetch-tools ", ToolsDir().string());
    }
  }
  const std::string log = absl::StrCat("/tmp/plegd-check.", getpid());
  const absl::Status checked = RunCommand({PLEGD_CONTAINERD_KEEPER, "check"}, log);
  const std::string reason = ReadFile(log);
  unlink(log.c_str());
  if (checked.ok()) return "";
  return reason.empty() ? checked.ToString() : std::string(absl::StripAsciiWhitespace(reason));
}

Containerd::Containerd(std::string dir)
    : dir_(std::move(dir)), cgroup_(fs::path(dir_).filename()) {}

absl::StatusOr<std::unique_ptr<Containerd>> Containerd::Start() {
  const std::string dir = MakeDirectory();
  if (dir.empty()) return absl::InternalError("cannot make a directory below /tmp");
  std::unique_ptr<Containerd> node(new Containerd(dir));
  const absl::Time begin = absl::Now();
  if (absl::Status status = node->StartKeeper(); !status.ok()) return status;
  if (absl::Status status = node->StartDaemon(); !status.ok()) return status;
  const absl::Time answered = absl::Now();
  if (absl::Status status = node->ImportImages(); !status.ok()) return status;
  std::cout << "containerd answers after " << absl::FormatDuration(answered - begin)
            << ", images are there after another " << absl::FormatDuration(absl::Now() - answered)
            << std::endl;
  return node;
}

Containerd::~Containerd() {
  cri_.reset();
  if (to_keeper_ < 0) {
    std::error_code error;
    fs::remove_all(dir_, error);
    return;
  }
  close(to_keeper_);
  const absl::StatusOr<std::string> left = ReadKeeperLine();
  EXPECT_TRUE(left.ok() && *left == "clean") << left.status() << left.value_or("");
  close(from_keeper_);
}

std::string Containerd::socket_path() const { return dir_ + "/s/ctr.sock"; }

std::string Containerd::endpoint() const { return absl::StrCat("unix://", socket_path()); }

absl::Status Containerd::StartKeeper() {
  WriteConfig();
  WriteRuncWrapper();
  fs::create_directory(dir_ + "/gates");
  fs::create_directory(dir_ + "/updates");
  network_.emplace(dir_ + "/cni", ToolsDir() / "cni" / "loopback");
  int input[2];
  int output[2];
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) {
    return absl::InternalError("no pipe for the keeper");
  }
  to_keeper_ = input[1];
  from_keeper_ = output[0];
  absl::StatusOr<Subprocess> keeper = Subprocess::Spawn(
      {PLEGD_CONTAINERD_KEEPER, "run", dir_, cgroup_, Tool("containerd"), "--config",
       dir_ + "/config.toml"},
      dir_ + "/keeper.log", ToolsEnvironment(), {.input = input[0], .output = output[1]});
  close(input[0]);
  close(output[1]);
  if (!keeper.ok()) return keeper.status();
  if (absl::StatusOr<int> code = keeper->Wait(); !code.ok()) return code.status();
  const absl::StatusOr<std::string> ready = ReadKeeperLine();
  if (!ready.ok()) return ready.status();
  return *ready == "ready" ? absl::OkStatus() : absl::InternalError(*ready);
}

absl::StatusOr<std::string> Containerd::ReadKeeperLine() {
  std::string line;
  char c = 0;
  while (read(from_keeper_, &c, 1) == 1) {
    if (c == '\n') return line;
    line.push_back(c);
  }
  return absl::InternalError("the keeper of containerd has ended");
}

absl::Status Containerd::StartDaemon() {
  constexpr absl::string_view kStart = "start\n";
  if (write(to_keeper_, kStart.data(), kStart.size()) < 0) {
    return absl::InternalError("the keeper of containerd does not read");
  }
  const absl::StatusOr<std::string> pid = ReadKeeperLine();
  if (!pid.ok()) return pid.status();
  pid_ = static_cast<pid_t>(std::atol(pid->c_str()));
  // A new connection: one that waits out its back-off would tell too late that somebody answers.
  const CriClient probe(endpoint());
  if (!probe.WaitForConnected()) {
    return absl::InternalError(absl::StrCat("containerd does not answer: ", LogTail()));
  }
  // It listens before its CRI plugin has found the pods of a former run, and refuses until then.
  const auto initialized = [&probe] {
    return probe
        .Call<runtime::v1::ListPodSandboxResponse>("ListPodSandbox",
                                                   runtime::v1::ListPodSandboxRequest())
        .ok();
  };
  if (!WaitUntil(initialized)) {
    return absl::InternalError(absl::StrCat("containerd does not list pods: ", LogTail()));
  }
  answered_at_ = absl::Now();
  if (cri_ == nullptr) cri_ = std::make_unique<CriClient>(endpoint());
  cri_->WaitForConnected();
  return absl::OkStatus();
}

absl::Status Containerd::ImportImages() {
  const std::string archive = dir_ + "/images.tar";
  const std::string log = dir_ + "/images.log";
  absl::Status made = RunCommand({PLEGD_MAKE_IMAGES, archive, Tool("busybox")}, log);
  if (!made.ok()) return made;
  absl::Status imported =
      RunCommand({Tool("ctr"), "--address", socket_path(), "--namespace", "k8s.io", "images",
                  "import", "--snapshotter", "native", archive},
                 log);
  if (!imported.ok()) return imported;
  // The CRI plugin hears of new images by an event.
  for (const char* image : {kPauseImage, kBusyboxImage}) {
    cri::ImageStatusRequest request;
    request.mutable_image()->set_image(image);
    const auto known = [&] {
      const auto reply =
          cri_->Call<cri::ImageStatusResponse>("/runtime.v1.ImageService/ImageStatus", request);
      return reply.ok() && reply->has_image();
    };
    if (!WaitUntil(known)) return absl::InternalError(absl::StrCat("no image ", image, LogTail()));
  }
  return absl::OkStatus();
}

// It is not to walk all file systems every ten seconds: what is measured would drown in that.
// The native snapshotter works on any file system; the images are small enough to copy.
void Containerd::WriteConfig() {
  std::ofstream(dir_ + "/config.toml") << absl::StrFormat(
      R"(version = 2
root = "%1$s/data/root"
state = "%1$s/data/state"
disabled_plugins = [
  "io.containerd.internal.v1.tracing",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.overlayfs",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
  address = "%1$s/s/ctr.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "%1$s/data/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%2$s"
  disable_apparmor = true
  restrict_oom_score_adj = true
  stats_collect_period = 86400
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "%1$s/cni/bin"
    conf_dir = "%1$s/cni/conf"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "%1$s/runc"
        SystemdCgroup = false
)",
      dir_, kPauseImage);
}

void Containerd::WriteRuncWrapper() {
  const std::string path = dir_ + "/runc";
  std::ofstream(path) << absl::StrFormat(R"(#!/bin/sh
for word; do
  [ "$word" = update ] || continue
  number=1
  while ! mkdir %1$s/updates/$number 2>/dev/null; do number=$((number + 1)); done
  while [ -e %1$s/hold-updates ] && [ ! -e %1$s/updates/$number/go ]; do sleep 0.02; done
  break
done
exec %2$s "$@"
)",
                                         dir_, Tool("runc"));
  chmod(path.c_str(), 0755);
}

absl::StatusOr<std::string> Containerd::RunPod(const PodSpec& spec, absl::Duration timeout) {
  cri::RunPodSandboxRequest request;
  *request.mutable_config() = SandboxConfig(spec, cgroup_);
  const auto reply = cri_->Call<cri::RunPodSandboxResponse>("RunPodSandbox", request, timeout);
  if (!reply.ok()) return reply.status();
  sandboxes_[reply->pod_sandbox_id()] = request.config();
  return reply->pod_sandbox_id();
}

absl::Status Containerd::StopPod(const std::string& sandbox_id) {
  cri::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  return cri_->Call<cri::StopPodSandboxResponse>("StopPodSandbox", request).status();
}

absl::Status Containerd::RemovePod(const std::string& sandbox_id) {
  cri::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  return cri_->Call<cri::RemovePodSandboxResponse>("RemovePodSandbox", request).status();
}

absl::StatusOr<std::string> Containerd::CreateContainer(const std::string& sandbox_id,
                                                        const ContainerSpec& spec) {
  const auto sandbox = sandboxes_.find(sandbox_id);
  if (sandbox == sandboxes_.end()) return absl::NotFoundError(absl::StrCat("no pod ", sandbox_id));
  cri::CreateContainerRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  *request.mutable_sandbox_config() = sandbox->second;
  cri::ContainerConfig& config = *request.mutable_config();
  config = ContainerConfig(spec, sandbox->second);
  std::string gate;
  if (spec.command.empty()) {
    gate = absl::StrCat(dir_, "/gates/", next_gate_++);
    if (mkfifo(gate.c_str(), 0600) != 0) return absl::InternalError("cannot make a FIFO");
    for (const char* word : {"/bin/sh", "-c", kWaitForExitCode}) config.add_command(word);
    config.add_mounts()->set_container_path("/gate");
    config.mutable_mounts(0)->set_host_path(gate);
  }
  const auto reply = cri_->Call<cri::CreateContainerResponse>("CreateContainer", request);
  if (!reply.ok()) return reply.status();
  if (!gate.empty()) gates_[reply->container_id()] = gate;
  return reply->container_id();
}

absl::Status Containerd::StartContainer(const std::string& container_id) {
  cri::StartContainerRequest request;
  request.set_container_id(container_id);
  return cri_->Call<cri::StartContainerResponse>("StartContainer", request).status();
}

absl::Status Containerd::StopContainer(const std::string& container_id,
                                       absl::Duration grace_period) {
  cri::StopContainerRequest request;
  request.set_container_id(container_id);
  request.set_timeout(absl::ToInt64Seconds(grace_period));
  return cri_->Call<cri::StopContainerResponse>("StopContainer", request).status();
}

absl::Status Containerd::RemoveContainer(const std::string& container_id) {
  cri::RemoveContainerRequest request;
  request.set_container_id(container_id);
  return cri_->Call<cri::RemoveContainerResponse>("RemoveContainer", request).status();
}

absl::Status Containerd::ExitContainer(const std::string& container_id, int exit_code) {
  const auto gate = gates_.find(container_id);
  if (gate == gates_.end()) return absl::NotFoundError("that container has a command of its own");
  int fifo = -1;
  const auto is_read = [&] {
    fifo = open(gate->second.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return fifo >= 0;
  };
  if (!WaitUntil(is_read)) return absl::DeadlineExceededError("the container does not run");
  const std::string line = absl::StrCat(exit_code, "\n");
  const bool written = write(fifo, line.data(), line.size()) > 0;
  close(fifo);
  return written ? absl::OkStatus() : absl::InternalError("the container does not read");
}

void Containerd::HoldUpdates() {
  std::error_code error;
  fs::remove_all(dir_ + "/updates", error);
  fs::create_directory(dir_ + "/updates", error);
  std::ofstream(dir_ + "/hold-updates") << "";
}

void Containerd::ReleaseUpdate(int number) {
  std::ofstream(absl::StrCat(dir_, "/updates/", number, "/go")) << "";
}

void Containerd::ReleaseUpdates() { unlink((dir_ + "/hold-updates").c_str()); }

bool Containerd::WaitUntilUpdateIsHeld(int number) {
  const std::string held = absl::StrCat(dir_, "/updates/", number);
  return WaitUntil([&] { return access(held.c_str(), F_OK) == 0; });
}

absl::Status Containerd::UpdateContainer(const std::string& container_id, int64_t cpu_shares,
                                         absl::Duration timeout) const {
  cri::UpdateContainerResourcesRequest request;
  request.set_container_id(container_id);
  request.mutable_linux()->set_cpu_shares(cpu_shares);
  return cri_
      ->Call<cri::UpdateContainerResourcesResponse>("UpdateContainerResources", request, timeout)
      .status();
}

void Containerd::Freeze() { kill(pid_, SIGSTOP); }

void Containerd::Thaw() { kill(pid_, SIGCONT); }

void Containerd::Kill() {
  kill(pid_, SIGKILL);
  EXPECT_TRUE(WaitForExit(pid_)) << "containerd survives SIGKILL";
}

absl::Status Containerd::Restart() { return StartDaemon(); }

pid_t Containerd::ShimPid(const std::string& sandbox_id) const {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
    const pid_t pid = static_cast<pid_t>(std::atol(entry.path().filename().c_str()));
    if (pid <= 0) continue;
    const std::vector<std::string> words = CommandLine(entry.path());
    if (!absl::EndsWith(words[0], "containerd-shim-runc-v2")) continue;
    for (const std::string& word : words) {
      if (word == sandbox_id) return pid;
    }
  }
  return 0;
}

std::string Containerd::LogTail() const { return ReadTail(dir_ + "/containerd.log"); }

}  // namespace plegd_testing
