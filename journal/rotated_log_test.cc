// A writer of lines whose file is renamed, deleted, truncated and bounded while it writes, on a
// real disk: no line is lost and none stands in two files.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "journal/append_file.h"
#include "journal/line_writer.h"
#include "journal/testing/manual_clock.h"
#include "pleg/mutex.h"

namespace journal {
namespace {

namespace fs = std::filesystem;

// Thread-safe.
class Lines : public LineSource {
 public:
  void Add(std::string line) {
    pleg::MutexLock lock(mu_);
    lines_.push_back(std::move(line));
  }
  void Fill(std::string& out, size_t max_bytes) override {
    pleg::MutexLock lock(mu_);
    while (!lines_.empty() && out.size() < max_bytes) {
      absl::StrAppend(&out, lines_.front(), "\n");
      lines_.pop_front();
    }
  }
  uint64_t Discard() override {
    pleg::MutexLock lock(mu_);
    return lines_.size();
  }

 private:
  pleg::Mutex mu_;
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

class RotatedLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  void TearDown() override {
    writer_ = nullptr;
    fs::remove_all(dir_);
  }

  void Start(const AppendOptions& options = {}) {
    LineWriterOptions writer{
        .thread_name = "test-writer", .retry_period = absl::Milliseconds(1), .chunk_bytes = 512};
    writer.look_period = absl::Milliseconds(1);
    writer_ = std::make_unique<LineWriter>(writer, clock_, OpenerFor(path_, options), lines_);
    const absl::Status started = writer_->Start(absl::Minutes(1));
    ASSERT_TRUE(started.ok()) << started;
  }
  void Write(const std::string& line) {
    lines_->Add(line);
    written_.push_back(line);
    writer_->Wake();
  }
  void Stop() {
    EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
    EXPECT_EQ(writer_->stats().discarded, 0U);
  }
  static std::string Content(const std::string& path) {
    std::ifstream in(path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  static std::vector<std::string> LinesOf(const std::string& path) {
    std::vector<std::string> lines = absl::StrSplit(Content(path), '\n');
    EXPECT_EQ(lines.back(), "") << path << " ends in the middle of a line";
    lines.pop_back();
    return lines;
  }
  template <typename Condition>
  static void Await(Condition condition) {
    while (!condition()) std::this_thread::yield();
  }

  const std::string dir_ = ::testing::TempDir() + "/rotated." + std::to_string(getpid());
  const std::string path_ = dir_ + "/events.jsonl";
  testing::ManualClock clock_;
  std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
  std::unique_ptr<LineWriter> writer_;
  std::vector<std::string> written_;
};

TEST_F(RotatedLogTest, EveryLineIsInOneOfTheRenamedFiles) {
  Start();
  std::vector<std::string> files;
  for (int i = 0; i < 20000; ++i) {
    Write(absl::StrCat("line ", i));
    if (i % 500 != 499) continue;
    // As soon as it is there: plegd is in the middle of writing.
    files.push_back(absl::StrCat(path_, ".", files.size()));
    Await([&] { return rename(path_.c_str(), files.back().c_str()) == 0; });
  }
  Stop();
  files.push_back(path_);
  std::vector<std::string> found;
  for (const std::string& file : files) {
    if (!fs::exists(file)) continue;  // the last rename came after the last line
    for (const std::string& line : LinesOf(file)) found.push_back(line);
  }
  EXPECT_EQ(found, written_);
}

TEST_F(RotatedLogTest, AFileThatIsGoneComesBackWithoutANewLine) {
  Start();
  Write("before");
  Await([&] { return Content(path_) == "before\n"; });
  fs::remove(path_);
  Await([&] { return fs::exists(path_); });
  Write("after");
  Stop();
  EXPECT_EQ(Content(path_), "after\n");
}

TEST_F(RotatedLogTest, AfterADeletionEveryLineIsInTheNewFile) {
  for (int round = 0; round < 50; ++round) {
    Start();
    Write("before");
    Await([&] { return Content(path_) == "before\n"; });
    std::vector<std::string> after;
    fs::remove(path_);
    for (int i = 0; i < 20; ++i) {
      after.push_back(absl::StrCat("after ", i));
      Write(after.back());
    }
    Stop();
    EXPECT_EQ(LinesOf(path_), after);
    fs::remove(path_);
  }
}

TEST_F(RotatedLogTest, ATruncatedFileGoesOnAtItsBeginning) {
  Start();
  Write("before");
  Await([&] { return Content(path_) == "before\n"; });
  fs::copy_file(path_, path_ + ".1");
  fs::resize_file(path_, 0);
  Write("after");
  Stop();
  EXPECT_EQ(Content(path_ + ".1"), "before\n");
  EXPECT_EQ(Content(path_), "after\n");
}

TEST_F(RotatedLogTest, AnotherFileAtThePathIsAppendedTo) {
  Start();
  Write("before");
  Await([&] { return Content(path_) == "before\n"; });
  std::ofstream(path_ + ".next") << "somebody's torn line";
  fs::rename(path_ + ".next", path_);
  Write("mine");
  Stop();
  EXPECT_EQ(Content(path_), "somebody's torn line\nmine\n");
}

TEST_F(RotatedLogTest, AskedToItOpensTheFileAnew) {
  Start();
  Write("before");
  Await([&] { return Content(path_) == "before\n"; });
  writer_->Reopen();
  Write("after");
  Stop();
  EXPECT_EQ(Content(path_), "before\nafter\n");
}

TEST_F(RotatedLogTest, ABoundHoldsAtEachMomentAndKeepsTheNewestLines) {
  constexpr uint64_t kBound = 4000;
  std::mt19937 random(7);
  Start({.max_bytes = kBound});
  uint64_t largest = 0;
  for (int i = 0; i < 3000; ++i) {
    Write(absl::StrCat("line ", i, " ", std::string(random() % 200, 'x')));
    std::error_code gone;  // between a rename and the next file
    const uint64_t now = fs::file_size(path_, gone);
    if (!gone) largest = std::max(largest, now);
  }
  Stop();
  const std::vector<std::string> newest = LinesOf(path_);
  std::vector<std::string> kept = LinesOf(path_ + ".old");
  EXPECT_LE(largest, kBound / 2);
  EXPECT_LE(fs::file_size(path_), kBound / 2);
  EXPECT_LE(fs::file_size(path_ + ".old"), kBound / 2);
  EXPECT_GT(fs::file_size(path_ + ".old") + 220, kBound / 2) << "no room is wasted";
  kept.insert(kept.end(), newest.begin(), newest.end());
  ASSERT_LT(kept.size(), written_.size());
  EXPECT_EQ(kept, std::vector<std::string>(
                      written_.end() - static_cast<std::ptrdiff_t>(kept.size()), written_.end()));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 2);
}

TEST_F(RotatedLogTest, WhatWasLargerBeforeIsCutDownToItsNewestLines) {
  for (const std::string& file : {path_, path_ + ".old"}) {
    std::ofstream out(file);
    for (int i = 0; i < 1000; ++i) out << "line " << i << "\n";
  }
  Start({.max_bytes = 1000});
  Write("mine");
  Stop();
  EXPECT_LE(fs::file_size(path_), 500U);
  EXPECT_LE(fs::file_size(path_ + ".old"), 500U);
  EXPECT_THAT(LinesOf(path_ + ".old"), ::testing::Contains("line 999"));
  EXPECT_EQ(LinesOf(path_).back(), "mine");
}

TEST_F(RotatedLogTest, TheFileBeforeIsReplacedEvenIfItIsALink) {
  const std::string target = dir_ + "/precious";
  std::ofstream(target) << "precious\n";
  fs::create_symlink(target, path_ + ".old");
  Start({.max_bytes = 200});
  for (int i = 0; i < 100; ++i) Write(absl::StrCat("line ", i));
  Stop();
  EXPECT_EQ(Content(target), "precious\n");
  EXPECT_FALSE(fs::is_symlink(path_ + ".old"));
}

}  // namespace
}  // namespace journal
