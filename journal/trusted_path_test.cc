#include "journal/trusted_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace journal {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr uid_t kSomebody = 65532;

class TrustedPathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(dir_);
    fs::create_directories(dir_ + "/logs/deep");
  }
  void TearDown() override { fs::remove_all(dir_); }

  // Whether the walk ends in this directory.
  static bool Leads(const std::string& path, const std::string& directory) {
    const absl::StatusOr<TrustedPath> found = FindTrusted(path);
    struct stat here {};
    struct stat there {};
    return found.ok() && fstat(found->directory.get(), &here) == 0 &&
           stat(directory.c_str(), &there) == 0 && here.st_ino == there.st_ino &&
           here.st_dev == there.st_dev;
  }
  static void ExpectRefused(const std::string& path, const std::string& component) {
    const absl::Status status = FindTrusted(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("\"" + component + "\" on the way to it belongs to user 65532"));
  }
  static void GiveAway(const std::string& path) {
    ASSERT_EQ(lchown(path.c_str(), kSomebody, kSomebody), 0);
  }

  const std::string dir_ = ::testing::TempDir() + "/trusted." + std::to_string(getpid());
};

TEST_F(TrustedPathTest, LeadsWhereTheKernelWouldGo) {
  const std::string deep = dir_ + "/logs/deep";
  fs::create_symlink("logs", dir_ + "/relative");
  fs::create_symlink(deep, dir_ + "/absolute");
  fs::create_symlink("relative/deep/", dir_ + "/chain");
  EXPECT_TRUE(Leads(deep + "/events", deep));
  EXPECT_TRUE(Leads(dir_ + "//logs/./deep/../deep/events", deep));
  EXPECT_TRUE(Leads(dir_ + "/relative/deep/events", deep));
  EXPECT_TRUE(Leads(dir_ + "/absolute/events", deep));
  EXPECT_TRUE(Leads(dir_ + "/chain/../deep/events", deep));
  EXPECT_TRUE(Leads("events", "."));
  EXPECT_TRUE(Leads("/events", "/"));
  EXPECT_EQ(FindTrusted(deep + "/events")->name, "events");
}

TEST_F(TrustedPathTest, WhatNamesNoFileIsRefused) {
  for (const char* path : {"", "/", ".", "..", "/var/log/", "logs/.."}) {
    EXPECT_EQ(FindTrusted(path).status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

TEST_F(TrustedPathTest, LoopsAndFilesOnTheWayAreErrors) {
  fs::create_symlink("loop", dir_ + "/loop");
  EXPECT_THAT(std::string(FindTrusted(dir_ + "/loop/events").status().message()),
              HasSubstr("Too many levels of symbolic links"));
  close(open((dir_ + "/file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_THAT(std::string(FindTrusted(dir_ + "/file/events").status().message()),
              HasSubstr("Not a directory"));
  EXPECT_EQ(FindTrusted(dir_ + "/none/events").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TrustedPathTest, NobodyElseOwnsAnythingOnTheWay) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string deep = dir_ + "/logs/deep";
  // The link leads to a directory of root's; who owns the link chose that.
  fs::create_symlink(deep, dir_ + "/theirs");
  GiveAway(dir_ + "/theirs");
  ExpectRefused(dir_ + "/theirs/events", "theirs");
  // Behind a link of root's, too.
  fs::create_symlink(dir_ + "/theirs", dir_ + "/ours");
  ExpectRefused(dir_ + "/ours/events", "theirs");
  GiveAway(dir_ + "/logs");
  ExpectRefused(deep + "/events", "logs");
  // Everybody may write into a directory of root's: what they put there is still theirs.
  fs::permissions(dir_, fs::perms::all);
  EXPECT_TRUE(Leads(dir_ + "/events", dir_));
}

}  // namespace
}  // namespace journal
