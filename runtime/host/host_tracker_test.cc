#include "runtime/host/host_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"

namespace runtime::host {
namespace {

using ::testing::IsEmpty;

const std::string kSandbox(64, '5');
const std::string kContainer(64, 'c');

HostProcess MakeProcess(int pid, Role role, const std::string& comm, int parent = 1) {
  HostProcess process;
  process.stat.pid = pid;
  process.stat.comm = comm;
  process.stat.parent = parent;
  process.stat.state = 'S';
  process.stat.start_ticks = 10'000;
  process.role = role;
  return process;
}

// In D, in its first thread.
void Block(HostProcess& process, const std::string& function) {
  process.stat.state = 'D';
  process.blocked = {{process.stat.pid, process.stat.start_ticks, function, {}}};
}

// A host that is up for 1,000 s, with a shim and the container it runs.
HostSample Sample(double uptime = 1000) {
  HostSample sample;
  sample.uptime_seconds = uptime;
  HostProcess shim = MakeProcess(60, Role::kShim, "containerd-shim");
  shim.bundle = kSandbox;
  HostProcess container = MakeProcess(62, Role::kOther, "nginx", 60);
  container.container = kContainer;
  sample.processes = {shim, container};
  return sample;
}

WatchedObject Watch(const std::string& state) {
  WatchedObject watched;
  watched.object.id = pleg::ContainerId(kContainer);
  watched.sandbox = pleg::ContainerId(kSandbox);
  watched.listed_state = state;
  watched.silent = true;
  return watched;
}

TEST(HostTrackerTest, NamesTheShimOfAContainer) {
  HostTracker tracker;
  const pleg::HostEvidence evidence = tracker.Update(Sample(), {Watch("running")});
  ASSERT_EQ(evidence.shims.size(), 1);
  EXPECT_EQ(evidence.shims[0].shim->pid, 60);
  EXPECT_EQ(evidence.shims[0].container_pid, 62);
  EXPECT_EQ(evidence.shims[0].container_alive, true);
  EXPECT_FALSE(evidence.shims[0].shim_missing);
  EXPECT_EQ(evidence.shims[0].shim->age, absl::Seconds(900));
}

TEST(HostTrackerTest, AContainerThatIsListedToRunWithoutAProcessDisagrees) {
  HostTracker tracker;
  for (const double uptime : {1000.0, 1005.0, 1012.0}) {
    HostSample sample = Sample(uptime);
    sample.processes[1].container = kSandbox;
    sample.processes[1].stat.comm = "pause";
    const pleg::HostEvidence evidence = tracker.Update(sample, {Watch("running")});
    EXPECT_EQ(evidence.shims[0].container_alive, false);
    EXPECT_EQ(evidence.shims[0].shim->pid, 60);
    EXPECT_EQ(evidence.shims[0].disagree_for, absl::Seconds(uptime - 1000));
  }
}

// What a container in a virtual machine is on the host: the machine, in the sandbox's cgroup.
TEST(HostTrackerTest, AContainerWhoseProcessesTheHostNeverSeesIsNotCalledDead) {
  HostTracker tracker;
  HostSample sample = Sample();
  sample.processes[1].container = kSandbox;
  sample.processes[1].stat.comm = "qemu-system-x86";
  const pleg::HostEvidence evidence = tracker.Update(sample, {Watch("running")});
  ASSERT_EQ(evidence.shims.size(), 1);
  EXPECT_EQ(evidence.shims[0].container_alive, std::nullopt);
}

TEST(HostTrackerTest, AContainerThatWasSeenAliveIsCalledDeadOnceItIsGone) {
  HostTracker tracker;
  tracker.Update(Sample(1000), {Watch("running")});
  HostSample sample = Sample(1005);
  sample.processes[1].container = kSandbox;
  EXPECT_EQ(tracker.Update(sample, {Watch("running")}).shims[0].container_alive, false);
}

TEST(HostTrackerTest, BehindAStoppedShimAContainerIsCalledDeadAtFirstSight) {
  HostTracker tracker;
  HostSample sample = Sample();
  sample.processes[0].stat.state = 'T';
  sample.processes[1].container = kSandbox;
  EXPECT_EQ(tracker.Update(sample, {Watch("running")}).shims[0].container_alive, false);
}

TEST(HostTrackerTest, AnExitedContainerWhoseProcessLivesDisagrees) {
  HostTracker tracker;
  WatchedObject watched = Watch("exited");
  watched.silent = false;
  tracker.Update(Sample(1000), {watched});
  HostSample sample = Sample(1012);
  sample.processes[0].stat.state = 'T';
  const pleg::HostEvidence evidence = tracker.Update(sample, {watched});
  ASSERT_EQ(evidence.shims.size(), 1);
  EXPECT_EQ(evidence.shims[0].container_alive, true);
  EXPECT_EQ(evidence.shims[0].disagree_for, absl::Seconds(12));
  EXPECT_EQ(evidence.shims[0].shim->pid, 60);
}

// Its runtime has given the shim up, and calls what it served exited.
TEST(HostTrackerTest, AStoppedShimIsToldThoughItsContainerIsListedAsExited) {
  HostTracker tracker;
  WatchedObject watched = Watch("exited");
  watched.silent = false;
  HostSample sample = Sample();
  sample.processes[0].stat.state = 'T';
  sample.processes[1].stat.state = 'Z';
  const pleg::HostEvidence evidence = tracker.Update(sample, {watched});
  ASSERT_EQ(evidence.shims.size(), 1);
  EXPECT_NE(evidence.shims[0].container_alive, true);
  EXPECT_EQ(evidence.shims[0].disagree_for, absl::ZeroDuration());
}

TEST(HostTrackerTest, AContainerThatHasExitedNeedsNoShim) {
  HostTracker tracker;
  WatchedObject exited = Watch("exited");
  exited.silent = false;
  WatchedObject unlisted = exited;
  exited.object.id = pleg::ContainerId(std::string(64, 'e'));
  exited.sandbox = pleg::ContainerId(std::string(64, '9'));
  unlisted.object.id = pleg::ContainerId(std::string(64, 'f'));
  unlisted.sandbox = {};
  unlisted.listed_state = "";
  EXPECT_THAT(tracker.Update(Sample(), {exited, unlisted}).shims, IsEmpty());
}

TEST(HostTrackerTest, WhatNoListingHasIsToldWhenItsShimIsStoppedOrItIsFrozen) {
  WatchedObject unlisted = Watch("");
  unlisted.silent = false;
  unlisted.sandbox = {};
  HostSample sample = Sample();
  EXPECT_THAT(HostTracker().Update(sample, {unlisted}).shims, IsEmpty());
  sample.frozen = {{"/sys/fs/cgroup/x", kContainer}};
  const pleg::HostEvidence frozen = HostTracker().Update(sample, {unlisted});
  ASSERT_EQ(frozen.shims.size(), 1);
  EXPECT_EQ(frozen.shims[0].sandbox.value(), kSandbox);
  sample.frozen.clear();
  sample.processes[0].stat.state = 'T';
  EXPECT_EQ(HostTracker().Update(sample, {unlisted}).shims.size(), 1);
}

TEST(HostTrackerTest, AContainerThatIsWellIsNotTold) {
  HostTracker tracker;
  WatchedObject watched = Watch("running");
  watched.silent = false;
  EXPECT_THAT(tracker.Update(Sample(), {watched}).shims, IsEmpty());
}

TEST(HostTrackerTest, AStoppedShimIsToldWithoutAnySilence) {
  HostTracker tracker;
  WatchedObject watched = Watch("running");
  watched.silent = false;
  HostSample sample = Sample();
  sample.processes[0].stat.state = 'T';
  const pleg::HostEvidence evidence = tracker.Update(sample, {watched});
  ASSERT_EQ(evidence.shims.size(), 1);
  EXPECT_EQ(evidence.shims[0].shim->state, 'T');
}

TEST(HostTrackerTest, AnotherRuntimesProcessesSayNothing) {
  HostTracker tracker;
  HostSample sample = Sample();
  sample.processes[0].bundle = std::string(64, '9');
  sample.processes[1].container = std::string(64, '8');
  EXPECT_THAT(tracker.Update(sample, {Watch("running")}).shims, IsEmpty());
}

TEST(HostTrackerTest, ACreatedContainerAgreesWithEither) {
  HostTracker tracker;
  tracker.Update(Sample(1000), {Watch("created")});
  EXPECT_EQ(tracker.Update(Sample(1010), {Watch("created")}).shims[0].disagree_for,
            absl::ZeroDuration());
}

TEST(HostTrackerTest, WhereNoContainersProcessIsSeenNoneIsCalledDead) {
  HostTracker tracker;
  HostSample sample = Sample();
  sample.processes.clear();
  const pleg::HostEvidence evidence = tracker.Update(sample, {Watch("running")});
  EXPECT_THAT(evidence.shims, IsEmpty());
}

TEST(HostTrackerTest, MeasuresHowLongAProcessIsBlocked) {
  HostTracker tracker;
  for (const double uptime : {1000.0, 1030.0}) {
    HostSample sample = Sample(uptime);
    Block(sample.processes[1], "rpc_wait_bit_killable");
    const pleg::HostEvidence evidence = tracker.Update(sample, {});
    ASSERT_EQ(evidence.blocked.size(), 1);
    EXPECT_EQ(evidence.blocked[0].wait_function, "rpc_wait_bit_killable");
    EXPECT_EQ(evidence.blocked[0].oldest, absl::Seconds(uptime - 1000));
    EXPECT_EQ(evidence.blocked[0].example_container.value(), kContainer);
  }
  EXPECT_THAT(tracker.Update(Sample(1040), {}).blocked, IsEmpty());
}

TEST(HostTrackerTest, APidThatIsUsedAgainBeginsAnew) {
  HostTracker tracker;
  HostSample sample = Sample(1000);
  Block(sample.processes[1], "io_schedule");
  tracker.Update(sample, {});
  sample.uptime_seconds = 1030;
  sample.processes[1].stat.start_ticks = 102'000;
  Block(sample.processes[1], "io_schedule");
  EXPECT_EQ(tracker.Update(sample, {}).blocked[0].oldest, absl::ZeroDuration());
}

// As of a program in Go: the first thread sleeps.
TEST(HostTrackerTest, AProcessIsBlockedInWhicheverThreadIsForLongest) {
  HostTracker tracker;
  HostSample sample = Sample(1000);
  HostProcess& shim = sample.processes[0];
  shim.blocked = {{64, 20'000, "nfs_wait", {"nfs_wait", "umount"}}};
  tracker.Update(sample, {Watch("running")});
  sample.uptime_seconds = 1020;
  shim.blocked.push_back({65, 21'000, "io_schedule", {}});
  std::swap(shim.blocked[0], shim.blocked[1]);
  const pleg::HostEvidence evidence = tracker.Update(sample, {Watch("running")});
  ASSERT_EQ(evidence.shims.size(), 1);
  const pleg::ProcessEvidence& process = *evidence.shims[0].shim;
  EXPECT_EQ(process.state, 'D');
  EXPECT_EQ(process.blocked_thread, 64);
  EXPECT_EQ(process.blocked_threads, 2u);
  EXPECT_EQ(process.state_for, absl::Seconds(20));
  EXPECT_EQ(process.wait_function, "nfs_wait");
  EXPECT_EQ(evidence.blocked.size(), 2);
  shim.stat.state = 'T';
  EXPECT_EQ(tracker.Update(sample, {Watch("running")}).shims[0].shim->state, 'T');
}

TEST(HostTrackerTest, FindsAShimByTheFirstProcessOfItsSandbox) {
  HostTracker tracker;
  HostSample sample = Sample();
  sample.processes[0].bundle.clear();
  sample.processes[1].container = kSandbox;
  const pleg::HostEvidence evidence = tracker.Update(sample, {Watch("running")});
  ASSERT_EQ(evidence.shims.size(), 1);
  EXPECT_EQ(evidence.shims[0].shim->pid, 60);
}

TEST(HostTrackerTest, LeavesOutSessionsAndWhatHasEnded) {
  HostSample sample = Sample();
  const auto add = [&sample](int pid, const std::vector<std::string>& command) {
    HostProcess runc = MakeProcess(pid, Role::kOciRuntime, "runc", 60);
    runc.command = command;
    sample.processes.push_back(runc);
  };
  add(70, {"runc", "exec", "--process", "/tmp/x", kContainer});
  add(71, {"runc", "exec", "--detach", "--process", "/tmp/x", kContainer});
  add(72, {"runc", "run", "build"});
  add(73, {"runc", "create", kContainer});
  add(74, {"runc", "exec", kContainer});
  sample.processes[5].stat.state = 'Z';
  Block(sample.processes[6], "rpc_wait");
  const pleg::HostEvidence evidence = HostTracker().Update(sample, {});
  std::vector<int64_t> pids;
  for (const pleg::ProcessEvidence& process : evidence.oci_processes) pids.push_back(process.pid);
  EXPECT_THAT(pids, ::testing::UnorderedElementsAre(71, 74));
}

TEST(HostTrackerTest, NamesWhatAnOciRuntimeDoesAndForWhom) {
  HostTracker tracker;
  HostSample sample = Sample();
  HostProcess runc = MakeProcess(70, Role::kOciRuntime, "runc", 60);
  runc.command = {"runc", "--root", "/run/containerd/runc/k8s.io", "update", kContainer};
  HostProcess init = MakeProcess(71, Role::kOciRuntime, "runc:[2:INIT]", 70);
  init.stat.start_ticks = 50'000;
  sample.processes.push_back(runc);
  sample.processes.push_back(init);
  const pleg::HostEvidence evidence = tracker.Update(sample, {});
  ASSERT_EQ(evidence.oci_processes.size(), 2);
  EXPECT_EQ(evidence.oci_processes[0].action, "update");
  EXPECT_EQ(evidence.oci_processes[0].container_id.value(), kContainer);
  EXPECT_EQ(evidence.oci_processes[0].parent, "containerd-shim");
  EXPECT_EQ(evidence.oci_processes[0].start_ticks, 10'000u);
  EXPECT_EQ(evidence.oci_processes[1].action, "init");
}

TEST(HostTrackerTest, TellsThePluginsOfTheRuntimeItIsConnectedTo) {
  HostSample sample = Sample();
  HostProcess own = MakeProcess(70, Role::kCniPlugin, "calico", 40);
  own.cni = {"ADD", kSandbox, "shop", "web-0"};
  sample.processes = {MakeProcess(40, Role::kRuntime, "containerd"),
                      MakeProcess(50, Role::kRuntime, "containerd"), own,
                      MakeProcess(71, Role::kCniPlugin, "calico", 50)};
  HostTracker tracker;
  EXPECT_EQ(tracker.Update(sample, {}).cni_processes.size(), 2);
  const pleg::HostEvidence evidence = tracker.Update(sample, {}, 40);
  ASSERT_EQ(evidence.cni_processes.size(), 1);
  EXPECT_EQ(evidence.cni_processes[0].pid, 70);
  EXPECT_EQ(evidence.cni_processes[0].action, "ADD");
  EXPECT_EQ(evidence.cni_processes[0].container_id.value(), kSandbox);
  EXPECT_EQ(evidence.cni_processes[0].pod_namespace, "shop");
  EXPECT_EQ(evidence.cni_processes[0].pod_name, "web-0");
}

TEST(HostTrackerTest, AnotherRuntimeDoesNotPassForTheOneThatHasEnded) {
  HostSample sample = Sample();
  sample.processes = {MakeProcess(40, Role::kRuntime, "containerd", 1),
                      MakeProcess(50, Role::kRuntime, "containerd", 7)};
  HostTracker tracker;
  EXPECT_EQ(tracker.Update(sample, {}, 50).runtime_process->pid, 50);
  sample.processes.pop_back();
  EXPECT_FALSE(tracker.Update(sample, {}).runtime_process.has_value());
  sample.processes.push_back(MakeProcess(60, Role::kRuntime, "containerd", 7));
  EXPECT_EQ(tracker.Update(sample, {}).runtime_process->pid, 60);
}

TEST(HostTrackerTest, ComputesRatesFromTwoLooks) {
  HostTracker tracker;
  HostSample sample = Sample(1000);
  sample.init_cpu_ticks = 1000;
  sample.runtime_mount = Mount{8, 1, "/", "ext4", "/dev/sda1"};
  sample.kubelet_mount = sample.runtime_mount;
  sample.disks = {{8, 1, "sda1", 100, 600, 400, 0, 5000}};
  const pleg::HostEvidence first = tracker.Update(sample, {});
  EXPECT_THAT(first.disks, IsEmpty());
  EXPECT_FALSE(first.pid1_cpu_percent.has_value());
  sample.uptime_seconds = 1010;
  sample.init_cpu_ticks = 1900;
  sample.disks = {{8, 1, "sda1", 110, 1600, 1400, 7, 14'500}};
  const pleg::HostEvidence second = tracker.Update(sample, {});
  EXPECT_DOUBLE_EQ(*second.pid1_cpu_percent, 90);
  ASSERT_EQ(second.disks.size(), 1);
  EXPECT_EQ(second.disks[0].holds, "runtime and kubelet");
  EXPECT_DOUBLE_EQ(second.disks[0].utilization_percent, 95);
  EXPECT_EQ(second.disks[0].await, absl::Milliseconds(200));
  EXPECT_EQ(second.disks[0].in_flight, 7u);
}

TEST(HostTrackerTest, CountersOfADiskWrapAndBeginAnew) {
  constexpr uint32_t kLast = std::numeric_limits<uint32_t>::max();
  HostTracker tracker;
  HostSample sample = Sample(1000);
  sample.runtime_mount = Mount{8, 1, "/", "ext4", "/dev/sda1"};
  sample.disks = {{8, 1, "sda1", 100, kLast - 999, 500, 0, kLast}};
  tracker.Update(sample, {});
  sample.uptime_seconds = 1010;
  sample.disks = {{8, 1, "sda1", 110, 500, 1000, 0, 4999}};
  const pleg::HostEvidence wrapped = tracker.Update(sample, {});
  ASSERT_EQ(wrapped.disks.size(), 1);
  EXPECT_EQ(wrapped.disks[0].await, absl::Milliseconds(200));
  EXPECT_DOUBLE_EQ(wrapped.disks[0].utilization_percent, 50);
  sample.uptime_seconds = 1020;
  sample.disks = {{8, 1, "sda1", 5, 10, 10, 0, 20}};
  EXPECT_THAT(tracker.Update(sample, {}).disks, IsEmpty());
}

TEST(HostTrackerTest, ADiskThatAnswersNothingIsAsSlowAsTheWaitSoFar) {
  HostTracker tracker;
  HostSample sample = Sample(1000);
  sample.runtime_mount = Mount{8, 1, "/", "ext4", "/dev/sda1"};
  const auto look = [&](double uptime, uint64_t completed, uint64_t in_flight) {
    sample.uptime_seconds = uptime;
    sample.disks = {{8, 1, "sda1", completed, 0, 0, in_flight, 0}};
    return tracker.Update(sample, {});
  };
  look(1000, 100, 0);
  // A request that has just begun says nothing yet.
  EXPECT_EQ(look(1005, 100, 3).disks[0].await, absl::ZeroDuration());
  pleg::DiskEvidence disk = look(1010, 100, 4).disks[0];
  EXPECT_EQ(disk.answers_none_for, absl::Seconds(5));
  disk = look(1020, 100, 9).disks[0];
  EXPECT_EQ(disk.answers_none_for, absl::Seconds(15));
  EXPECT_EQ(disk.await, absl::Seconds(15));
  EXPECT_DOUBLE_EQ(disk.utilization_percent, 100);
  disk = look(1030, 101, 9).disks[0];
  EXPECT_EQ(disk.answers_none_for, absl::ZeroDuration());
  EXPECT_EQ(look(1040, 101, 9).disks[0].answers_none_for, absl::Seconds(10));
}

TEST(HostTrackerTest, FindsTheDeviceOfBtrfsByNameAndSaysThatZfsHasNone) {
  HostTracker tracker;
  HostSample sample = Sample(1000);
  sample.runtime_mount = Mount{0, 30, "/", "btrfs", "/dev/sda1"};
  sample.kubelet_root = "/var/lib/kubelet";
  sample.kubelet_mount = Mount{0, 40, "/var/lib/kubelet", "zfs", "tank/kubelet"};
  sample.disks = {{8, 1, "sda1", 100, 1000, 0, 0, 5000}};
  tracker.Update(sample, {});
  sample.uptime_seconds = 1010;
  const pleg::HostEvidence evidence = tracker.Update(sample, {});
  ASSERT_EQ(evidence.disks.size(), 1);
  EXPECT_EQ(evidence.disks[0].holds, "runtime");
  ASSERT_EQ(evidence.problems.size(), 1);
  EXPECT_EQ(evidence.problems[0].text,
            "no device is known for /var/lib/kubelet: it is on zfs (tank/kubelet)");
}

// CRI-O with drop_infra_ctr, its default.
TEST(HostTrackerTest, ASandboxIsJudgedByItsProcessOnlyIfItHadOne) {
  HostTracker tracker;
  WatchedObject sandbox = Watch("ready");
  sandbox.object.id = sandbox.sandbox;
  HostSample sample = Sample(1000);
  sample.processes[0].stat.comm = "conmon";
  sample.processes[0].bundle = kContainer;
  pleg::HostEvidence evidence = tracker.Update(sample, {sandbox, Watch("running")});
  ASSERT_EQ(evidence.shims.size(), 2);
  EXPECT_EQ(evidence.shims[0].container_alive, std::nullopt);
  EXPECT_FALSE(evidence.shims[0].shim_missing);
  EXPECT_EQ(evidence.shims[1].container_alive, true);
  HostProcess pause = MakeProcess(63, Role::kOther, "pause", 60);
  pause.container = kSandbox;
  sample.processes.push_back(pause);
  EXPECT_EQ(tracker.Update(sample, {sandbox}).shims[0].container_alive, true);
  sample.processes.pop_back();
  for (const double uptime : {1005.0, 1010.0}) {
    sample.uptime_seconds = uptime;
    evidence = tracker.Update(sample, {sandbox, Watch("running")});
    EXPECT_EQ(evidence.shims[0].container_alive, false);
    EXPECT_EQ(evidence.shims[0].disagree_for, absl::Seconds(uptime - 1005));
  }
}

TEST(HostTrackerTest, TellsTheRuntimeItIsConnectedTo) {
  HostTracker tracker;
  HostSample sample = Sample();
  sample.processes.insert(sample.processes.begin(), MakeProcess(40, Role::kRuntime, "containerd"));
  HostProcess stopped = MakeProcess(50, Role::kRuntime, "containerd");
  stopped.stat.state = 'T';
  sample.processes.insert(sample.processes.begin() + 1, stopped);
  EXPECT_EQ(tracker.Update(sample, {}, 50).runtime_process->state, 'T');
  EXPECT_EQ(tracker.Update(sample, {}).runtime_process->pid, 40);
}

TEST(HostTrackerTest, WhoeverListensIsTheRuntimeButForSystemd) {
  HostTracker tracker;
  HostSample sample = Sample();
  sample.processes.insert(sample.processes.begin(), MakeProcess(1, Role::kInit, "systemd", 0));
  sample.processes.insert(sample.processes.begin() + 1, MakeProcess(45, Role::kOther, "my-cri"));
  EXPECT_EQ(tracker.Update(sample, {}, 45).runtime_process->name, "my-cri");
  EXPECT_FALSE(tracker.Update(sample, {}, 1).runtime_process.has_value());
}

TEST(HostTrackerTest, TellsTheKubeletAndItsUnit) {
  HostTracker tracker;
  HostSample sample = Sample();
  sample.systemd = "252";
  sample.processes.insert(sample.processes.begin(), MakeProcess(45, Role::kKubelet, "kubelet"));
  sample.processes[0].unit = "kubelet";
  const pleg::HostEvidence evidence = tracker.Update(sample, {});
  EXPECT_EQ(evidence.kubelet_process->unit, "kubelet");
  EXPECT_EQ(evidence.systemd_version, "252");
}

TEST(HostTrackerTest, MeasuresHowLongACgroupIsFrozenAndRequestsWait) {
  HostTracker tracker;
  HostSample sample = Sample(1000);
  sample.frozen = {{"/sys/fs/cgroup/x", kContainer}};
  sample.fuse = {{"41", 3}};
  sample.fuse_mounts = {{0, 41, "/mnt/f", "fuse.sshfs", "host:/"}};
  tracker.Update(sample, {});
  sample.uptime_seconds = 1020;
  const pleg::HostEvidence evidence = tracker.Update(sample, {});
  EXPECT_EQ(evidence.frozen[0].frozen_for, absl::Seconds(20));
  EXPECT_EQ(evidence.frozen[0].object.id.value(), kContainer);
  EXPECT_EQ(evidence.fuse[0].waiting_for, absl::Seconds(20));
  EXPECT_EQ(evidence.fuse[0].mount_point, "/mnt/f");
}

TEST(HostTrackerTest, AConnectionThatHasGotTheNumberOfAnotherHasNotWaited) {
  HostTracker tracker;
  HostSample sample = Sample(1000);
  sample.fuse = {{"41", 3}};
  sample.fuse_mounts = {{0, 41, "/a", "fuse.sshfs", "a:/"}, {0, 41, "/b", "fuse.sshfs", "a:/"}};
  tracker.Update(sample, {});
  sample.uptime_seconds = 1020;
  std::swap(sample.fuse_mounts[0], sample.fuse_mounts[1]);
  EXPECT_EQ(tracker.Update(sample, {}).fuse[0].waiting_for, absl::Seconds(20));
  sample.fuse_mounts = {{0, 41, "/c", "fuse.sshfs", "c:/"}};
  sample.uptime_seconds = 1040;
  EXPECT_EQ(tracker.Update(sample, {}).fuse[0].waiting_for, absl::ZeroDuration());
}

}  // namespace
}  // namespace runtime::host
