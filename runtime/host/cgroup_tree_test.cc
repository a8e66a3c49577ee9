#include "runtime/host/cgroup_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kContainer(64, 'c');

bool None(absl::string_view) { return false; }

TEST(CgroupTreeTest, FindsThemInVersion2) {
  const FixtureTree tree;
  const std::string frozen =
      absl::StrCat("cgroup/kubepods.slice/pod1.slice/cri-containerd-", kContainer, ".scope");
  tree.Write(frozen + "/cgroup.events", "populated 1\nfrozen 1\n");
  tree.Write(frozen + "/below/cgroup.events", "populated 1\nfrozen 1\n");
  tree.Write("cgroup/system.slice/cgroup.events", "populated 1\nfrozen 0\n");
  std::vector<std::string> problems;
  const auto found =
      ReadCgroupTree(tree.paths().cgroupfs, &ContainerOfCgroup, &None, problems).frozen;
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].container, kContainer);
  // Where an operator finds it, wherever it was read.
  EXPECT_EQ(found[0].path, absl::StrCat("/sys/fs/cgroup/kubepods.slice/pod1.slice/cri-containerd-",
                                        kContainer, ".scope"));
  EXPECT_THAT(problems, IsEmpty());
}

TEST(CgroupTreeTest, FindsThemInVersion1AndInAHybrid) {
  const FixtureTree tree;
  tree.Write("cgroup/unified/cgroup.events", "frozen 0\n");
  tree.Write(absl::StrCat("cgroup/freezer/kubepods/pod1/", kContainer, "/freezer.state"),
             "FREEZING\n");
  tree.Write("cgroup/freezer/kubepods/pod1/freezer.state", "THAWED\n");
  std::vector<std::string> problems;
  const auto found =
      ReadCgroupTree(tree.paths().cgroupfs, &ContainerOfCgroup, &None, problems).frozen;
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].container, kContainer);
  EXPECT_EQ(found[0].path, absl::StrCat("/sys/fs/cgroup/freezer/kubepods/pod1/", kContainer));
}

TEST(CgroupTreeTest, ATreeThatIsNotThereIsAProblem) {
  std::vector<std::string> problems;
  EXPECT_THAT(ReadCgroupTree("/nonexistent", &ContainerOfCgroup, &None, problems).frozen,
              IsEmpty());
  EXPECT_THAT(problems, ElementsAre(HasSubstr("/nonexistent")));
}

}  // namespace
}  // namespace runtime::host
