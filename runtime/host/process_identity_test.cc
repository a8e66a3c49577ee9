#include "runtime/host/process_identity.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/host/proc_file.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

const std::string kContainer(64, 'c');
const std::string kOther(64, 'd');
const std::string kNode(64, 'e');

// A node: PID 1, a runtime (50), its shim (60), an OCI runtime at work (70), a container's first
// process (62).
class ProcessIdentityTest : public testing::Test {
 protected:
  ProcessIdentityTest() {
    tree_.Write("proc/self/cgroup", "0::/system.slice/plegd.service\n");
    Add({.pid = 1, .parent = 0, .comm = "systemd"});
    Add({.pid = 50, .comm = "containerd", .cgroup = "0::/system.slice/containerd.service\n"});
    Add({.pid = 60, .comm = "containerd-shim"});
    Add({.pid = 62, .parent = 60, .comm = "sh", .cgroup = Cgroup(kContainer)});
    Add({.pid = 70, .parent = 60, .comm = "runc"});
  }

  static std::string Cgroup(const std::string& container, const std::string& below = "") {
    return absl::StrCat("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-", container,
                        ".scope", below, "\n");
  }

  void Add(const FixtureTree::Process& process) {
    tree_.Add(process);
    const auto text = ReadSmallFile(tree_.Path(absl::StrCat("proc/", process.pid, "/stat")));
    stats_.insert_or_assign(process.pid, *ParseProcessStat(*text));
  }

  Identity Of(int pid, int listener = 0, bool rootless = false) {
    const HostTree proc(tree_.paths().procfs);
    ProcessIdentifier identifier(proc, rootless, stats_);
    identifier.SetListener(listener);
    return identifier.Of(pid);
  }
  std::string DoubtOf(int pid) {
    const Identity identity = Of(pid);
    EXPECT_EQ(identity.role, Role::kOther);
    return identity.doubt;
  }

  const FixtureTree tree_;
  absl::flat_hash_map<int, ProcessStat> stats_;
};

TEST_F(ProcessIdentityTest, ProvesWhatRootRunsOutsideOfContainers) {
  const std::pair<const char*, Role> rows[] = {
      {"containerd", Role::kRuntime},   {"crio", Role::kRuntime},
      {"dockerd", Role::kRuntime},      {"cri-dockerd", Role::kRuntime},
      {"containerd-shim", Role::kShim}, {"conmon", Role::kShim},
      {"conmonrs", Role::kShim},        {"runc", Role::kOciRuntime},
      {"crun", Role::kOciRuntime},      {"youki", Role::kOciRuntime},
      {"kubelet", Role::kKubelet},      {"kubelite", Role::kKubelet},
  };
  for (const auto& [name, role] : rows) {
    SCOPED_TRACE(name);
    Add({.pid = 99, .comm = name});
    EXPECT_EQ(Of(99).role, role);
    EXPECT_EQ(Of(99).doubt, "");
    EXPECT_TRUE(Of(99).of_root);
    Add({.pid = 99, .comm = name, .uids = "65534\t65534\t65534\t65534"});
    EXPECT_EQ(DoubtOf(99), "its owner is uid 65534");
    Add({.pid = 99, .comm = name, .uids = "65534\t0\t0\t0"});
    EXPECT_EQ(DoubtOf(99), "its owner is uid 65534");
    Add({.pid = 99, .comm = name, .uids = "100000\t100000\t100000\t100000"});
    EXPECT_EQ(DoubtOf(99), "its owner is uid 100000");
    Add({.pid = 99, .comm = name, .cgroup = Cgroup(kContainer)});
    EXPECT_EQ(DoubtOf(99), "it is in the cgroup of container ccccccccccccc");
    EXPECT_FALSE(Of(99).of_root);
    tree_.Remove("proc/99/cgroup");
    EXPECT_EQ(DoubtOf(99), "its cgroup cannot be read");
    Add({.pid = 99, .comm = name});
    tree_.Remove("proc/99/status");
    EXPECT_EQ(DoubtOf(99), "its owner cannot be read");
  }
}

