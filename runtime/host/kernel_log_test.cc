#include "runtime/host/kernel_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kHung[] =
    "3,1205,800000000,-;INFO: task runc:4711 blocked for more than 120 seconds.\n"
    " SUBSYSTEM=block\n";

class KernelLogTest : public testing::Test {
 protected:
  std::string Path() const { return absl::StrCat(tree_.paths().procfs, "/kmsg"); }
  std::vector<std::string> Read(double uptime = 1000) { return log_.Read(uptime, problems_); }

  const FixtureTree tree_;
  KernelLog log_{Path()};
  std::vector<std::string> problems_;
};

TEST_F(KernelLogTest, TellsTheTellingLinesLatestFirst) {
  tree_.Write("proc/kmsg",
              absl::StrCat("6,1,1000,-;Linux version 6.1\n", kHung,
                           "4,1206,990000000,-;nfs: server filer not responding, still trying\n"));
  EXPECT_THAT(Read(), ElementsAre("nfs: server filer not responding, still trying (10s ago)",
                                  "INFO: task runc:4711 blocked for more than 120 seconds. "
                                  "(3m20s ago)"));
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(KernelLogTest, ReadsOnWhereItEndedAndKeepsWhatItRead) {
  tree_.Write("proc/kmsg", kHung);
  EXPECT_THAT(Read(), SizeIs(1));
  EXPECT_THAT(Read(), SizeIs(1));
}

TEST_F(KernelLogTest, ForgetsAfterAnHour) {
  tree_.Write("proc/kmsg", kHung);
  EXPECT_THAT(Read(800 + 3599), SizeIs(1));
  EXPECT_THAT(Read(800 + 3601), IsEmpty());
}

TEST_F(KernelLogTest, AStormIsBounded) {
  std::string storm;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&storm, kHung);
  tree_.Write("proc/kmsg", storm);
  EXPECT_THAT(Read(), SizeIs(KernelLog::kMaxKept));
}

TEST_F(KernelLogTest, GarbageTellsNothing) {
  constexpr char kGarbage[] = "blocked for more than\n;soft lockup\n1,2;I/O error\n\0\xff\n";
  tree_.Write("proc/kmsg", absl::string_view(kGarbage, sizeof(kGarbage) - 1));
  EXPECT_THAT(Read(), IsEmpty());
}

// A container's process has any name, and exceeds its own limit when it likes.
TEST_F(KernelLogTest, AKillInAContainerIsNotTheNodes) {
  const auto kill = [](const std::string& group) {
    return absl::StrCat("6,1,900000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/,",
                        "task_memcg=", group, ",task=containerd,pid=71,uid=0\n",
                        "3,2,900000001,-;Memory cgroup out of memory: Killed process 71 ",
                        "(containerd) total-vm:1kB\n");
  };
  tree_.Write("proc/kmsg", kill("/kubepods/" + std::string(64, 'c')));
  EXPECT_THAT(Read(), IsEmpty());
  KernelLog other(Path());
  tree_.Write("proc/kmsg",
              kill("/kubepods/" + std::string(64, 'c')) + kill("/system.slice/containerd.service"));
  EXPECT_THAT(other.Read(1000, problems_), SizeIs(1));
}

TEST_F(KernelLogTest, WithoutPermissionItSaysSo) {
  EXPECT_THAT(Read(), IsEmpty());
  EXPECT_THAT(problems_, ElementsAre(HasSubstr(absl::StrCat("open ", Path()))));
}

TEST(IsTellingTest, AContainerThatExceedsItsOwnLimitIsEverydayLife) {
  EXPECT_FALSE(IsTelling("Memory cgroup out of memory: Killed process 71 (java) total-vm:1kB"));
  EXPECT_TRUE(IsTelling("Memory cgroup out of memory: Killed process 890 (containerd) total-vm"));
  EXPECT_TRUE(IsTelling("Out of memory: Killed process 71 (java) total-vm:1kB"));
  EXPECT_TRUE(IsTelling("watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [runc:9]"));
  EXPECT_FALSE(IsTelling("eth0: link becomes ready"));
}

TEST(IsTellingTest, NotByTheNameOfAProcess) {
  for (const char* name :
       {"I/O error", "I/O error, dev ", "soft lockup", "not responding", "EXT4-fs error"}) {
    SCOPED_TRACE(name);
    EXPECT_FALSE(IsTelling(absl::StrCat(name, "[4711]: segfault at 0 ip 0 sp 0 error 4 in sh")));
    EXPECT_FALSE(IsTelling(absl::StrCat("traps: ", name, "[4711] general protection fault")));
    EXPECT_FALSE(IsTelling(absl::StrCat("oom-kill:constraint=CONSTRAINT_MEMCG,task=", name)));
  }
  EXPECT_FALSE(IsTelling("soft lockup (4711) used greatest stack depth: 12 bytes left"));
  EXPECT_TRUE(IsTelling("blk_update_request: I/O error, dev sda, sector 2048"));
  EXPECT_TRUE(IsTelling("EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2"));
}

// Of the real one: it is read to its end without waiting, or not permitted.
TEST(KernelLogOfThisHostTest, DoesNotWait) {
  KernelLog log("/dev/kmsg");
  std::vector<std::string> problems;
  log.Read(1e9, problems);
  log.Read(1e9, problems);
  EXPECT_LE(problems.size(), 2);
}

}  // namespace
}  // namespace runtime::host
