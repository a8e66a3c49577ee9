// What is only named like a part of the node, from the look at the host to evidence.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/host/host_sample.h"
#include "runtime/host/host_tracker.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kContainer(64, 'c');

const HostProcess* Find(const HostSample& sample, int pid) {
  const auto found = std::find_if(sample.processes.begin(), sample.processes.end(),
                                  [pid](const HostProcess& p) { return p.stat.pid == pid; });
  return found == sample.processes.end() ? nullptr : &*found;
}

void AddShim(const FixtureTree& tree) {
  tree.Add({.pid = 1, .parent = 0, .comm = "systemd"});
  tree.Add({.pid = 60, .comm = "containerd-shim"});
}

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

// Whatever it says: only the node's own processes are asked for their command lines.
TEST(LookAlikesTest, ReadsNoWordsOfWhatIsNotProven) {
  const FixtureTree tree;
  AddShim(tree);
  tree.Write(absl::StrCat("tasks/", kContainer, "/config.json"), "{}");
  HostQuestion question;
  question.directories.task_roots = {tree.Path("tasks")};
  tree.Add({.pid = 80, .comm = "containerd-shim", .state = 'T', .uids = "7\t7\t7\t7"});
  tree.Link("proc/80/cwd", absl::StrCat("/run/k8s.io/", kContainer));
  tree.Add({.pid = 81,
            .parent = 60,
            .comm = "runc:[2:INIT]",
            .cgroup = absl::StrCat("0::/kubepods/pod1/", kContainer, "\n"),
            .command = std::string("runc\0update\0", 12) + kContainer});
  const HostSample sample = TakeHostSample(tree.paths(), question);
  EXPECT_EQ(Find(sample, 80), nullptr);
  ASSERT_NE(Find(sample, 81), nullptr);
  EXPECT_EQ(Find(sample, 81)->role, Role::kOther);
  EXPECT_THAT(Find(sample, 81)->command, IsEmpty());
  ASSERT_EQ(sample.look_alikes.size(), 2);
  EXPECT_EQ(sample.look_alikes[0].pid, 80);
}

// A container that may make cgroups names one like another container's, and freezes it.
TEST(LookAlikesTest, WhatIsFrozenBelowAContainersCgroupIsItsOwn) {
  FixtureTree tree;
  AddShim(tree);
  tree.Write(absl::StrCat("cgroup/kubepods/", kContainer, "/cri-containerd-", std::string(64, 'd'),
                          ".scope/cgroup.events"),
             "frozen 1\n");
  const HostSample sample = TakeHostSample(tree.paths(), {});
  ASSERT_EQ(sample.frozen.size(), 1);
  EXPECT_EQ(sample.frozen[0].container, kContainer);
  EXPECT_THAT(sample.containers, ElementsAre(kContainer));
}

// A user's own systemd has cgroups that the user makes, names and freezes.
TEST(LookAlikesTest, AUserPutsNothingIntoAContainer) {
  const std::string cgroup = absl::StrCat(
      "/user.slice/user-1000.slice/user@1000.service/cri-containerd-", kContainer, ".scope");
  const FixtureTree tree;
  AddShim(tree);
  tree.Write(absl::StrCat("cgroup", cgroup, "/cgroup.events"), "frozen 1\n");
  tree.Add({.pid = 90, .comm = "sleep", .state = 'D', .cgroup = absl::StrCat("0::", cgroup, "\n")});
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_THAT(sample.frozen, IsEmpty());
  EXPECT_THAT(sample.containers, IsEmpty());
  ASSERT_NE(Find(sample, 90), nullptr);
  EXPECT_EQ(Find(sample, 90)->container, "");
}