// A container that may make cgroups gives them any name, below its own.
TEST_F(ProcessIdentityTest, WhatIsBelowAContainersCgroupIsTheContainers) {
  for (const std::string& below :
       {absl::StrCat("/cri-containerd-", kOther, ".scope"),
        absl::StrCat("/crio-conmon-", kOther, ".scope"), std::string("/system.slice/dbus.service"),
        std::string("/system.slice/kubelet.service")}) {
    for (const char* name : {"conmon", "kubelet", "dbus-daemon", "containerd", "crun"}) {
      SCOPED_TRACE(absl::StrCat(name, " in ", below));
      Add({.pid = 99, .comm = name, .cgroup = Cgroup(kContainer, below)});
      EXPECT_EQ(DoubtOf(99), "it is in the cgroup of container ccccccccccccc");
    }
  }
  const HostTree proc(tree_.paths().procfs);
  ProcessIdentifier identifier(proc, false, stats_);
  EXPECT_EQ(identifier.ContainerOf(absl::StrCat("/kubepods/", kContainer, "/", kOther)),
            kContainer);
  EXPECT_EQ(identifier.ContainerOf("/system.slice/containerd.service"), "");
}

// In version 1 some hierarchies may be left to a container.
TEST_F(ProcessIdentityTest, AContainersCgroupInAnyHierarchyIsEnough) {
  Add({.pid = 99,
       .comm = "kubelet",
       .cgroup = absl::StrCat("5:freezer:/\n4:memory:/kubepods/", kContainer, "\n0::/\n")});
  EXPECT_EQ(DoubtOf(99), "it is in the cgroup of container ccccccccccccc");
}

// As of a DaemonSet's pod: it is listed, and its process has to be in sight.
TEST_F(ProcessIdentityTest, WhatIsInPlegdsOwnContainerIsOfThat) {
  tree_.Write("proc/self/cgroup", absl::StrCat("0::/kubepods/", kNode, "\n"));
  const HostTree proc(tree_.paths().procfs);
  ProcessIdentifier identifier(proc, false, stats_);
  EXPECT_EQ(identifier.ContainerOf(absl::StrCat("/kubepods/", kNode)), kNode);
  EXPECT_EQ(identifier.ContainerOf(absl::StrCat("/kubepods/", kNode, "/", kContainer)), kContainer);
}

// As in kind, whose nodes are containers.
TEST_F(ProcessIdentityTest, PlegdsOwnContainerIsTheNode) {
  tree_.Write("proc/self/cgroup", absl::StrCat("0::/docker/", kNode, "/plegd.service\n"));
  Add({.pid = 99, .comm = "kubelet", .cgroup = absl::StrCat("0::/docker/", kNode, "/k.service\n")});
  EXPECT_EQ(Of(99).role, Role::kKubelet);
  Add({.pid = 99, .comm = "kubelet", .cgroup = absl::StrCat("0::/docker/", kOther, "\n")});
  EXPECT_EQ(Of(99).role, Role::kOther);
  Add({.pid = 99,
       .comm = "kubelet",
       .cgroup = absl::StrCat("0::/docker/", kNode, "/kubepods/", kContainer, "\n")});
  EXPECT_EQ(DoubtOf(99), "it is in the cgroup of container ccccccccccccc");
}

TEST_F(ProcessIdentityTest, TheExecutableAgreesWhereItMayBeRead) {
  const auto exe = [this](const char* name, const char* path) {
    Add({.pid = 99, .comm = name});
    tree_.Remove("proc/99/exe");
    tree_.Link("proc/99/exe", path);
  };
  exe("containerd-shim", "/usr/bin/containerd-shim-runc-v2 (deleted)");
  EXPECT_EQ(Of(99).role, Role::kShim);
  exe("runc", "/memfd:runc_cloned:/proc/self/exe (deleted)");
  EXPECT_EQ(Of(99).role, Role::kOciRuntime);
  exe("containerd", "/var/lib/rancher/k3s/data/0a/bin/k3s");
  EXPECT_EQ(Of(99).role, Role::kRuntime);
  exe("containerd-shim", "/usr/bin/dash");
  EXPECT_EQ(DoubtOf(99), "its executable is /usr/bin/dash");
  exe("kubelet", "/tmp/not-kubelet");
  EXPECT_EQ(DoubtOf(99), "its executable is /tmp/not-kubelet");
  // A shim may start a script.
  Add({.pid = 99, .parent = 60, .comm = "runc"});
  EXPECT_EQ(Of(99).role, Role::kOciRuntime);
}

TEST_F(ProcessIdentityTest, WithoutAnExecutableTheUnitAgrees) {
  const char* cron = "0::/system.slice/cron.service\n";
  Add({.pid = 80, .comm = "cron", .cgroup = cron});
  for (const char* name : {"kubelet", "containerd"}) {
    Add({.pid = 99, .parent = 80, .comm = name, .cgroup = cron});
    EXPECT_EQ(DoubtOf(99), "it is not the main process of cron.service");
  }
  Add({.pid = 80, .comm = "k3s-server", .cgroup = "0::/system.slice/k3s.service\n"});
  Add({.pid = 99, .parent = 80, .comm = "containerd", .cgroup = "0::/system.slice/k3s.service\n"});
  EXPECT_EQ(Of(99).role, Role::kRuntime);
}

