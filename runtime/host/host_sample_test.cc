#include "runtime/host/host_sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

const std::string kSandbox(64, '5');
const std::string kContainer(64, 'c');
const std::string kNul(1, '\0');

const HostProcess* Find(const HostSample& sample, int pid) {
  const auto found = std::find_if(sample.processes.begin(), sample.processes.end(),
                                  [pid](const HostProcess& p) { return p.stat.pid == pid; });
  return found == sample.processes.end() ? nullptr : &*found;
}

// A runtime with one pod of one container, on cgroup v2.
void AddPod(const FixtureTree& tree) {
  tree.Add({.pid = 1, .parent = 0, .comm = "systemd", .cpu_ticks = 700});
  tree.Add({.pid = 50, .comm = "containerd"});
  tree.Add({.pid = 60, .comm = "containerd-shim"});
  tree.Link("proc/60/cwd",
            absl::StrCat("/run/containerd/io.containerd.runtime.v2.task/k8s.io/", kSandbox));
  tree.Add({.pid = 61,
            .parent = 60,
            .comm = "pause",
            .cgroup = absl::StrCat("0::/kubepods/pod1/", kSandbox, "\n")});
  tree.Add({.pid = 62,
            .parent = 60,
            .comm = "nginx",
            .cgroup = absl::StrCat("0::/kubepods/pod1/", kContainer, "\n")});
  tree.Add({.pid = 63,
            .parent = 62,
            .comm = "worker",
            .cgroup = absl::StrCat("0::/kubepods/pod1/", kContainer, "\n")});
}

TEST(HostSampleTest, TellsTheRuntimesProcessesApart) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Add({.pid = 70,
            .parent = 60,
            .comm = "runc",
            .command = std::string("runc\0update\0", 12) + kContainer});
  tree.Add({.pid = 71, .parent = 60, .comm = "slow-wrapper"});
  tree.Add({.pid = 72, .parent = 50, .comm = "calico"});
  tree.Add({.pid = 73, .parent = 50, .comm = "unpigz"});
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_EQ(Find(sample, 50)->role, Role::kRuntime);
  EXPECT_EQ(Find(sample, 60)->role, Role::kShim);
  EXPECT_EQ(Find(sample, 60)->bundle, kSandbox);
  EXPECT_TRUE(Find(sample, 60)->for_kubelet);
  EXPECT_EQ(Find(sample, 62)->container, kContainer);
  EXPECT_EQ(Find(sample, 62)->role, Role::kOther);
  EXPECT_EQ(Find(sample, 63), nullptr);
  EXPECT_EQ(Find(sample, 70)->role, Role::kOciRuntime);
  EXPECT_THAT(Find(sample, 70)->command, ElementsAre("runc", "update", kContainer));
  EXPECT_EQ(Find(sample, 71)->role, Role::kOciRuntime);
  EXPECT_EQ(Find(sample, 72)->role, Role::kCniPlugin);
  EXPECT_EQ(Find(sample, 73), nullptr);
  EXPECT_EQ(sample.init_cpu_ticks, 700u);
}

TEST(HostSampleTest, NeverReadsTheCommandLineOfABlockedProcess) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Add({.pid = 70,
            .parent = 60,
            .comm = "runc",
            .state = 'D',
            .wait_channel = "rpc_wait_bit",
            .command = "runc"});
  tree.Write("proc/70/stack", "[<0>] rpc_wait_bit_killable+0x1/0x2\n[<0>] __wait_on_bit+0x3/0x4\n");
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_THAT(Find(sample, 70)->command, IsEmpty());
  ASSERT_EQ(Find(sample, 70)->blocked.size(), 1);
  EXPECT_EQ(Find(sample, 70)->blocked[0].wait_channel, "rpc_wait_bit");
  EXPECT_THAT(Find(sample, 70)->blocked[0].stack,
              ElementsAre("rpc_wait_bit_killable", "__wait_on_bit"));
}

