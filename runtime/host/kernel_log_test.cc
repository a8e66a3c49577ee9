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

TEST_F(KernelLogTest, AStormOfOneKindDisplacesNoOther) {
  std::string storm = kHung;
  for (int i = 0; i < 1000; ++i) {
    absl::StrAppend(&storm, "3,1206,900000000,-;I/O error, dev sda, sector ", i,
                    " op 0x0:(READ)\n");
  }
  tree_.Write("proc/kmsg", storm);
  const std::vector<std::string> told = Read();
  EXPECT_THAT(told, SizeIs(KernelLog::kMaxOfAKind + 1));
  EXPECT_THAT(told.front(), HasSubstr("sector 999"));
  EXPECT_THAT(told.back(), HasSubstr("task runc:4711"));
}

// A name that reads like such a line: 13 seconds of this used to fill the memory.
TEST_F(KernelLogTest, NoNameOfAProcessDisplacesALine) {
  std::string storm = kHung;
  for (int i = 0; i < 1000; ++i) {
    absl::StrAppend(&storm, "4,1206,900000000,-;netlink: 2 bytes leftover after parsing ",
                    "attributes in process `I/O error, dev'.\n");
  }
  tree_.Write("proc/kmsg", storm);
  EXPECT_THAT(Read(), ElementsAre(HasSubstr("task runc:4711")));
}

// What root writes to /dev/kmsg is of facility 1, a daemon's of 3.
TEST_F(KernelLogTest, OnlyWhatTheKernelWroteItself) {
  tree_.Write("proc/kmsg",
              "12,1,900000000,-;INFO: task runc:4711 blocked for more than 120 seconds.\n"
              "30,2,900000001,-;I/O error, dev sda, sector 7\n"
              "-1,2,900000001,-;I/O error, dev sda, sector 7\n");
  EXPECT_THAT(Read(), IsEmpty());
}

TEST_F(KernelLogTest, GarbageTellsNothing) {
  constexpr char kGarbage[] = "blocked for more than\n;soft lockup\n1,2;I/O error\n\0\xff\n";
  tree_.Write("proc/kmsg", absl::string_view(kGarbage, sizeof(kGarbage) - 1));
  EXPECT_THAT(Read(), IsEmpty());
}

std::string Limit(const std::string& group, const std::string& task, int pid, int uid = 0) {
  return absl::StrCat("6,1,900000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),",
                      "cpuset=/,mems_allowed=0,oom_memcg=/,task_memcg=", group, ",task=", task,
                      ",pid=", pid, ",uid=", uid, "\n");
}

std::string Kill(const std::string& task, int pid, int uid = 0) {
  return absl::StrCat("3,2,900000001,-;Memory cgroup out of memory: Killed process ", pid, " (",
                      task, ") total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:", uid,
                      " pgtables:52kB oom_score_adj:0\n");
}

constexpr char kService[] = "/system.slice/containerd.service";

// A container's process has any name, and exceeds its own limit when it likes; so has a user's.
TEST_F(KernelLogTest, AKillInALimitIsTheNodesIfItsServiceIsHit) {
  const std::string container = "/kubepods/" + std::string(64, 'c');
  tree_.Write("proc/kmsg", absl::StrCat(Limit(container, "containerd", 71), Kill("containerd", 71),
                                        Limit("/user.slice/adv", "kubelet", 72, 65534),
                                        Kill("kubelet", 72, 65534), Limit(kService, "java", 73),
                                        Kill("java", 73)));
  EXPECT_THAT(Read(), IsEmpty());
  KernelLog other(Path());
  tree_.Write("proc/kmsg", absl::StrCat(Limit(container, "containerd", 71), Kill("containerd", 71),
                                        Limit(kService, "containerd", 74), Kill("containerd", 74)));
  EXPECT_THAT(other.Read(1000, problems_),
              ElementsAre(HasSubstr("Killed process 74 (containerd)")));
}

// In a storm the kernel leaves out whose limit it was, not the kill.
TEST_F(KernelLogTest, AKillWhoseLimitIsNotToldIsNobodys) {
  tree_.Write("proc/kmsg", absl::StrCat(Limit(kService, "containerd", 71), Kill("containerd", 71),
                                        Kill("kubelet", 72), Kill("containerd", 71)));
  EXPECT_THAT(Read(), ElementsAre(HasSubstr("Killed process 71 (containerd)")));
}

TEST_F(KernelLogTest, WithoutPermissionItSaysSo) {
  EXPECT_THAT(Read(), IsEmpty());
  EXPECT_THAT(problems_, ElementsAre(HasSubstr(absl::StrCat("open ", Path()))));
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
