#include "cmd/plegctl/record_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "api/evidence_record.h"

namespace plegctl {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;

class RecordFileTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(dir_); }
  void TearDown() override {
    // Nothing is left behind, whatever happened.
    for (const auto& entry : fs::directory_iterator(dir_)) {
      EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr(".tmp")));
    }
    fs::remove_all(dir_);
  }
  std::string Content() const { return ReadRecord(path_).value_or("unread"); }
  std::string WriteError(const std::string& path) const {
    const absl::Status written = WriteRecord(path, "record\n");
    EXPECT_EQ(CheckRecordPath(path), written);
    return std::string(written.message());
  }

  const std::string dir_ = testing::TempDir() + "/record_file." + std::to_string(getpid());
  const std::string path_ = dir_ + "/record";
};

TEST_F(RecordFileTest, IsForItsOwnerAlone) {
  const mode_t before = umask(0);
  const absl::Status written = WriteRecord(path_, "record\n");
  umask(before);
  ASSERT_TRUE(written.ok()) << written;
  EXPECT_EQ(Content(), "record\n");
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
}

TEST_F(RecordFileTest, TakesThePlaceOfTheOneBefore) {
  std::ofstream(path_) << "before, and longer\n";
  chmod(path_.c_str(), 0666);
  const int reader = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_TRUE(WriteRecord(path_, "record\n").ok());
  EXPECT_EQ(Content(), "record\n");
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  char kept[64] = {};
  EXPECT_EQ(read(reader, kept, sizeof(kept)), 19) << "who reads the old one reads it whole";
  close(reader);
}

TEST_F(RecordFileTest, NothingIsWrittenThroughALink) {
  const std::string target = dir_ + "/target";
  for (const bool there : {true, false}) {
    if (there) std::ofstream(target) << "precious\n";
    fs::create_symlink(target, path_);
    EXPECT_EQ(WriteError(path_),
              "cannot create " + path_ + ": it is a symbolic link, which is not followed");
    EXPECT_TRUE(fs::is_symlink(path_));
    EXPECT_EQ(fs::exists(target), there);
    if (there) EXPECT_EQ(fs::file_size(target), 9U);
    fs::remove(path_);
    fs::remove(target);
  }
}

TEST_F(RecordFileTest, ALookAtThePathChangesNothing) {
  EXPECT_TRUE(CheckRecordPath(path_).ok());
  EXPECT_FALSE(fs::exists(path_));
  std::ofstream(path_) << "before\n";
  EXPECT_TRUE(CheckRecordPath(path_).ok());
  EXPECT_EQ(Content(), "before\n");
  EXPECT_TRUE(CheckRecordPath("-").ok());
}

TEST_F(RecordFileTest, OnlyARegularFileIsReplaced) {
  fs::create_directory(path_);
  EXPECT_EQ(WriteError(path_), "cannot create " + path_ + ": it is a directory");
  fs::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(WriteError(path_),
            "cannot create " + path_ + ": it is no regular file (standard output is \"-\")");
  EXPECT_TRUE(fs::is_fifo(path_));
  EXPECT_THAT(WriteError("/dev/null"), HasSubstr("it is no regular file"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_THAT(WriteError("/nowhere/x"),
              EndsWith("cannot create /nowhere/x: No such file or directory"));
  EXPECT_THAT(WriteError(dir_ + "/"), HasSubstr("cannot create"));
}

TEST_F(RecordFileTest, WhatWasThereStaysWhenTheDiskIsFull) {
  std::ofstream(path_) << "before\n";
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limit = {100, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  const absl::Status failed = WriteRecord(path_, std::string(1000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(std::string(failed.message()),
              HasSubstr("cannot write " + path_ + ": File too large"));
  EXPECT_EQ(Content(), "before\n");
}

TEST_F(RecordFileTest, WhatCannotBeReadIsNamed) {
  EXPECT_THAT(std::string(ReadRecord("/nowhere/x").status().message()),
              HasSubstr("cannot open /nowhere/x"));
  EXPECT_FALSE(ReadRecord("/").ok());
}

TEST_F(RecordFileTest, ADeviceWithoutEndIsTooLarge) {
  const absl::StatusOr<std::string> zeros = ReadRecord("/dev/zero");
  ASSERT_TRUE(zeros.ok());
  EXPECT_GT(zeros->size(), api::kMaxRecordBytes);
  EXPECT_LT(zeros->size(), 2 * api::kMaxRecordBytes);
  EXPECT_EQ(api::ParseEvidence(*zeros).status().message(), "it is larger than 2.0 MiB");
}

}  // namespace
}  // namespace plegctl
