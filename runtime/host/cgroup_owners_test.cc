#include "runtime/host/cgroup_owners.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

constexpr char kDelegated[] = "/system.slice/ci.service";
constexpr uid_t kUser = 1000;

TEST(CgroupOwnersTest, BelowAGroupOfAUsersNothingIsNamedByRoot) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  // Version 2; hybrid; version 1, which delegates in systemd's hierarchy alone.
  for (const char* hierarchy : {"", "/unified", "/freezer", "/systemd"}) {
    SCOPED_TRACE(hierarchy);
    const FixtureTree tree;
    const std::string group = absl::StrCat("cgroup", hierarchy, kDelegated);
    tree.Write(group + "/mine/of-root/cgroup.events", "frozen 0\n");
    tree.Write(absl::StrCat("cgroup", hierarchy, "/system.slice/sshd.service/cgroup.events"), "");
    tree.Own(group, kUser);
    tree.Own(group + "/mine", kUser);
    CgroupOwners owners(tree.paths().cgroupfs);
    EXPECT_EQ(owners.NamedByRoot("/system.slice/ci.service/mine/of-root"), kDelegated);
    EXPECT_EQ(owners.NamedByRoot("/system.slice/ci.service/gone"), kDelegated);
    // Its own name is root's, and so is all beside it.
    for (const char* path : {kDelegated, "/system.slice/sshd.service/x", "/", "", "/init.scope"}) {
      EXPECT_EQ(owners.NamedByRoot(path), path);
    }
    // As plegd in a cgroup namespace of its own reads it.
    EXPECT_EQ(owners.NamedByRoot("/../../system.slice/ci.service/mine"),
              "/../../system.slice/ci.service");
  }
}

// The top is a user's to whom a node in a user namespace was delegated: its root.
TEST(CgroupOwnersTest, RootIsWhoHasTheTop) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const FixtureTree tree;
  tree.Write("cgroup/kubepods/pod1/x/cgroup.events", "");
  for (const char* group : {"cgroup", "cgroup/kubepods", "cgroup/kubepods/pod1"}) {
    tree.Own(group, kUser);
  }
  EXPECT_EQ(CgroupOwners(tree.paths().cgroupfs).NamedByRoot("/kubepods/pod1/x"),
            "/kubepods/pod1/x");
}

TEST(CgroupOwnersTest, WithoutATreeNothingIsDoubted) {
  EXPECT_EQ(CgroupOwners("/nonexistent").NamedByRoot("/a/b/c"), "/a/b/c");
}

}  // namespace
}  // namespace runtime::host