TEST(HostSampleTest, ReadsForWhomACniPluginWasCalledUnlessItIsBlocked) {
  const FixtureTree tree;
  AddPod(tree);
  const std::string environment = absl::StrCat(
      "PATH=/bin", kNul, "CNI_COMMAND=ADD", kNul, "CNI_CONTAINERID=", kSandbox, kNul,
      "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0", kNul, "TOKEN=x", kNul);
  tree.Add({.pid = 72, .parent = 50, .comm = "calico"});
  tree.Write("proc/72/environ", environment);
  tree.Add({.pid = 73, .parent = 50, .comm = "calico", .state = 'D'});
  tree.Write("proc/73/environ", environment);
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_EQ(Find(sample, 72)->cni.command, "ADD");
  EXPECT_EQ(Find(sample, 72)->cni.sandbox, kSandbox);
  EXPECT_EQ(Find(sample, 72)->cni.pod_namespace, "shop");
  EXPECT_EQ(Find(sample, 72)->cni.pod_name, "web-0");
  EXPECT_EQ(Find(sample, 73)->cni.command, "");
}

// Programs in Go: the first thread sleeps while another one is stuck.
TEST(HostSampleTest, SeesThreadsThatAreBlockedBehindTheFirst) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Add({.pid = 60, .comm = "containerd-shim", .start_ticks = 100, .threads = 3});
  tree.AddThread(60, {.pid = 60, .comm = "containerd-shim"});
  tree.AddThread(60, {.pid = 64, .state = 'D', .wait_channel = "nfs_wait", .start_ticks = 120});
  tree.AddThread(60, {.pid = 65, .state = 'R'});
  tree.Write("proc/60/task/64/stack", "[<0>] nfs_wait+0x1/0x2\n");
  tree.Remove("proc/60/cwd");
  tree.Write("proc/60/cmdline", absl::StrCat("shim", kNul, "-id", kNul, kSandbox));
  const HostSample sample = TakeHostSample(tree.paths(), {});
  ASSERT_EQ(Find(sample, 60)->blocked.size(), 1);
  EXPECT_EQ(Find(sample, 60)->blocked[0].id, 64);
  EXPECT_EQ(Find(sample, 60)->blocked[0].start_ticks, 120u);
  EXPECT_EQ(Find(sample, 60)->blocked[0].wait_channel, "nfs_wait");
  EXPECT_THAT(Find(sample, 60)->blocked[0].stack, ElementsAre("nfs_wait"));
  // Its command line would have told; but that may wait for what it waits for.
  EXPECT_EQ(Find(sample, 60)->bundle, "");
}

// With a hundred pods all threads of shims are a thousand files.
TEST(HostSampleTest, WhileAllIsWellShimsHaveTheirThreadsLookedAtInTurn) {
  const FixtureTree tree;
  AddPod(tree);
  const auto block = [&tree](char state) {
    tree.Add({.pid = 60, .comm = "containerd-shim", .threads = 2});
    tree.AddThread(60, {.pid = 64, .state = state});
  };
  block('S');
  HostQuestion question;
  HostSample sample = TakeHostSample(tree.paths(), question);
  block('D');
  int looks = 0;
  do {
    sample = TakeHostSample(tree.paths(), question, &sample);
  } while (Find(sample, 60)->blocked.empty() && ++looks < 4);
  EXPECT_LT(looks, 4);
  // From then on at each look.
  for (int i = 0; i < 4; ++i) {
    sample = TakeHostSample(tree.paths(), question, &sample);
    EXPECT_EQ(Find(sample, 60)->blocked.size(), 1);
  }
  block('S');
  sample = TakeHostSample(tree.paths(), question, &sample);
  block('D');
  question.silent = {kContainer};
  sample = TakeHostSample(tree.paths(), question, &sample);
  EXPECT_EQ(Find(sample, 60)->blocked.size(), 1);
}

TEST(HostSampleTest, OfASilentContainerAnyProcessMayBeTheBlockedOne) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Add({.pid = 64, .parent = 63, .comm = "grandchild", .threads = 2});
  tree.AddThread(64, {.pid = 64});
  tree.AddThread(64, {.pid = 65, .state = 'D', .wait_channel = "fuse_wait"});
  EXPECT_EQ(Find(TakeHostSample(tree.paths(), {}), 64), nullptr);
  HostQuestion question;
  question.silent = {kContainer};
  const HostSample sample = TakeHostSample(tree.paths(), question);
  ASSERT_NE(Find(sample, 64), nullptr);
  EXPECT_EQ(Find(sample, 64)->container, kContainer);
  EXPECT_EQ(Find(sample, 64)->blocked[0].wait_channel, "fuse_wait");
}

