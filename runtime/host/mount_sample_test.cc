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

}  // namespace
}  // namespace runtime::host