// Not every container has a cgroup that is named as the runtimes of Kubernetes do.
TEST_F(ProcessIdentityTest, WhatIsInAPidNamespaceOfItsOwnIsNotTheNodes) {
  for (const char* name : {"containerd", "containerd-shim", "runc", "kubelet"}) {
    SCOPED_TRACE(name);
    Add({.pid = 99, .comm = name, .cgroup = "0::/default/build\n", .pids = "99\t1"});
    EXPECT_EQ(DoubtOf(99), "it is in a PID namespace of its own");
    EXPECT_FALSE(Of(99).of_root);
  }
  Add({.pid = 99, .parent = 60, .comm = "sh", .cgroup = "0::/default/build\n", .pids = "99\t1"});
  EXPECT_EQ(Of(99).role, Role::kOther);
}

// Who execs a setuid program by a link gives it its name.
TEST_F(ProcessIdentityTest, WithoutAnExecutableNothingOfAUsersSessionIsTheNodes) {
  for (const char* cgroup :
       {"0::/user.slice/user-1000.slice/session-3.scope\n",
        "5:freezer:/\n0::/user.slice/user-1000.slice/user@1000.service/app.slice\n"}) {
    for (const char* name : {"containerd", "containerd-shim", "runc", "kubelet"}) {
      SCOPED_TRACE(absl::StrCat(name, " in ", cgroup));
      Add({.pid = 99, .comm = name, .cgroup = cgroup});
      EXPECT_EQ(DoubtOf(99), "it is in a user's session");
      EXPECT_NE(Of(99, 0, true).role, Role::kOther);
    }
  }
  tree_.Link("proc/99/exe", "/usr/local/bin/kubelet");
  EXPECT_EQ(Of(99).role, Role::kKubelet);
}

// A user's own systemd has cgroups that the user makes and names.
TEST_F(ProcessIdentityTest, AUsersCgroupIsOfNoContainer) {
  const std::string path = absl::StrCat(
      "/user.slice/user-1000.slice/user@1000.service/cri-containerd-", kContainer, ".scope");
  const HostTree proc(tree_.paths().procfs);
  EXPECT_EQ(ProcessIdentifier(proc, false, stats_).ContainerOf(path), "");
  EXPECT_EQ(ProcessIdentifier(proc, true, stats_).ContainerOf(path), kContainer);
  const std::string below = absl::StrCat("/kubepods/", kContainer, "/user.slice/", kOther);
  EXPECT_EQ(ProcessIdentifier(proc, false, stats_).ContainerOf(below), kContainer);
  // Who names one so is still in doubt.
  Add({.pid = 99, .comm = "conmon", .cgroup = absl::StrCat("0::", path, "\n")});
  EXPECT_EQ(DoubtOf(99), "it is in the cgroup of container ccccccccccccc");
}

// A unit with Delegate=yes and User=: its user makes and names cgroups below it.
TEST_F(ProcessIdentityTest, WhatAUnitsUserNamesIsOfNoContainerAndOfNoUnit) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const std::string unit = "/machine.slice/ci.scope";
  const std::string path = absl::StrCat(unit, "/cri-containerd-", kContainer, ".scope");
  const std::string service = absl::StrCat(unit, "/kubelet.service");
  tree_.Write(absl::StrCat("cgroup", path, "/cgroup.events"), "frozen 1\n");
  tree_.Write(absl::StrCat("cgroup", service, "/cgroup.events"), "frozen 0\n");
  const HostTree proc(tree_.paths().procfs);
  {
    ProcessIdentifier as_roots(proc, false, stats_);
    as_roots.SetCgroupTree(tree_.paths().cgroupfs);
    EXPECT_EQ(as_roots.ContainerOf(path), kContainer);
    EXPECT_EQ(as_roots.UnitOf(absl::StrCat("0::", service, "\n")), "kubelet");
  }
  tree_.Own("cgroup" + unit, 1000);
  ProcessIdentifier identifier(proc, false, stats_);
  identifier.SetCgroupTree(tree_.paths().cgroupfs);
  EXPECT_EQ(identifier.ContainerOf(path), "");
  EXPECT_TRUE(identifier.IsOfUser(path));
  EXPECT_FALSE(identifier.IsOfUser(unit));
  EXPECT_EQ(identifier.UnitOf(absl::StrCat("0::", service, "\n")), "");
  // Without root on the node all of it is the user's.
  ProcessIdentifier rootless(proc, true, stats_);
  rootless.SetCgroupTree(tree_.paths().cgroupfs);
  EXPECT_EQ(rootless.ContainerOf(path), kContainer);
}

