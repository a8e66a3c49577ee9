#include "journal/newest_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"

namespace journal {
namespace {

namespace fs = std::filesystem;

class NewestLinesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(dir_);
    directory_ = open(dir_.c_str(), O_PATH | O_CLOEXEC);
  }
  void TearDown() override {
    close(directory_);
    fs::remove_all(dir_);
  }
  std::string Cut(const std::string& content, uint64_t limit) {
    std::ofstream(dir_ + "/log") << content;
    const absl::Status status = KeepNewestLines(directory_, "log", limit);
    EXPECT_TRUE(status.ok()) << status;
    std::ifstream in(dir_ + "/log");
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  const std::string dir_ = ::testing::TempDir() + "/newest." + std::to_string(getpid());
  int directory_ = -1;
};

TEST_F(NewestLinesTest, KeepsTheWholeLinesThatFit) {
  EXPECT_EQ(Cut("one\ntwo\nthree\n", 14), "one\ntwo\nthree\n");
  EXPECT_EQ(Cut("one\ntwo\nthree\n", 13), "two\nthree\n");
  EXPECT_EQ(Cut("one\ntwo\nthree\n", 10), "two\nthree\n") << "a line that begins at the limit";
  EXPECT_EQ(Cut("one\ntwo\nthree\n", 9), "three\n");
  EXPECT_EQ(Cut("one\ntwo\nthree\n", 5), "");
  EXPECT_EQ(Cut("one\ntwo\ntor", 8), "two\ntor") << "what is torn stays torn";
}

TEST_F(NewestLinesTest, EachLimitOfALargeFile) {
  std::string content;
  for (int i = 0; i < 20000; ++i) content += "line " + std::to_string(i) + "\n";
  for (const uint64_t limit : {1U, 100U, 65535U, 65536U, 65537U, 140000U}) {
    const std::string kept = Cut(content, limit);
    EXPECT_LE(kept.size(), limit);
    EXPECT_GT(kept.size() + 12, limit) << "one more line would have fitted";
    EXPECT_EQ(kept, content.substr(content.size() - kept.size()));
    EXPECT_EQ(content[content.size() - kept.size() - 1], '\n');
  }
}

TEST_F(NewestLinesTest, KeepsOwnerAndModeAndLeavesNothingBehind) {
  std::ofstream(dir_ + "/log") << "one\ntwo\n";
  std::ofstream(dir_ + "/log.tmp") << "of a plegd that was killed";
  chmod((dir_ + "/log").c_str(), 0604);
  if (geteuid() == 0) ASSERT_EQ(chown((dir_ + "/log").c_str(), 0, 65532), 0);
  ASSERT_TRUE(KeepNewestLines(directory_, "log", 4).ok());
  struct stat info {};
  ASSERT_EQ(stat((dir_ + "/log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0604U);
  if (geteuid() == 0) EXPECT_EQ(info.st_gid, 65532U);
  EXPECT_FALSE(fs::exists(dir_ + "/log.tmp"));
}

// The copy would belong to the caller, and pass for a log of its own with somebody else's lines.
TEST_F(NewestLinesTest, RefusesAFileOfSomebodyElse) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string path = dir_ + "/log";
  std::ofstream(path) << "one\ntwo\n";
  ASSERT_EQ(chown(path.c_str(), 65532, 65532), 0);
  const absl::Status status = KeepNewestLines(directory_, "log", 4);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "cannot shorten log: it belongs to user 65532, neither to root nor to plegd's own "
            "user, 0");
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 65532U);
  EXPECT_EQ(info.st_size, 8);
}

TEST_F(NewestLinesTest, LeavesWhatIsNoRegularFile) {
  std::ofstream(dir_ + "/target") << "one\ntwo\n";
  fs::create_symlink("target", dir_ + "/log");
  ASSERT_TRUE(KeepNewestLines(directory_, "log", 4).ok());
  EXPECT_EQ(fs::file_size(dir_ + "/target"), 8U);
  EXPECT_TRUE(KeepNewestLines(directory_, "none", 4).ok());
}

}  // namespace
}  // namespace journal
