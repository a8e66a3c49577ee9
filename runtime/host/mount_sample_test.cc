#include "runtime/host/mount_sample.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

const std::string kNul(1, '\0');

TEST(MountSampleTest, JudgesTheDiskOfTheRootThatTheRuntimeWasTold) {
  const FixtureTree tree;
  tree.Add({.pid = 1, .parent = 0, .comm = "init"});
  tree.Add({.pid = 50, .comm = "containerd"});
  tree.Write("proc/1/mountinfo",
             "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
             "23 1 8:2 / /data rw - ext4 /dev/sda2 rw\n");
  HostQuestion question;
  question.directories.runtime_roots = {"/nonexistent/a", "/usr", "/nonexistent/b"};
  question.directories.kubelet_roots = {"/nonexistent/a"};
  HostSample sample = TakeHostSample(tree.paths(), question);
  EXPECT_EQ(sample.runtime_root, "/usr");
  EXPECT_EQ(sample.kubelet_root, "/nonexistent/a");
  tree.Write("proc/50/cmdline",
             absl::StrCat("containerd", kNul, "--root", kNul, "/data/ctr", kNul));
  tree.Add(
      {.pid = 51, .comm = "kubelet", .command = absl::StrCat("k", kNul, "--root-dir=/data/k")});
  sample = TakeHostSample(tree.paths(), question);
  EXPECT_EQ(sample.runtime_root, "/data/ctr");
  EXPECT_EQ(sample.runtime_mount->source, "/dev/sda2");
  EXPECT_EQ(sample.kubelet_root, "/data/k");
  // It was told to this process, not to another runtime.
  question.listener = 52;
  tree.Add({.pid = 52, .comm = "containerd"});
  EXPECT_EQ(TakeHostSample(tree.paths(), question).runtime_root, "/usr");
}

TEST(MountSampleTest, TellsTheVolumesOfSilentPodsFirst) {
  const FixtureTree tree;
  tree.Add({.pid = 1, .parent = 0, .comm = "init"});
  std::string mounts;
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&mounts, 100 + i, " 1 0:", 100 + i, " / /mnt/", i, " rw - nfs4 filer:/", i,
                    " rw\n");
  }
  const std::string volume = "/var/lib/kubelet/pods/uid-1/volumes/kubernetes.io~csi/data/mount";
  absl::StrAppend(&mounts, "400 1 0:400 / ", volume, " rw - nfs4 slow:/x rw\n");
  absl::StrAppend(&mounts, "401 1 0:401 / ", volume, "2 rw - fuse.s3fs s3fs rw\n");
  tree.Write("proc/1/mountinfo", mounts);
  HostQuestion question;
  EXPECT_EQ(TakeHostSample(tree.paths(), question).network_mounts.front().source, "filer:/0");
  question.silent_pods = {"uid-1"};
  const HostSample sample = TakeHostSample(tree.paths(), question);
  ASSERT_EQ(sample.network_mounts.size(), 102);
  EXPECT_EQ(sample.network_mounts[0].source, "slow:/x");
  EXPECT_EQ(sample.network_mounts[1].source, "s3fs");
  EXPECT_EQ(sample.fuse_mounts.size(), 1);
}

TEST(MountSampleTest, TellsWhereFuseRequestsWaitAmongHowManyMountsSoever) {
  const FixtureTree tree;
  tree.Add({.pid = 1, .parent = 0, .comm = "init"});
  std::string mounts;
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&mounts, 100 + i, " 1 0:", 100 + i, " / /mnt/", i, " rw - fuse.eve x rw\n");
  }
  absl::StrAppend(&mounts, "400 1 0:400 / /mnt/s3 rw - fuse.s3fs s3fs rw\n");
  absl::StrAppend(&mounts, "401 1 0:401 / /k/pods/uid-1/volumes/s3 rw - fuse.s3fs s3fs rw\n");
  tree.Write("proc/1/mountinfo", mounts);
  tree.Write("sys/fs/fuse/connections/400/waiting", "3\n");
  HostQuestion question;
  question.silent_pods = {"uid-1"};
  const HostSample sample = TakeHostSample(tree.paths(), question);
  ASSERT_EQ(sample.fuse_mounts.size(), 102);
  EXPECT_EQ(sample.fuse_mounts[0].mount_point, "/mnt/s3");
  EXPECT_EQ(sample.fuse_mounts[1].minor, 401);
}

}  // namespace
}  // namespace runtime::host