TEST(HostSampleTest, KnowsAShimByItsCommandLineWhereItsDirectoryMayNotBeRead) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Remove("proc/60/cwd");
  tree.Write("proc/60/cmdline", absl::StrCat("/usr/bin/containerd-shim-runc-v2", kNul, "-namespace",
                                             kNul, "k8s.io", kNul, "-id", kNul, kSandbox, kNul));
  tree.Add({.pid = 64, .comm = "conmon"});
  tree.Write("proc/64/cmdline", absl::StrCat("/usr/bin/conmon", kNul, "-b", kNul, "/x", kNul, "-c",
                                             kNul, kContainer, kNul, "--exit-dir", kNul, "/y"));
  const std::string other(64, 'd');
  tree.Add({.pid = 65, .comm = "conmon"});
  tree.Write("proc/65/cmdline", absl::StrCat("conmon", kNul, "-c", kNul, other, kNul));
  HostQuestion question;
  tree.Write(absl::StrCat("tasks/", kContainer, "/userdata"), "");
  question.directories.task_roots = {tree.Path("tasks")};
  const HostSample first = TakeHostSample(tree.paths(), question);
  EXPECT_TRUE(Find(first, 60)->for_kubelet);
  EXPECT_FALSE(Find(first, 64)->for_kubelet);
  // It has a process of the one; the runtime has a directory for the other.
  EXPECT_EQ(Find(first, 60)->bundle, kSandbox);
  EXPECT_EQ(Find(first, 64)->bundle, kContainer);
  EXPECT_EQ(Find(first, 65)->bundle, "");
  EXPECT_THAT(first.containers, Not(Contains(other)));
  EXPECT_THAT(first.problems, Not(Contains(HasSubstr("permission"))));
  tree.Write("proc/60/cmdline", "");
  EXPECT_EQ(Find(TakeHostSample(tree.paths(), {}, &first), 60)->bundle, kSandbox);
}

TEST(HostSampleTest, AHelperOfTheRuntimeIsNoCniPlugin) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Add({.pid = 72, .parent = 50, .comm = "exe"});
  tree.Write("proc/72/environ", absl::StrCat("PATH=/bin", kNul));
  tree.Add({.pid = 73, .parent = 50, .comm = "10-topology"});
  tree.Add({.pid = 74, .parent = 50, .comm = "my-helper"});
  tree.Add({.pid = 75, .parent = 50, .comm = "azure-vnet-ipam"});
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_EQ(Find(sample, 72), nullptr);
  EXPECT_EQ(Find(sample, 73), nullptr);
  EXPECT_TRUE(Find(sample, 74)->guessed);
  EXPECT_EQ(Find(sample, 75)->role, Role::kCniPlugin);
  EXPECT_FALSE(Find(sample, 75)->guessed);
}

TEST(HostSampleTest, SaysOnceAKindWhatIsNotPermitted) {
  const FixtureTree tree;
  AddPod(tree);
  // The kernel answers 0 to those who may not know.
  for (const int pid : {80, 81, 82}) {
    tree.Add({.pid = pid, .parent = 62, .comm = "stuck", .state = 'D', .wait_channel = "0"});
  }
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_EQ(
      std::count_if(sample.problems.begin(), sample.problems.end(),
                    [](const std::string& p) { return absl::StrContains(p, "wait channel"); }),
      1);
  EXPECT_THAT(sample.problems, Contains(HasSubstr("and 2 more: permission denied")));
}

