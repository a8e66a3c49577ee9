#include "runtime/host/local_path.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

class LocalPathTest : public testing::Test {
 protected:
  LocalPathTest() {
    tree_.Write("disk/containerd/file", "");
    tree_.Write("nfs/containerd/file", "");
    mounts_ = {{.mount_point = "/", .fs_type = "ext4", .source = "sda1"},
               {.mount_point = tree_.Path("disk"), .fs_type = "xfs", .source = "sda2"},
               {.mount_point = tree_.Path("nfs"), .fs_type = "nfs4", .source = "filer:/x"},
               {.mount_point = tree_.Path("fuse"), .fs_type = "fuse.s3fs", .source = "s3fs"}};
  }
  // Where the path leads: what it is mounted from, and whether it was opened.
  std::string Find(const std::string& path) const {
    const LocalPath place = FindLocally(path, mounts_);
    return absl::StrCat(place.mount == nullptr ? "none" : place.mount->source,
                        place.directory.ok() ? " opened" : "");
  }

  const FixtureTree tree_;
  std::vector<Mount> mounts_;
};

TEST_F(LocalPathTest, FollowsLinksToWhereTheFilesAre) {
  EXPECT_EQ(Find(tree_.Path("disk/containerd")), "sda2 opened");
  tree_.Link("var/absolute", tree_.Path("disk/containerd"));
  tree_.Link("var/relative", "../var/./absolute");
  EXPECT_EQ(Find(tree_.Path("var/absolute")), "sda2 opened");
  EXPECT_EQ(Find(tree_.Path("var/relative")), "sda2 opened");
  EXPECT_EQ(Find("/"), "sda1 opened");
}

TEST_F(LocalPathTest, StopsBeforeWhatOthersServe) {
  tree_.Link("var/nfs", tree_.Path("nfs/containerd"));
  tree_.Link("var/fuse", "../fuse/containerd");
  EXPECT_EQ(Find(tree_.Path("nfs/containerd")), "filer:/x");
  EXPECT_EQ(Find(tree_.Path("var/nfs")), "filer:/x");
  EXPECT_EQ(Find(tree_.Path("var/fuse")), "s3fs");
  // Back out of it again: it would have to be entered all the same.
  tree_.Link("var/back", "../nfs/../disk");
  EXPECT_EQ(Find(tree_.Path("var/back")), "filer:/x");
}

TEST_F(LocalPathTest, OpensDirectoriesAlone) {
  EXPECT_EQ(Find(tree_.Path("disk/containerd/file")), "sda2");
  EXPECT_EQ(Find(tree_.Path("disk/gone/deeper")), "sda2");
  EXPECT_EQ(Find("relative"), "none");
  tree_.Link("loop", tree_.Path("loop"));
  EXPECT_EQ(Find(tree_.Path("loop")), "sda1");
  const std::string fifo = tree_.Path("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(Find(fifo), "sda1");
}

}  // namespace
}  // namespace runtime::host
