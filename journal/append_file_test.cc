#include "journal/append_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace journal {
namespace {

class AppendFileTest : public ::testing::Test {
 protected:
  void SetUp() override { unlink(path_.c_str()); }
  void TearDown() override { unlink(path_.c_str()); }
  std::string Content() const {
    std::ifstream in(path_);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  const std::string path_ = ::testing::TempDir() + "/append_file_test." + std::to_string(getpid());
};

TEST_F(AppendFileTest, CreatesForOwnerAndGroup) {
  const mode_t before = umask(0);
  auto file = OpenAppend(path_);
  umask(before);
  ASSERT_TRUE(file.ok()) << file.status();
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
  EXPECT_FALSE((*file)->EndsMidLine());
}

TEST_F(AppendFileTest, Appends) {
  std::ofstream(path_) << "before\n";
  auto file = OpenAppend(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_FALSE((*file)->EndsMidLine());
  EXPECT_EQ(*(*file)->Write("after\n"), 6u);
  // Somebody else's truncation moves our end, too.
  ASSERT_EQ(truncate(path_.c_str(), 0), 0);
  EXPECT_EQ(*(*file)->Write("again\n"), 6u);
  EXPECT_EQ(Content(), "again\n");
}

TEST_F(AppendFileTest, SeesAnUnfinishedLine) {
  std::ofstream(path_) << "whole\ntorn";
  auto file = OpenAppend(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE((*file)->EndsMidLine());
}

TEST_F(AppendFileTest, IsNotInherited) {
  auto file = OpenAppend(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  const int next = open("/dev/null", O_RDONLY);
  EXPECT_TRUE(fcntl(next - 1, F_GETFD) & FD_CLOEXEC);
  close(next);
}

TEST_F(AppendFileTest, ErrorsNameThePathAndTheCause) {
  auto file = OpenAppend("/nonexistent/dir/events.jsonl");
  EXPECT_EQ(file.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(file.status().message()),
              ::testing::AllOf(::testing::HasSubstr("/nonexistent/dir/events.jsonl"),
                               ::testing::HasSubstr("No such file")));
}

TEST_F(AppendFileTest, AFullDeviceIsResourceExhausted) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full";
  auto file = OpenAppend("/dev/full");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->Write("x").status().code(), absl::StatusCode::kResourceExhausted);
}

// A limit of the file's size cuts a write off in the same way, and needs no disk of its own.
class SizeLimit {
 public:
  explicit SizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  SizeLimit(const SizeLimit&) = delete;
  SizeLimit& operator=(const SizeLimit&) = delete;

 private:
  rlimit before_{};
};

TEST_F(AppendFileTest, AWriteThatFallsShortLeavesWholeLines) {
  auto file = OpenAppend(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  {
    const SizeLimit limit(10);
    const auto kept = (*file)->Write("one\ntwo\nthree\n");
    ASSERT_TRUE(kept.ok()) << kept.status();
    EXPECT_EQ(*kept, 8U);
    EXPECT_EQ(Content(), "one\ntwo\n");
    EXPECT_EQ((*file)->Write("three\n").status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(Content(), "one\ntwo\n");
  }
  EXPECT_TRUE((*file)->Write("three\n").ok());
  EXPECT_EQ(Content(), "one\ntwo\nthree\n");
}

TEST_F(AppendFileTest, ASymbolicLinkIsNotFollowed) {
  const std::string target = path_ + ".target";
  for (const bool there : {true, false}) {
    if (there) std::ofstream(target) << "precious\n";
    ASSERT_EQ(symlink(target.c_str(), path_.c_str()), 0);
    const absl::Status status = OpenAppend(path_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(status.message(), "cannot open " + path_ +
                                    ": it is a symbolic link, which is not followed (standard "
                                    "output is \"-\")");
    unlink(path_.c_str());
    if (!there) EXPECT_NE(access(target.c_str(), F_OK), 0) << "created through the link";
    unlink(target.c_str());
  }
}

TEST_F(AppendFileTest, AFileOfSomebodyElseIsNotWritten) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  std::ofstream(path_) << "theirs\n";
  ASSERT_EQ(chown(path_.c_str(), 65532, 65532), 0);
  const absl::Status status = OpenAppend(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "cannot open " + path_ +
                                  ": it belongs to user 65532, neither to root nor to plegd's own "
                                  "user, 0");
}

TEST_F(AppendFileTest, KnowsWhereItsFileIs) {
  auto file = OpenAppend(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->Locate(), AppendFile::Place::kAtItsPath);
  const std::string moved = path_ + ".moved";
  ASSERT_EQ(rename(path_.c_str(), moved.c_str()), 0);
  EXPECT_EQ((*file)->Locate(), AppendFile::Place::kMoved);
  std::ofstream(path_) << "another\n";
  EXPECT_EQ((*file)->Locate(), AppendFile::Place::kMoved);
  unlink(path_.c_str());
  ASSERT_EQ(symlink(moved.c_str(), path_.c_str()), 0);
  EXPECT_EQ((*file)->Locate(), AppendFile::Place::kMoved) << "a link to it is not it";
  unlink(moved.c_str());
  EXPECT_EQ((*file)->Locate(), AppendFile::Place::kDeleted);
}

TEST_F(AppendFileTest, OnlyARegularFileCanBeBounded) {
  const absl::Status status = OpenAppend("/dev/null", {.max_bytes = kLeastMaxBytes}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "cannot limit the size of /dev/null: it is no regular file");
}

// No file can be opened while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none = {0, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST_F(AppendFileTest, AFullFileWithoutASuccessorIsToBeOpenedAnew) {
  auto file = OpenAppend(path_, {.max_bytes = 8});
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Write("one\n").ok());
  {
    const NoDescriptors none;
    EXPECT_FALSE((*file)->Write("two\n").ok());
  }
  EXPECT_EQ((*file)->Locate(), AppendFile::Place::kMoved);
  auto next = OpenAppend(path_, {.max_bytes = 8});
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_TRUE((*next)->Write("two\n").ok());
  EXPECT_EQ(Content(), "two\n");
  unlink((path_ + ".old").c_str());
}

TEST_F(AppendFileTest, AReaderThatWentAwayIsAnError) {
  signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  auto file = BorrowDescriptor(ends[1], "pipe");
  EXPECT_FALSE(file->Write("x").ok());
  file.reset();
  EXPECT_EQ(fcntl(ends[1], F_GETFD), 0) << "a borrowed descriptor stays open";
  close(ends[1]);
}

}  // namespace
}  // namespace journal