// Of /proc in a container: PID 1 is of the same cgroup, and the namespace is not the host's.
TEST(HostSampleTest, InAPidNamespaceOfItsOwnItTellsNothingOfPid1) {
  const FixtureTree tree;
  tree.Add({.pid = 1, .parent = 0, .comm = "plegd", .cpu_ticks = 700});
  tree.Write("proc/1/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
  tree.Write("proc/self/status", "Name:\tplegd\nNSpid:\t7\n");
  tree.Write("proc/self/cgroup", "0::/\n");
  tree.Link("proc/self/ns/pid", "pid:[4026532500]");
  const HostSample own = TakeHostSample(tree.paths(), {});
  EXPECT_TRUE(own.hidden);
  EXPECT_FALSE(own.init_cpu_ticks.has_value());
  EXPECT_FALSE(own.mounts.has_value());
  EXPECT_THAT(own.problems, Contains(HasSubstr("hostPID")));
  // A node that is a container itself, as kind's: the runtime is in sight.
  tree.Add({.pid = 50, .comm = "containerd"});
  EXPECT_FALSE(TakeHostSample(tree.paths(), {}).hidden);
  tree.Remove("proc/50");
  // The host's /proc, mounted into a container.
  tree.Write("proc/self/status", "Name:\tplegd\nNSpid:\t4711\t7\n");
  EXPECT_FALSE(TakeHostSample(tree.paths(), {}).hidden);
  tree.Write("proc/self/status", "Name:\tplegd\nNSpid:\t4711\n");
  tree.Remove("proc/self/ns/pid");
  tree.Link("proc/self/ns/pid", "pid:[4026531836]");
  EXPECT_FALSE(TakeHostSample(tree.paths(), {}).hidden);
}

TEST(HostSampleTest, KnowsAKubeletThatIsPartOfAnotherProgram) {
  FixtureTree tree;
  tree.Add({.pid = 70, .comm = "kubelite"});
  const HostSample sample = TakeHostSample(tree.paths(), {});
  ASSERT_NE(Find(sample, 70), nullptr);
  EXPECT_EQ(Find(sample, 70)->role, Role::kKubelet);
}

TEST(HostSampleTest, CountsZombiesByParent) {
  const FixtureTree tree;
  AddPod(tree);
  for (int pid = 80; pid < 85; ++pid) {
    tree.Add({.pid = pid, .parent = 62, .comm = "gone", .state = 'Z'});
  }
  EXPECT_EQ(TakeHostSample(tree.paths(), {}).zombies.at(62), 5u);
}

TEST(HostSampleTest, ReadsTheNode) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Write("proc/pressure/io",
             "some avg10=80.00 avg60=0 avg300=0 total=1\nfull avg10=60.00 avg60=0\n");
  tree.Write("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 10 kB\n");
  tree.Write("proc/loadavg", "0.00 0.00 0.00 2/345 99\n");
  tree.Write("proc/sys/kernel/pid_max", "4194304\n");
  tree.Write("proc/sys/kernel/threads-max", "1000\n");
  tree.Write("proc/sys/kernel/osrelease", "6.1.0-38-amd64\n");
  tree.Write("proc/1/mountinfo",
             "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
             "23 1 0:40 / /mnt/n rw - nfs4 filer:/x rw\n"
             "24 1 0:41 / /mnt/f rw - fuse.sshfs host:/ rw\n");
  tree.Write("sys/fs/fuse/connections/41/waiting", "3\n");
  tree.Write("sys/fs/fuse/connections/42/waiting", "0\n");
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_DOUBLE_EQ(sample.io->full, 60);
  EXPECT_FALSE(sample.cpu.has_value());
  EXPECT_EQ(sample.memory_available_kb, 10u);
  EXPECT_EQ(sample.tasks, 345u);
  EXPECT_EQ(sample.tasks_max, 1000u);
  EXPECT_EQ(sample.kernel, "6.1.0-38-amd64");
  EXPECT_EQ(sample.mounts, 3u);
  EXPECT_EQ(sample.runtime_mount->source, "/dev/sda1");
  ASSERT_EQ(sample.network_mounts.size(), 1);
  EXPECT_EQ(sample.network_mounts[0].source, "filer:/x");
  ASSERT_EQ(sample.fuse.size(), 1);
  EXPECT_EQ(sample.fuse[0].connection, "41");
  EXPECT_THAT(sample.problems, Contains(HasSubstr("pressure/cpu")));
}

TEST(HostSampleTest, KnowsTheUnitOfWhatSystemdStarted) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Add({.pid = 51, .comm = "kubelet", .cgroup = "0::/system.slice/kubelet.service\n"});
  tree.Add({.pid = 52, .comm = "my-cri", .cgroup = "0::/system.slice/my-cri.service\n"});
  tree.Add({.pid = 53, .parent = 51, .comm = "dockerd", .cgroup = "0::/system.slice/x.service\n"});
  tree.Add({.pid = 54, .comm = "k3s-server", .cgroup = "0::/system.slice/k3s.service\n"});
  tree.Add({.pid = 55, .parent = 54, .comm = "crio", .cgroup = "0::/system.slice/k3s.service\n"});
  HostQuestion question;
  question.listener = 52;
  const HostSample sample = TakeHostSample(tree.paths(), question);
  EXPECT_EQ(Find(sample, 51)->unit, "kubelet");
  ASSERT_NE(Find(sample, 52), nullptr);
  EXPECT_EQ(Find(sample, 52)->unit, "my-cri");
  EXPECT_EQ(Find(sample, 53), nullptr);
  EXPECT_EQ(Find(sample, 55)->unit, "k3s");
}