// A container of a user namespace has its cgroup for its own, and root has named it.
TEST_F(ProcessIdentityTest, AContainersOwnCgroupNamesIt) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const std::string path = absl::StrCat("/kubepods.slice/cri-containerd-", kContainer, ".scope");
  tree_.Write(absl::StrCat("cgroup", path, "/cgroup.events"), "frozen 0\n");
  tree_.Own("cgroup" + path, 65536);
  const HostTree proc(tree_.paths().procfs);
  ProcessIdentifier identifier(proc, false, stats_);
  identifier.SetCgroupTree(tree_.paths().cgroupfs);
  for (const std::string& group : {path, absl::StrCat(path, "/user.slice/", kOther)}) {
    EXPECT_EQ(identifier.ContainerOf(group), kContainer);
    EXPECT_FALSE(identifier.IsOfUser(group));
  }
}

TEST_F(ProcessIdentityTest, WhatARuntimeOrAShimStartsIsProvenByThat) {
  Add({.pid = 99, .parent = 50, .comm = "calico"});
  EXPECT_EQ(Of(99).role, Role::kCniPlugin);
  Add({.pid = 99, .parent = 50, .comm = "unpigz"});
  EXPECT_EQ(Of(99).role, Role::kOther);
  Add({.pid = 99, .parent = 50, .comm = "calico", .uids = "7\t7\t7\t7"});
  EXPECT_EQ(Of(99).role, Role::kOther);
  Add({.pid = 99, .parent = 60, .comm = "slow-wrapper"});
  EXPECT_EQ(Of(99).role, Role::kOciRuntime);
  Add({.pid = 99, .parent = 60, .comm = "slow-wrapper", .cgroup = Cgroup(kContainer)});
  EXPECT_EQ(Of(99).role, Role::kOther);
  EXPECT_EQ(Of(99).doubt, "");
  // Of one that is not proven neither.
  Add({.pid = 80, .comm = "containerd", .uids = "7\t7\t7\t7"});
  Add({.pid = 99, .parent = 80, .comm = "calico"});
  EXPECT_EQ(Of(99).role, Role::kOther);
}

