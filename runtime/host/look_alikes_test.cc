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

}  // namespace
}  // namespace runtime::host