TEST(HostSampleTest, FindsTheProcessOfAContainerWhoseShimIsGone) {
  const FixtureTree tree;
  AddPod(tree);
  const std::string orphan(64, 'd');
  tree.Add({.pid = 80, .comm = "nginx", .cgroup = absl::StrCat("0::/kubepods/", orphan, "\n")});
  tree.Add({.pid = 81, .comm = "sshd", .cgroup = "0::/system.slice/ssh.service\n"});
  const HostSample sample = TakeHostSample(tree.paths(), {});
  ASSERT_NE(Find(sample, 80), nullptr);
  EXPECT_EQ(Find(sample, 80)->container, orphan);
  EXPECT_EQ(Find(sample, 81), nullptr);
}

void WritePressure(const FixtureTree& tree, const std::string& group, int percent) {
  for (const char* resource : {"cpu", "io", "memory"}) {
    tree.Write(absl::StrCat("cgroup", group, "/", resource, ".pressure"),
               absl::StrCat("some avg10=", percent, ".00 avg60=0\nfull avg10=1.00 avg60=0\n"));
  }
}

TEST(HostSampleTest, ReadsThePressureOfRuntimeKubeletAndSilentContainers) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Add({.pid = 50, .comm = "containerd", .cgroup = "0::/system.slice/containerd.service\n"});
  tree.Add({.pid = 51, .comm = "kubelet", .cgroup = "0::/system.slice/kubelet.service\n"});
  WritePressure(tree, "/system.slice/containerd.service", 81);
  WritePressure(tree, "/system.slice/kubelet.service", 2);
  WritePressure(tree, absl::StrCat("/kubepods/pod1/", kContainer), 33);
  HostQuestion question;
  question.silent = {kContainer};
  const HostSample sample = TakeHostSample(tree.paths(), question);
  ASSERT_EQ(sample.groups.size(), 3);
  for (const GroupPressure& group : sample.groups) {
    ASSERT_TRUE(group.cpu.has_value() && group.io.has_value() && group.memory.has_value());
    EXPECT_EQ(group.cpu->some, group.of == "runtime" ? 81 : group.of == "kubelet" ? 2 : 33);
    EXPECT_EQ(group.container, group.of.empty() ? kContainer : "");
  }
}

TEST(HostSampleTest, InAHybridThePressureIsInTheUnifiedTree) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Add({.pid = 50,
            .comm = "containerd",
            .cgroup = "5:freezer:/\n1:name=systemd:/system.slice/containerd.service\n"
                      "0::/system.slice/containerd.service\n"});
  WritePressure(tree, "/unified/system.slice/containerd.service", 7);
  const HostSample sample = TakeHostSample(tree.paths(), {});
  ASSERT_EQ(sample.groups.size(), 1);
  EXPECT_EQ(sample.groups[0].cpu->some, 7);
}

TEST(HostSampleTest, WithoutVersion2NoCgroupTellsItsPressure) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Add({.pid = 50, .comm = "containerd", .cgroup = "5:freezer:/system.slice/x.service\n"});
  EXPECT_THAT(TakeHostSample(tree.paths(), {}).groups, IsEmpty());
}

TEST(HostSampleTest, ReadsTheVersionOfSystemdFromItsLibrary) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Write("proc/1/root/usr/lib/systemd/systemd", "");
  EXPECT_EQ(TakeHostSample(tree.paths(), {}).systemd, "");
  tree.Write("proc/1/root/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-247.so", "");
  tree.Write("proc/1/root/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so", "");
  EXPECT_EQ(TakeHostSample(tree.paths(), {}).systemd, "252");
  tree.Write("proc/1/root/usr/lib/systemd/libsystemd-shared-257.7-1.fc42.so", "");
  EXPECT_EQ(TakeHostSample(tree.paths(), {}).systemd, "257.7-1.fc42");
}

TEST(HostSampleTest, AnInitThatIsNoSystemdHasNoSuchVersion) {
  const FixtureTree tree;
  tree.Add({.pid = 1, .parent = 0, .comm = "runit"});
  tree.Write("proc/1/root/usr/lib/systemd/libsystemd-shared-252.so", "");
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_EQ(sample.systemd, "");
  EXPECT_THAT(sample.problems, Not(Contains(HasSubstr("systemd"))));
}