TEST_F(ProcessIdentityTest, AFirstProcessToBeHasAnOciRuntimeForItsParent) {
  const std::string cgroup = Cgroup(kContainer);
  const char* mapped = "100000\t100000\t100000\t100000";
  Add({.pid = 71, .parent = 70, .comm = "runc:[0:PARENT]", .cgroup = cgroup});
  Add({.pid = 72, .parent = 71, .comm = "runc:[1:CHILD]", .cgroup = cgroup, .uids = mapped});
  Add({.pid = 73, .parent = 72, .comm = "runc:[2:INIT]", .cgroup = cgroup, .uids = mapped});
  for (const int pid : {71, 72, 73}) EXPECT_EQ(Of(pid).role, Role::kOciRuntime) << pid;
  EXPECT_FALSE(Of(73).of_root);
  // The container's own first process, its child, and a deep line of them.
  Add({.pid = 81, .parent = 60, .comm = "runc:[2:INIT]", .cgroup = cgroup});
  Add({.pid = 82, .parent = 81, .comm = "runc:[1:CHILD]", .cgroup = cgroup});
  for (const int pid : {81, 82}) EXPECT_EQ(DoubtOf(pid), "no OCI runtime is its parent") << pid;
  for (int pid = 1000; pid < 50'000; ++pid) {
    stats_[pid] = {.pid = pid, .comm = "runc:[2:INIT]", .parent = pid - 1};
  }
  EXPECT_EQ(DoubtOf(49'999), "no OCI runtime is its parent");
  // They have taken each other's pids since.
  stats_[90] = {.pid = 90, .comm = "runc:[2:INIT]", .parent = 91};
  stats_[91] = {.pid = 91, .comm = "runc:[2:INIT]", .parent = 90};
  EXPECT_EQ(DoubtOf(90), "no OCI runtime is its parent");
}

TEST_F(ProcessIdentityTest, TheMessageBusIsTheOneOfItsUnit) {
  const char* uids = "104\t104\t104\t104";
  const auto of = [&](const std::string& cgroup) {
    Add({.pid = 99, .comm = "dbus-daemon", .cgroup = cgroup, .uids = uids});
    return Of(99).role;
  };
  EXPECT_EQ(of("0::/system.slice/dbus.service\n"), Role::kMessageBus);
  EXPECT_EQ(of("0::/../../system.slice/dbus.service\n"), Role::kMessageBus);
  EXPECT_EQ(of("0::/system.slice/dbus-broker.service\n"), Role::kMessageBus);
  EXPECT_EQ(of("5:freezer:/\n1:name=systemd:/system.slice/dbus.service\n"), Role::kMessageBus);
  EXPECT_EQ(of("0::/user.slice/user-1000.slice/user@1000.service/app.slice/dbus.service\n"),
            Role::kOther);
  EXPECT_EQ(of("0::/\n"), Role::kOther);
  // Of a container's own systemd, or made by hand.
  EXPECT_EQ(of("0::/lxc.payload.tenant/system.slice/dbus.service\n"), Role::kOther);
  EXPECT_EQ(of("0::/../lxc.payload.tenant/system.slice/dbus.service\n"), Role::kOther);
  EXPECT_EQ(of("0::/system.slice/ci.service/system.slice/dbus.service\n"), Role::kOther);
  // The node is a container, and plegd in it.
  const std::string node = absl::StrCat("0::/docker/", kNode, "/system.slice");
  EXPECT_EQ(of(node + "/dbus.service\n"), Role::kOther);
  tree_.Write("proc/self/cgroup", node + "/plegd.service\n");
  EXPECT_EQ(of(node + "/dbus.service\n"), Role::kMessageBus);
}

TEST_F(ProcessIdentityTest, TheMessageBusIsTheMainProcessOfItsUnitAndInNoPidNamespace) {
  FixtureTree::Process bus = {.pid = 99,
                              .comm = "dbus-daemon",
                              .cgroup = "0::/system.slice/dbus.service\n",
                              .uids = "65534\t65534\t65534\t65534",
                              .pids = "99\t1"};
  Add(bus);
  EXPECT_EQ(DoubtOf(99), "it is in a PID namespace of its own");
  bus.pids = "";
  bus.parent = 62;
  Add(bus);
  EXPECT_EQ(DoubtOf(99), "it is not the main process of the message bus");
  Add({.pid = 98, .comm = "dbus-broker-lau", .cgroup = bus.cgroup});
  bus.parent = 98;
  bus.comm = "dbus-broker";
  Add(bus);
  EXPECT_EQ(Of(99).role, Role::kMessageBus);
  tree_.Remove("proc/99/status");
  EXPECT_EQ(DoubtOf(99), "its PID namespace cannot be read");
}

TEST_F(ProcessIdentityTest, InAUserNamespaceOfItsOwnNothingIsProvenUnlessThatIsTheNodes) {
  EXPECT_EQ(Of(60).role, Role::kShim);
  tree_.Write("proc/self/uid_map", "         0          0 4294967295\n");
  EXPECT_EQ(Of(60).role, Role::kShim);
  tree_.Write("proc/self/uid_map", "         0     100000      65536\n");
  EXPECT_EQ(DoubtOf(60), "plegd is in a user namespace of its own");
  EXPECT_EQ(Of(60, 0, true).role, Role::kShim);
  const std::string own = absl::StrCat(geteuid());
  Add({.pid = 99, .comm = "kubelet", .uids = absl::StrCat(own, "\t", own, "\t", own, "\t", own)});
  EXPECT_EQ(Of(99, 0, true).role, Role::kKubelet);
  Add({.pid = 99, .comm = "kubelet", .uids = "65534\t65534\t65534\t65534"});
  EXPECT_EQ(Of(99, 0, true).role, Role::kOther);
  Add({.pid = 99, .comm = "kubelet", .cgroup = Cgroup(kContainer)});
  EXPECT_EQ(Of(99, 0, true).role, Role::kOther);
}

TEST_F(ProcessIdentityTest, WhoListensIsTheRuntimeWhoeverOwnsIt) {
  Add({.pid = 99, .comm = "dockerd", .cgroup = Cgroup(kContainer), .uids = "7\t7\t7\t7"});
  EXPECT_EQ(Of(99).role, Role::kOther);
  EXPECT_EQ(Of(99, 99).role, Role::kRuntime);
  EXPECT_FALSE(Of(99, 99).of_root);
}

TEST_F(ProcessIdentityTest, WhatChangesWhileItIsLookedAtIsNotProven) {
  stats_[60].start_ticks -= 1;
  EXPECT_EQ(DoubtOf(60), "it has changed while it was looked at");
  stats_[50].comm = "crio";
  EXPECT_EQ(DoubtOf(50), "it has changed while it was looked at");
}

}  // namespace
}  // namespace runtime::host
