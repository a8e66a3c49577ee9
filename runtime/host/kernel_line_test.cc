#include "runtime/host/kernel_line.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace runtime::host {
namespace {

constexpr absl::string_view kTelling[] = {
    "INFO: task runc:4711 blocked for more than 120 seconds.",
    "INFO: task a name: of 15:4711 blocked for more than 120 seconds.",
    R"(INFO: task \xe2\x82\xac:4711 blocked for more than 120 seconds.)",
    "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [runc:9]",
    "NMI watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [runc:9]",
    "watchdog: Watchdog detected hard LOCKUP on cpu 3",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:",
    "INFO: rcu_sched self-detected stall on CPU",
    "Out of memory: Killed process 71 (java) total-vm:1kB",
    "nfs: server filer not responding, still trying",
    "nfs: server filer.example.com not responding, timed out",
    R"(CIFS: VFS: \x5c\x5cfiler has not responded in 180 seconds. Reconnecting...)",
    "I/O error, dev sda, sector 2048 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2",
    "critical medium error, dev sda, sector 2048 op 0x0:(READ)",
    "blk_update_request: I/O error, dev sda, sector 2048",
    "print_req_error: I/O error, dev sda, sector 2048",
    "Buffer I/O error on dev dm-0, logical block 5, lost async page write",
    "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2",
    "EXT4-fs (sda1): Remounting filesystem read-only",
    "EXT4-fs warning (device dm-0): ext4_end_bio:344: I/O error 10 writing to inode 12",
    "Aborting journal on device sda1-8.",
    "JBD2: I/O error when updating journal superblock for sda1-8.",
    R"(XFS (sda1): metadata I/O error in "xfs_buf_ioend+0x1" at daddr 0x1 len 8 error 5)",
    "XFS (dm-0): log I/O error -5",
};

TEST(KernelLineTest, WhatTheKernelSaysOfWhatHangsAndFails) {
  for (const absl::string_view line : kTelling) {
    EXPECT_TRUE(KindOfKernelLine(line).has_value()) << line;
  }
  EXPECT_EQ(KindOfKernelLine(kTelling[0]), KernelLineKind::kHungTask);
  EXPECT_EQ(KindOfKernelLine("XFS (sda1): log I/O error -5"), KernelLineKind::kStorage);
}

TEST(KernelLineTest, EverydayLinesTellNothing) {
  for (const absl::string_view line :
       {"eth0: link becomes ready", "XFS (sda1): Mounting V5 Filesystem", "nfs: server filer OK",
        "Memory cgroup out of memory: Killed process 71 (java) total-vm:1kB", "",
        "EXT4-fs (sda1): mounted filesystem with ordered data mode"}) {
    EXPECT_FALSE(KindOfKernelLine(line).has_value()) << line;
  }
}

// Lines that anybody can bring about and that begin with, or quote, a name of 15 bytes.
std::vector<std::string> LinesWith(absl::string_view name) {
  return {
      absl::StrCat(name, "[71]: segfault at 0 ip 0000000000000000 sp 0000000000000000 error 4 in ",
                   " not responding, : I/O error, sector 7 blocked for more than [400000+1000]"),
      absl::StrCat(name, "[71]: unhandled signal 11 code 0x1 at 0x0"),
      absl::StrCat(name, "[71] bad frame in rt_sigreturn frame:00007ffe ip:1 sp:2 orax:3 in sh"),
      absl::StrCat(name, " invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0"),
      absl::StrCat(name, ": page allocation failure: order:0, mode:0xcc0(GFP_KERNEL)"),
      absl::StrCat(name, " (71) used greatest stack depth: 12 bytes left"),
      absl::StrCat("traps: ", name, "[71] general protection fault"),
      absl::StrCat("warning: process `", name, "' used the deprecated sysctl system call"),
      absl::StrCat("netlink: 2 bytes leftover after parsing attributes in process `", name, "'."),
      absl::StrCat("CPU: 1 PID: 71 Comm: ", name, " Not tainted 6.1.0 #1"),
      absl::StrCat("[     71]     0    71      540        5    45056        0             0 ",
                   name),
      absl::StrCat("oom-kill:constraint=CONSTRAINT_MEMCG,task_memcg=/a,task=", name,
                   ",pid=71,uid=0"),
      absl::StrCat("Memory cgroup out of memory: Killed process 71 (", name, ") total-vm:1kB"),
      absl::StrCat("audit: type=1326 pid=71 comm=\"", name, "\" sig=31"),
  };
}

TEST(KernelLineTest, NoNameOfAProcessMakesALineTell) {
  std::vector<std::string> names = {"I/O error",      "I/O error, dev",  "I/O error, dev ",
                                    "soft lockup",    "not responding",  "EXT4-fs error",
                                    "INFO: task a:1", "INFO: task a:1 ", "nfs: server a "};
  for (const absl::string_view line : kTelling) names.emplace_back(line.substr(0, 15));
  for (const std::string& name : names) {
    for (const std::string& line : LinesWith(name)) {
      EXPECT_FALSE(KindOfKernelLine(line).has_value()) << line;
      EXPECT_FALSE(KilledInItsLimit(line).has_value()) << line;
      EXPECT_FALSE(ServiceInItsLimit(line).has_value()) << line;
    }
  }
}

TEST(KernelLineTest, AKillWithinALimitHitsWhatRunsPodsByItsName) {
  constexpr absl::string_view kKill = "Memory cgroup out of memory: Killed process 71 (";
  EXPECT_EQ(KilledInItsLimit(absl::StrCat(kKill, "containerd) total-vm:1kB")), 71);
  EXPECT_EQ(KilledInItsLimit(absl::StrCat(kKill, "kubelet) total-vm:1kB")), 71);
  EXPECT_EQ(KilledInItsLimit(absl::StrCat(kKill, "(kubelet) total-vm:1kB")), std::nullopt);
  EXPECT_EQ(KilledInItsLimit(absl::StrCat(kKill, "java) total-vm:1kB")), std::nullopt);
  EXPECT_EQ(KilledInItsLimit("Memory cgroup out of memory: Killed process"), std::nullopt);
}

std::string LimitOf(absl::string_view group, absl::string_view task, int uid) {
  return absl::StrCat("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,",
                      "mems_allowed=0,oom_memcg=", group, ",task_memcg=", group, ",task=", task,
                      ",pid=71,uid=", uid);
}

TEST(KernelLineTest, TheServicesOfTheNodeAreRootsAndInItsSlices) {
  EXPECT_EQ(ServiceInItsLimit(LimitOf("/system.slice/containerd.service", "containerd", 0)), 71);
  EXPECT_EQ(ServiceInItsLimit(LimitOf("/kube.slice/kube-node.slice/kubelet.service", "kubelet", 0)),
            71);
  EXPECT_EQ(ServiceInItsLimit(LimitOf("/system.slice/containerd.service", "kubelet", 65534)),
            std::nullopt);
  EXPECT_EQ(ServiceInItsLimit(LimitOf("/system.slice/x.service", "a,pid=9,uid=0", 65534)),
            std::nullopt);
  const std::string id(64, 'c');
  for (const std::string& group :
       {std::string("/user.slice/adv"), std::string("/user.slice/user-0.slice/a.service"),
        std::string("/lxc.payload.tenant/system.slice/containerd.service"),
        std::string("/machine.slice/x.scope/system.slice/containerd.service"), std::string("/"),
        absl::StrCat("/kubepods.slice/cri-containerd-", id, ".scope/kubelet.service"),
        // A group's name may read like more of the line.
        std::string("/lxc/a,task_memcg=/system.slice/containerd.service")}) {
    EXPECT_EQ(ServiceInItsLimit(LimitOf(group, "kubelet", 0)), std::nullopt) << group;
  }
}

}  // namespace
}  // namespace runtime::host