// As parents in vfork are.
TEST(LookAlikesTest, AThousandBlockedProcessesOfOneHideNobodyElses) {
  const auto in = [](char container) {
    return absl::StrCat("0::/kubepods/", std::string(64, container), "\n");
  };
  FixtureTree tree;
  AddShim(tree);
  tree.Add({.pid = 61, .parent = 60, .comm = "app", .cgroup = in('a')});
  for (int pid = 1000; pid < 2000; ++pid) {
    tree.Add({.pid = pid, .parent = 999, .comm = "many", .state = 'D', .cgroup = in('c')});
  }
  tree.Add({.pid = 90, .parent = 2, .comm = "jbd2", .state = 'D', .start_ticks = 200});
  tree.Add(
      {.pid = 91, .parent = 8, .comm = "a", .state = 'D', .cgroup = in('d'), .start_ticks = 200});
  for (int pid = 2000; pid < 3000; ++pid) {
    const char container = static_cast<char>('e' + pid % 2);
    tree.Add({.pid = pid, .parent = 999, .comm = "many", .state = 'D', .cgroup = in(container)});
  }
  tree.Add({.pid = 92,
            .parent = 61,
            .comm = "worker",
            .state = 'D',
            .cgroup = in('a'),
            .start_ticks = 200});
  const HostSample sample = TakeHostSample(tree.paths(), {.silent = {std::string(64, 'a')}});
  for (const int pid : {90, 91, 92}) {
    ASSERT_NE(Find(sample, pid), nullptr) << pid;
    EXPECT_EQ(Find(sample, pid)->blocked.size(), 1) << pid;
  }
  EXPECT_LT(sample.processes.size(), 600u);
  // The same ones each time, or none would be known to have been blocked for long.
  const HostSample later = TakeHostSample(tree.paths(), {.silent = {std::string(64, 'a')}});
  EXPECT_EQ(later.processes.size(), sample.processes.size());
  for (const HostProcess& process : sample.processes) {
    EXPECT_NE(Find(later, process.stat.pid), nullptr);
  }
}