TEST(HostSampleTest, KnowsAShimWhoseBundleWasRemovedUnderIt) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Add({.pid = 64, .comm = "containerd-shim"});
  const std::string given_up(64, 'a');
  tree.Add({.pid = 65, .parent = 64, .comm = "pause", .cgroup = absl::StrCat("0::/", given_up)});
  tree.Link("proc/64/cwd", absl::StrCat("/run/k8s.io/.", given_up, " (deleted)"));
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_EQ(Find(sample, 64)->bundle, given_up);
  EXPECT_THAT(sample.containers, UnorderedElementsAre(kSandbox, given_up));
}

// With hidepid=2 only one's own processes are there.
TEST(HostSampleTest, SaysThatProcessesAreHidden) {
  const FixtureTree tree;
  tree.Add({.pid = 4711, .comm = "plegd"});
  EXPECT_THAT(TakeHostSample(tree.paths(), {}).problems, Contains(HasSubstr("hidepid")));
}

TEST(HostSampleTest, AHostileCommandLineIsWordsLikeOthers) {
  const FixtureTree tree;
  AddPod(tree);
  const std::string hostile =
      absl::StrCat("runc", std::string("\0", 1), "\x1b[2J; rm -rf /\n", std::string(100'000, 'x'));
  tree.Add({.pid = 70, .parent = 60, .comm = "ru) R 1 (nc\n", .command = hostile});
  const HostSample sample = TakeHostSample(tree.paths(), {});
  ASSERT_NE(Find(sample, 70), nullptr);
  EXPECT_EQ(Find(sample, 70)->stat.comm, "ru) R 1 (nc\n");
  ASSERT_EQ(Find(sample, 70)->command.size(), 2);
  EXPECT_LE(Find(sample, 70)->command[1].size(), 4096u);
}

TEST(HostSampleTest, AnEmptyProcIsAProblemAndNoFailure) {
  const FixtureTree tree;
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_THAT(sample.processes, IsEmpty());
  EXPECT_THAT(sample.problems, Contains(HasSubstr("no process can be seen")));
}

TEST(HostSampleTest, AProcessThatEndsMeanwhileIsLeftOut) {
  const FixtureTree tree;
  AddPod(tree);
  tree.Write("proc/90/cgroup", "0::/\n");
  tree.Write("proc/91/stat", "91 (half");
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_EQ(Find(sample, 90), nullptr);
  EXPECT_EQ(Find(sample, 91), nullptr);
  EXPECT_NE(Find(sample, 62), nullptr);
}

TEST(HostSampleTest, LooksAtThisVeryHost) {
  const HostSample sample = TakeHostSample({}, {});
  EXPECT_GT(sample.uptime_seconds, 0);
  EXPECT_TRUE(sample.init_cpu_ticks.has_value());
  EXPECT_GT(sample.mounts.value_or(0), 0u);
  EXPECT_FALSE(sample.kernel.empty());
}

TEST(HostSampleTest, WhatAUserFreezesBelowAUnitIsNoContainer) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const FixtureTree tree;
  const std::string unit = "cgroup/system.slice/ci.service";
  tree.Write(absl::StrCat(unit, "/", kContainer, "/cgroup.events"), "frozen 1\n");
  EXPECT_EQ(TakeHostSample(tree.paths(), {}).frozen.size(), 1u);
  tree.Own(unit, 1000);
  const HostSample sample = TakeHostSample(tree.paths(), {});
  EXPECT_THAT(sample.frozen, IsEmpty());
  EXPECT_THAT(sample.containers, IsEmpty());
}

TEST(HostSampleTest, KnowsTheContainersWithoutTheRuntime) {
  const FixtureTree tree;
  tree.Write(absl::StrCat("cgroup/kubepods/pod1/", kContainer, "/cgroup.events"), "frozen 0\n");
  tree.Write(absl::StrCat("tasks/", kContainer, "/config.json"), "{}");
  tree.Write(absl::StrCat("tasks/", kSandbox, "/config.json"), "{}");
  HostQuestion question;
  question.directories.task_roots = {"/nonexistent", tree.paths().procfs + "/../tasks"};
  EXPECT_THAT(TakeHostSample(tree.paths(), question).containers,
              UnorderedElementsAre(kContainer, kSandbox));
}

}  // namespace
}  // namespace runtime::host
