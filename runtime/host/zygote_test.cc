#include "runtime/host/zygote.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/host/host_tree.h"
#include "runtime/host/testing/fixture_tree.h"
#include "runtime/host/testing/process_facts.h"
#include "runtime/host/testing/silent_fuse.h"
#include "runtime/host/testing/wait_until.h"

namespace runtime::host {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kNone[] = "0000000000000000";

// Lives until its socket ends.
void WaitForEnd(int socket) {
  char end = 0;
  while (read(socket, &end, 1) > 0) {
  }
}

class ZygoteTest : public testing::Test {
 protected:
  ~ZygoteTest() override {
    if (child_.socket >= 0) close(child_.socket);
  }
  void Fork(Zygote::Options options) {
    auto zygote = Zygote::Fork(options);
    ASSERT_TRUE(zygote.ok()) << zygote.status();
    zygote_ = *std::move(zygote);
  }
  absl::Status Spawn() {
    const absl::StatusOr<Zygote::Child> child = zygote_->Spawn();
    if (!child.ok()) return child.status();
    if (child_.socket >= 0) close(child_.socket);
    child_ = *child;
    return absl::OkStatus();
  }

  std::unique_ptr<Zygote> zygote_;
  Zygote::Child child_;
};

TEST_F(ZygoteTest, HasNothingThatItDoesNotNeed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root has anything to give up";
  Fork({.child = WaitForEnd, .capabilities = {CAP_SYSLOG, CAP_SYS_PTRACE}});
  ASSERT_TRUE(Spawn().ok());
  const std::string two = absl::StrCat(
      absl::Hex(uint64_t{1} << CAP_SYSLOG | uint64_t{1} << CAP_SYS_PTRACE, absl::kZeroPad16));
  for (const int pid : {zygote_->pid(), child_.pid}) {
    // The child closes what it had of its parent's once it lives.
    EXPECT_TRUE(WaitUntil([pid] { return DescriptorsOf(pid).size() == 4; }));
    const auto descriptors = DescriptorsOf(pid);
    EXPECT_EQ(descriptors.at(0), "/dev/null");
    EXPECT_EQ(descriptors.at(1), "/dev/null");
    EXPECT_EQ(descriptors.at(2), "/dev/null");
    EXPECT_THAT(descriptors.rbegin()->second, StartsWith("socket:"));
    EXPECT_EQ(StatusOf(pid, "NoNewPrivs"), "1");
    EXPECT_EQ(StatusOf(pid, "Seccomp"), "2");
    EXPECT_EQ(StatusOf(pid, "CapBnd"), kNone);
    EXPECT_EQ(StatusOf(pid, "CapInh"), kNone);
    EXPECT_EQ(StatusOf(pid, "CapAmb"), kNone);
    EXPECT_EQ(StatusOf(pid, "CapPrm"), two);
  }
  EXPECT_EQ(StatusOf(zygote_->pid(), "CapEff"), kNone);
  EXPECT_TRUE(WaitUntil([&] { return StatusOf(child_.pid, "CapEff") == two; }));
}

TEST_F(ZygoteTest, HeedsNothingButTheOneRequest) {
  Fork({.child = WaitForEnd});
  ASSERT_TRUE(Spawn().ok());
  const int first = child_.pid;
  for (const std::string junk : {"f", "x", "time=2026-12-01 level=info", "forkf", "for", "FORK"}) {
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(send(zygote_->socket(), junk.data(), junk.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(junk.size()));
    }
  }
  // It is asked after all of that, and answers in turn: too soon, or with the one that it starts.
  ASSERT_TRUE(WaitUntil([this] { return Spawn().ok(); }));
  EXPECT_NE(child_.pid, first);
  EXPECT_THAT(ChildrenOf(zygote_->pid()), ElementsAre(child_.pid));
}

TEST_F(ZygoteTest, HasOneLivingChildAndStartsOneASecond) {
  Fork({.child = WaitForEnd});
  ASSERT_TRUE(Spawn().ok());
  const int first = child_.pid;
  int started = 0;
  for (int i = 0; i < 200; ++i) {
    const absl::Status status = Spawn();
    if (status.ok()) ++started;
    if (!status.ok()) EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  }
  EXPECT_LE(started, 1);  // on a machine so slow that 200 of them take more than a second
  EXPECT_TRUE(WaitUntil([&] { return child_.pid != first || Spawn().ok(); }));
  EXPECT_THAT(ChildrenOf(zygote_->pid()), ElementsAre(child_.pid));
}

TEST_F(ZygoteTest, GivesUpOnlySoManyThatCannotBeKilledAndGoesOnOnceTheyEnd) {
  const FixtureTree files;
  files.Write("fuse/file", "");
  if (!HaveOwnMounts()) GTEST_SKIP() << "no mounts of its own: " << strerror(errno);
  SilentFuse fuse(files.Path("fuse"));
  if (!fuse.ok()) GTEST_SKIP() << "no FUSE here";
  Fork({.child = [path = files.Path("fuse/file")](int) {
    const OwnedFd never(open(path.c_str(), O_RDONLY));
  }});
  for (int i = 1; i <= Zygote::kMostUndead; ++i) {
    ASSERT_TRUE(WaitUntil([this] { return Spawn().ok(); }));
    // The first one is at the file system's mercy, the others are behind it.
    ASSERT_TRUE(WaitUntil([&] {
      return i == 1 ? fuse.lookups() == 1 : absl::StartsWith(StatusOf(child_.pid, "State"), "D");
    }));
  }
  ASSERT_TRUE(WaitUntil([this] { return absl::IsResourceExhausted(Spawn()); }));
  EXPECT_THAT(ChildrenOf(zygote_->pid()), SizeIs(Zygote::kMostUndead));
  fuse.End();
  EXPECT_TRUE(WaitUntil([this] { return Spawn().ok(); }));
}

TEST_F(ZygoteTest, EndsWithTheOtherSide) {
  Fork({.child = WaitForEnd});
  ASSERT_TRUE(Spawn().ok());
  ASSERT_EQ(kill(zygote_->pid(), SIGKILL), 0);
  EXPECT_TRUE(WaitUntil([this] { return absl::IsUnavailable(Spawn()); }));
}

}  // namespace
}  // namespace runtime::host