// Where no wait channel may be read all are blocked in the same place.
TEST(LookAlikesTest, WhoIsBlockedForLongerHidesNotWhyAContainerIsSilent) {
  HostSample sample;
  sample.uptime_seconds = 1000;
  sample.processes = {MakeProcess(61, Role::kOther, "old"), MakeProcess(62, Role::kOther, "app"),
                      MakeProcess(63, Role::kOther, "forks")};
  for (HostProcess& process : sample.processes) {
    process.container = std::string(64, 'd');
    process.blocked = {{process.stat.pid, 10'000, "", {}}};
  }
  sample.processes[1].container = kContainer;
  sample.processes[2].blocked[0].wait_channel = "kernel_clone";
  WatchedObject watch;
  watch.object.id = pleg::ContainerId(kContainer);
  HostTracker tracker;
  EXPECT_EQ(tracker.Update(sample, {watch}).blocked.size(), 1);
  watch.silent = true;
  const pleg::HostEvidence evidence = tracker.Update(sample, {watch});
  ASSERT_EQ(evidence.blocked.size(), 2);
  EXPECT_TRUE(std::any_of(evidence.blocked.begin(), evidence.blocked.end(), [](const auto& group) {
    return group.example_pid == 62 && group.example_container.value() == kContainer;
  }));
}

// Whoever has so many processes does not make plegd take others for ended.
TEST(LookAlikesTest, WhereNotAllProcessesAreSeenNoneIsMissing) {
  HostSample sample;
  sample.uptime_seconds = 1000;
  sample.processes = {MakeProcess(61, Role::kOther, "pause"), MakeProcess(62, Role::kOther, "app")};
  sample.processes[0].container = std::string(64, 'd');
  sample.processes[1].container = kContainer;
  WatchedObject watch;
  watch.object.id = pleg::ContainerId(kContainer);
  watch.listed_state = "running";
  HostTracker tracker;
  EXPECT_THAT(tracker.Update(sample, {watch}).shims, IsEmpty());
  sample.processes.pop_back();
  watch.silent = true;
  WatchedObject seen;
  seen.object.id = pleg::ContainerId(std::string(64, 'd'));
  HostTracker other = tracker;
  const pleg::HostEvidence gone = other.Update(sample, {watch, seen});
  ASSERT_EQ(gone.shims.size(), 1);
  EXPECT_EQ(gone.shims[0].container_alive, false);
  sample.processes_cut = true;
  const pleg::HostEvidence unknown = tracker.Update(sample, {watch, seen});
  ASSERT_EQ(unknown.shims.size(), 1);
  EXPECT_EQ(unknown.shims[0].container_alive, std::nullopt);
}

TEST(LookAlikesTest, SaysThatNothingIsProvenInAUserNamespaceOfItsOwn) {
  FixtureTree tree;
  AddShim(tree);
  tree.Write("proc/self/uid_map", "0 100000 65536\n");
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_EQ(Find(sample, 60), nullptr);
  EXPECT_THAT(sample.look_alikes, IsEmpty());
  EXPECT_THAT(sample.problems, Contains(HasSubstr("--rootless")));
  EXPECT_TRUE(HostTracker().Update(sample, {}).roles_unknown);
  HostPaths paths = tree.paths();
  paths.rootless = true;
  EXPECT_EQ(Find(TakeHostSample(paths, {}), 60)->role, Role::kShim);
}

TEST(LookAlikesTest, WhatRunsInsideAContainerIsNotTheNodes) {
  const std::string cgroup =
      absl::StrCat("0::/kubepods.slice/cri-containerd-", std::string(64, 'c'), ".scope\n");
  FixtureTree tree;
  tree.Add({.pid = 50, .comm = "containerd"});
  tree.Add({.pid = 51, .parent = 50, .comm = "bridge"});
  tree.Add({.pid = 52, .parent = 50, .comm = "runc"});
  tree.Add({.pid = 60, .parent = 59, .comm = "dockerd", .cgroup = cgroup});
  tree.Add({.pid = 61, .parent = 60, .comm = "bridge", .cgroup = cgroup});
  tree.Add({.pid = 62, .parent = 59, .comm = "runc", .cgroup = cgroup});
  tree.Add({.pid = 63, .parent = 59, .comm = "runc:[2:INIT]", .cgroup = cgroup});
  tree.Add({.pid = 64, .parent = 59, .comm = "dbus-daemon", .cgroup = cgroup});
  tree.Add({.pid = 65, .parent = 59, .comm = "kubelet", .cgroup = cgroup});
  tree.Add({.pid = 66, .parent = 59, .comm = "containerd-shim", .state = 'T', .cgroup = cgroup});
  const HostSample sample = TakeHostSample(tree.paths(), {});
  for (const int pid : {50, 51, 52}) EXPECT_NE(Find(sample, pid), nullptr) << pid;
  for (int pid = 60; pid < 67; ++pid) EXPECT_EQ(Find(sample, pid), nullptr) << pid;
  // Whoever is stuck first; the plugin says nothing of itself.
  ASSERT_EQ(sample.look_alikes.size(), 6);
  EXPECT_EQ(sample.look_alike_count, 6u);
  EXPECT_EQ(sample.look_alikes[0].pid, 66);
  EXPECT_EQ(sample.look_alikes[0].reason, "it is in the cgroup of container ccccccccccccc");
  // The one that plegd speaks to is the node's, wherever it runs.
  const HostSample spoken_to = TakeHostSample(tree.paths(), {.listener = 60});
  ASSERT_NE(Find(spoken_to, 60), nullptr);
  EXPECT_EQ(Find(spoken_to, 60)->role, Role::kRuntime);
  EXPECT_EQ(spoken_to.listener, 60);
}

// The listener has ended, its socket lives on with another process, and its pid was given again.
TEST(LookAlikesTest, WhoHasTheListenersPidNowIsNotTheListener) {
  const FixtureTree tree;
  tree.Add({.pid = 1, .parent = 0, .comm = "systemd"});
  tree.Add({.pid = 40, .comm = "containerd", .start_ticks = 100});
  tree.Add({.pid = 50, .comm = "ledger-db", .start_ticks = 900, .uids = "1000\t1000\t1000\t1000"});
  const auto runtime_of = [&tree](uint64_t start_ticks) {
    const HostSample sample =
        TakeHostSample(tree.paths(), {.listener = 50, .listener_start_ticks = start_ticks});
    EXPECT_EQ(sample.listener, start_ticks == 900 ? 50 : 0);
    return HostTracker().Update(sample, {}, sample.listener).runtime_process;
  };
  ASSERT_TRUE(runtime_of(900).has_value());
  EXPECT_EQ(runtime_of(900)->pid, 50);
  ASSERT_TRUE(runtime_of(100).has_value());
  EXPECT_EQ(runtime_of(100)->pid, 40);
}

// k3s starts its containerd itself, and has another pid after it was restarted.
TEST(LookAlikesTest, ARuntimeIsKnownAgainByItsUnit) {
  HostSample sample;
  sample.uptime_seconds = 1000;
  sample.processes = {MakeProcess(40, Role::kRuntime, "containerd", 1),
                      MakeProcess(50, Role::kRuntime, "containerd", 7)};
  sample.processes[0].unit = "containerd";
  sample.processes[1].unit = "k3s";
  HostTracker tracker;
  EXPECT_EQ(tracker.Update(sample, {}, 50).runtime_process->pid, 50);
  sample.processes[1].stat.parent = 8;
  EXPECT_EQ(tracker.Update(sample, {}).runtime_process->pid, 50);
  sample.processes.pop_back();
  EXPECT_FALSE(tracker.Update(sample, {}).runtime_process.has_value());
}

// `runc exec` stays the parent of what it has started, which may be named like runc's own.
TEST(LookAlikesTest, WhatASessionRunsIsNoFirstProcessToBe) {
  HostSample sample;
  sample.uptime_seconds = 1000;
  HostProcess session = MakeProcess(70, Role::kOciRuntime, "runc", 60);
  session.command = {"runc", "exec", kContainer};
  HostProcess init = MakeProcess(71, Role::kOciRuntime, "runc:[1:CHILD]", 70);
  HostProcess child = MakeProcess(72, Role::kOciRuntime, "runc:[2:INIT]", 71);
  child.stat.state = 'D';
  child.blocked = {{72, 10'000, "rpc_wait", {}}};
  sample.processes = {session, init, child};
  EXPECT_THAT(HostTracker().Update(sample, {}).oci_processes, IsEmpty());
  // It is not known what this one does.
  sample.processes[0].command.clear();
  EXPECT_EQ(HostTracker().Update(sample, {}).oci_processes.size(), 1);
  sample.processes[0].command = {"runc", "create", kContainer};
  EXPECT_EQ(HostTracker().Update(sample, {}).oci_processes.size(), 3);
}

TEST(LookAlikesTest, TheKubeletIsTheOneOfAUnitElseTheYoungest) {
  HostTracker tracker;
  HostSample sample;
  sample.uptime_seconds = 1000;
  for (const int pid : {45, 46, 47}) {
    sample.processes.push_back(MakeProcess(pid, Role::kKubelet, "kubelet"));
    sample.processes.back().stat.start_ticks = pid == 46 ? 20'000 : 10'000;
  }
  EXPECT_EQ(tracker.Update(sample, {}).kubelet_process->pid, 46);
  sample.processes[2].unit = "kubelet";
  EXPECT_EQ(tracker.Update(sample, {}).kubelet_process->pid, 47);
  // The one that is about to end is the older one of the unit's.
  sample.processes[0].unit = "kubelet";
  sample.processes[0].stat.start_ticks = 30'000;
  EXPECT_EQ(tracker.Update(sample, {}).kubelet_process->pid, 45);
}

// What it activates is in its unit, and PID 1's once its parent has ended.
TEST(LookAlikesTest, TheMessageBusIsTheFirstOfItsUnit) {
  HostSample sample;
  sample.uptime_seconds = 1000;
  for (const int pid : {45, 46}) {
    sample.processes.push_back(MakeProcess(pid, Role::kMessageBus, "dbus-daemon"));
    sample.processes.back().stat.start_ticks = pid == 46 ? 10'000 : 20'000;
  }
  EXPECT_EQ(HostTracker().Update(sample, {}).dbus->pid, 46);
}

}  // namespace
}  // namespace runtime::host
