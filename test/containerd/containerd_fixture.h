// A real containerd with runc and real pods, private to one test.
//
//   absl::StatusOr<std::unique_ptr<Containerd>> started = Containerd::Start();
//   Containerd& node = **started;
//   std::string pod = *node.RunPod({.name = "web", .uid = "1234"});
//   std::string container = *node.CreateContainer(pod, {.name = "server"});
//   node.StartContainer(container);
//   node.ExitContainer(container, 3);
//
// It has its own root, state, socket and configuration below one directory, its own mounts and its
// own cgroup; images are made on the spot. The helper process containerd_keeper owns all of them
// and takes them away, also when the test dies. Needs root and the programs of test/fetch-tools.
// Pods share the host's network, so nothing is configured there, or have one of their own from a
// CNI plugin that only says so. What the kubelet writes into labels and annotations is written here
// too.

#ifndef PLEGD_TEST_CONTAINERD_CONTAINERD_FIXTURE_H_
#define PLEGD_TEST_CONTAINERD_CONTAINERD_FIXTURE_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cri_write.pb.h"
#include "test/containerd/cri_client.h"
#include "test/containerd/pod_network.h"
#include "test/process/subprocess.h"

namespace plegd_testing {

struct PodSpec {
  std::string name;
  std::string uid;
  std::string pod_namespace = "default";
  uint32_t attempt = 0;
  bool own_network = false;  // instead of the host's: a CNI plugin makes it
};

struct ContainerSpec {
  std::string name;
  // Also the restart count that is written into the annotations.
  uint32_t attempt = 0;
  // Empty: runs until ExitContainer.
  std::vector<std::string> command = {};
  // Beside those of the kubelet.
  std::map<std::string, std::string> annotations = {};
};

// Thread-compatible, but cri() is thread-safe, and pods and containers may be handled by one thread
// while another handles the daemon itself. Containers with a command of their own may be made and
// started by several threads in pods that are there.
class Containerd {
 public:
  // Why this machine cannot run real pods (not root, programs missing, no cgroups); empty if it
  // can.
  static std::string Unavailable();

  // Blocks until containerd answers and knows the images.
  static absl::StatusOr<std::unique_ptr<Containerd>> Start();

  // Blocks until every process, mount, cgroup and file is gone; a test failure if one is not.
  ~Containerd();
  Containerd(const Containerd&) = delete;
  Containerd& operator=(const Containerd&) = delete;

  const CriClient& cri() const { return *cri_; }
  // unix:///...
  std::string endpoint() const;
  // In a directory of its own, which containerd makes if it is missing.
  std::string socket_path() const;
  // For further sockets and logs of the test; goes with this object.
  const std::string& dir() const { return dir_; }
  pid_t pid() const { return pid_; }

  // Pods and containers; ids are the runtime's.
  absl::StatusOr<std::string> RunPod(const PodSpec& spec,
                                     absl::Duration timeout = absl::Seconds(30));
  absl::Status StopPod(const std::string& sandbox_id);
  absl::Status RemovePod(const std::string& sandbox_id);
  absl::StatusOr<std::string> CreateContainer(const std::string& sandbox_id,
                                              const ContainerSpec& spec);
  absl::Status StartContainer(const std::string& container_id);
  // SIGTERM, then SIGKILL after the grace period of whole seconds.
  absl::Status StopContainer(const std::string& container_id, absl::Duration grace_period);
  absl::Status RemoveContainer(const std::string& container_id);
  // Has a running container without a command of its own exit. Returns before it has.
  absl::Status ExitContainer(const std::string& container_id, int exit_code);

  // The lock convoy: while updates are held, an UpdateContainerResources does not return and keeps
  // the lock of that container's status. UpdateContainer blocks until the update is done.
  void HoldUpdates();
  void ReleaseUpdates();
  // Only that one, counted from 1 since HoldUpdates in the order in which they reach the gate.
  void ReleaseUpdate(int number);
  // Blocks until that update has reached the gate. Returns false if it does not in time.
  bool WaitUntilUpdateIsHeld(int number = 1);
  absl::Status UpdateContainer(const std::string& container_id, int64_t cpu_shares,
                               absl::Duration timeout) const;

  // The CNI plugin of pods with a network of their own.
  PodNetwork& network() { return *network_; }

  // The daemon itself. Freeze and Thaw are SIGSTOP and SIGCONT. Kill is SIGKILL and blocks until it
  // is dead; containers and shims live on. Restart starts it anew and blocks until it answers.
  void Freeze();
  void Thaw();
  void Kill();
  absl::Status Restart();
  // When the daemon that runs now first answered a list.
  absl::Time answered_at() const { return answered_at_; }

  // The shim that holds this pod, 0 if there is none.
  pid_t ShimPid(const std::string& sandbox_id) const;

  // For a failing test: the end of containerd's log.
  std::string LogTail() const;

 private:
  explicit Containerd(std::string dir);

  absl::Status StartKeeper();
  absl::Status StartDaemon();
  absl::Status ImportImages();
  absl::StatusOr<std::string> ReadKeeperLine();
  void WriteConfig();
  void WriteRuncWrapper();

  const std::string dir_;
  const std::string cgroup_;
  int to_keeper_ = -1;
  int from_keeper_ = -1;
  pid_t pid_ = 0;
  absl::Time answered_at_ = absl::InfinitePast();
  std::unique_ptr<CriClient> cri_;
  std::optional<PodNetwork> network_;
  std::map<std::string, plegd::test::cri::v1::PodSandboxConfig> sandboxes_;
  // Container id to the FIFO it reads its exit code from.
  std::map<std::string, std::string> gates_;
  int next_gate_ = 0;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_CONTAINERD_CONTAINERD_FIXTURE_H_
