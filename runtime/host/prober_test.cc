#include "runtime/host/prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/testing/sanitizers.h"
#include "runtime/host/confinement.h"
#include "runtime/host/privileges.h"
#include "runtime/host/probe_wire.h"
#include "runtime/host/testing/fixture_tree.h"
#include "runtime/host/testing/process_facts.h"
#include "runtime/host/testing/silent_fuse.h"
#include "runtime/host/testing/wait_until.h"
#include "runtime/system_clock.h"

namespace runtime::host {
namespace {

using ::testing::HasSubstr;

// Only what these tests look at.
EvidenceCodec Codec() {
  return {[](const pleg::HostEvidence& e) { return e.kernel_version; },
          [](absl::string_view bytes) -> absl::StatusOr<pleg::HostEvidence> {
            pleg::HostEvidence evidence;
            evidence.kernel_version = std::string(bytes);
            return evidence;
          }};
}

class ProberTest : public testing::Test {
 protected:
  void Fork(absl::Duration patience = absl::Minutes(1),
            absl::Duration period = absl::Milliseconds(20),
            absl::Duration give_up = absl::Minutes(1)) {
    auto prober = Prober::Fork({.paths = tree_.paths(),
                                .codec = Codec(),
                                .period = period,
                                .busy_period = absl::Milliseconds(10),
                                .fresh_for = absl::ZeroDuration(),
                                .patience = patience,
                                .give_up = give_up},
                               clock_);
    ASSERT_TRUE(prober.ok()) << prober.status();
    prober_ = *std::move(prober);
  }
  template <typename F>
  bool Eventually(F condition) const {
    return WaitUntil([&] { return condition(prober_->Latest()); });
  }
  static bool HasProblem(const Prober::Reading& reading, const std::string& part) {
    const std::optional<pleg::HostEvidence> evidence = reading.Evidence();
    if (!evidence.has_value()) return false;
    return std::any_of(
        evidence->problems.begin(), evidence->problems.end(),
        [&](const auto& problem) { return problem.text.find(part) != std::string::npos; });
  }

  const FixtureTree tree_;
  runtime::SystemClock clock_;
  std::unique_ptr<Prober> prober_;
};

TEST_F(ProberTest, AsksAndIsAnswered) {
  tree_.Write("proc/sys/kernel/osrelease", "5.15.0\n");
  Fork();
  std::atomic<int> asked = 0;
  prober_->Start([&] {
    ++asked;
    return ProbeQuestion{};
  });
  EXPECT_TRUE(Eventually([](const Prober::Reading& reading) {
    return reading.Evidence().has_value() && reading.Evidence()->kernel_version == "5.15.0";
  }));
  EXPECT_TRUE(Eventually([&](const Prober::Reading&) { return asked > 2; }));
}

// As in a container whose own filter forbids another one, on a kernel without Landlock.
bool ForbidConfinement() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  const scmp_arg_cmp set_seccomp = {0, SCMP_CMP_EQ, PR_SET_SECCOMP, 0};
  const bool done =
      seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0) == 0 &&
      seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1, &set_seccomp) ==
          0 &&
      seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) == 0 &&
      seccomp_load(filter) == 0;
  seccomp_release(filter);
  return done;
}

TEST_F(ProberTest, KnowsWhetherItIsConfinedAndLooksAllTheSame) {
  tree_.Write("proc/sys/kernel/osrelease", "5.15.0\n");
  for (const bool possible : {true, false}) {
    const pid_t pid = fork();
    if (pid == 0) {
      KeepCapabilities({});
      if (!possible && !ForbidConfinement()) _exit(1);
      Fork();
      const Prober::Confinement& confinement = prober_->confinement();
      if (confinement.system_calls != possible) _exit(2);
      if (confinement.files != (possible && HasLandlock())) _exit(3);
      prober_->Start([] { return ProbeQuestion{}; });
      _exit(Eventually([](const Prober::Reading& r) { return r.Evidence().has_value(); }) ? 0 : 4);
    }
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0) << WEXITSTATUS(status);
  }
}

TEST_F(ProberTest, WhatALookFoundIsSharedNotCopied) {
  Fork(absl::Seconds(5), absl::Hours(1));
  prober_->Start([] { return ProbeQuestion{}; });
  ASSERT_TRUE(Eventually([](const Prober::Reading& r) { return r.sighting != nullptr; }));
  EXPECT_EQ(prober_->Latest().sighting, prober_->Latest().sighting);
  const std::shared_ptr<const Prober::Sighting> first = prober_->Latest().sighting;
  prober_->LookNow();
  EXPECT_TRUE(Eventually([&](const Prober::Reading& r) { return r.sighting != first; }));
}

TEST_F(ProberTest, LooksAtOnceForSomebodyWhoWantsToKnow) {
  Fork(absl::Seconds(5), absl::Hours(1));
  std::atomic<int> asked = 0;
  prober_->Start([&] {
    ++asked;
    return ProbeQuestion{};
  });
  ASSERT_TRUE(Eventually([](const Prober::Reading& r) { return r.Evidence().has_value(); }));
  EXPECT_EQ(asked, 1);
  prober_->LookNow();
  EXPECT_TRUE(Eventually([&](const Prober::Reading&) { return asked == 2; }));
}

TEST_F(ProberTest, AChildThatHangsIsEvidenceAndHoldsUpNobody) {
  Fork(absl::Milliseconds(50));
  ASSERT_EQ(kill(prober_->child(), SIGSTOP), 0);
  prober_->Start([] { return ProbeQuestion{}; });
  EXPECT_TRUE(Eventually([](const Prober::Reading& reading) {
    return HasProblem(reading, "does not answer") && reading.Evidence()->problems[0].hangs;
  }));
}

TEST_F(ProberTest, AChildThatHasDiedIsReplaced) {
  tree_.Write("proc/sys/kernel/osrelease", "5.15.0\n");
  Fork();
  std::atomic<int> forgotten = 0;
  prober_->Start([] { return ProbeQuestion{}; },
                 [&](const pleg::HostEvidence& seen) {
                   if (seen.kernel_version.empty()) ++forgotten;
                 });
  const auto good = [](const Prober::Reading& reading) {
    return reading.Evidence().has_value() && reading.Evidence()->kernel_version == "5.15.0" &&
           reading.Evidence()->problems.empty();
  };
  ASSERT_TRUE(Eventually(good));
  const pid_t first = prober_->child();
  ASSERT_EQ(kill(first, SIGKILL), 0);
  EXPECT_TRUE(Eventually([&](const Prober::Reading&) { return prober_->child() != first; }));
  EXPECT_EQ(forgotten, 1);
  tree_.Write("proc/sys/kernel/osrelease", "5.15.1\n");
  EXPECT_TRUE(Eventually([](const Prober::Reading& reading) {
    return reading.Evidence()->kernel_version == "5.15.1" && reading.Evidence()->problems.empty();
  }));
}

// Unlike a path that a tenant chose, this one is entered: it is where the tree itself is.
TEST_F(ProberTest, AChildThatIsStuckIsReplacedByOneThatLeavesOutWhatItWasStuckIn) {
  if (!HaveOwnMounts()) GTEST_SKIP() << "no mounts of its own";
  SilentFuse fuse(tree_.paths().cgroupfs);
  if (!fuse.ok()) GTEST_SKIP() << "no FUSE here";
  tree_.Write("proc/sys/kernel/osrelease", "5.15.0\n");
  Fork(absl::Milliseconds(50), absl::Milliseconds(20), absl::Milliseconds(300));
  const pid_t first = prober_->child();
  std::atomic<int> forgotten = 0;
  prober_->Start([] { return ProbeQuestion{}; },
                 [&](const pleg::HostEvidence& seen) {
                   if (seen.kernel_version.empty()) ++forgotten;
                 });
  EXPECT_TRUE(Eventually([](const Prober::Reading& reading) {
    return HasProblem(reading, "what it reads (the cgroup tree) is stuck in the kernel");
  }));
  // It sees the rest of the node, and says what it leaves out.
  EXPECT_TRUE(Eventually([](const Prober::Reading& reading) {
    const std::optional<pleg::HostEvidence> evidence = reading.Evidence();
    return evidence.has_value() && evidence->kernel_version == "5.15.0" &&
           evidence->problems.size() == 1 && evidence->problems[0].probe == "the cgroup tree" &&
           absl::StrContains(evidence->problems[0].text, "got stuck there");
  }));
  EXPECT_EQ(forgotten, 1);
  EXPECT_NE(prober_->child(), first);
  // The first one cannot even be killed.
  EXPECT_TRUE(absl::StartsWith(StatusOf(first, "State"), "D"));
}

TEST_F(ProberTest, AChildThatDiesTwiceInAPartIsReplacedByOneThatLeavesItOut) {
  tree_.Write("proc/sys/kernel/osrelease", "5.15.0\n");
  // The last thing a child does: it is at the kernel's log then.
  EvidenceCodec codec = Codec();
  codec.encode = [encode = codec.encode](const pleg::HostEvidence& evidence) {
    if (!evidence.kernel_log.empty()) _exit(1);
    return encode(evidence);
  };
  HostPaths paths = tree_.paths();
  paths.kmsg = tree_.Path("kmsg");
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  tree_.Write("kmsg", absl::StrCat("3,1,", now.tv_sec, "000000,-;",
                                   "INFO: task runc:4711 blocked for more than 120 seconds.\n"));
  auto prober =
      Prober::Fork({.paths = paths, .codec = codec, .period = absl::Milliseconds(20)}, clock_);
  ASSERT_TRUE(prober.ok());
  prober_ = *std::move(prober);
  prober_->Start([] { return ProbeQuestion{}; });
  EXPECT_TRUE(Eventually([](const Prober::Reading& reading) {
    const std::optional<pleg::HostEvidence> evidence = reading.Evidence();
    return evidence.has_value() && evidence->kernel_version == "5.15.0" &&
           !evidence->problems.empty() && evidence->problems[0].probe == "the kernel's log";
  }));
}

// Another process, since what it gives up cannot be had back. Its probe is confined to the
// directories of the first question, so that the second one takes another probe.
TEST_F(ProberTest, AProbeWithoutCapabilitiesReadsBelowItsRootsAndIsReplacedIfTheyChange) {
  if (pleg::testing::kSanitized) GTEST_SKIP() << "a forked process starts a thread";
  tree_.Write(absl::StrCat("one/", std::string(64, 'a'), "/config.json"), "");
  tree_.Write(absl::StrCat("two/", std::string(64, 'b'), "/config.json"), "");
  const pid_t pid = fork();
  if (pid == 0) {
    KeepCapabilities({});
    Fork();
    const pid_t first = prober_->child();
    std::atomic<bool> second = false;
    prober_->Start([&] {
      ProbeQuestion question;
      question.runtime_pid = 50;
      question.host.directories.task_roots = {tree_.Path(second ? "two" : "one")};
      return question;
    });
    const auto sees = [&](char id) {
      return Eventually([id](const Prober::Reading& reading) {
        return reading.sighting != nullptr &&
               reading.sighting->containers == std::vector<std::string>{std::string(64, id)};
      });
    };
    if (!sees('a') || prober_->child() != first) _exit(1);
    second = true;
    if (!sees('b')) _exit(2);
    ForbidNewPrivileges();
    const bool confined = ConfineReads({"/"});
    _exit((prober_->child() != first) == confined ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

// Before it reads anything, it opens the directories that it is confined to.
TEST_F(ProberTest, AChildThatIsStuckBeingConfinedIsReplacedByOneThatIsConfinedToLess) {
  if (pleg::testing::kSanitized) GTEST_SKIP() << "a forked process starts a thread";
  if (!HasLandlock()) GTEST_SKIP() << "no Landlock";
  const pid_t pid = fork();
  if (pid == 0) {
    const std::string mounted = tree_.Path("tasks");
    std::filesystem::create_directory(mounted);
    if (!HaveOwnMounts()) _exit(0);
    SilentFuse fuse(mounted);
    if (!fuse.ok()) _exit(0);
    tree_.Write("proc/sys/kernel/osrelease", "5.15.0\n");
    KeepCapabilities({});
    Fork(absl::Milliseconds(50), absl::Milliseconds(20), absl::Milliseconds(300));
    prober_->Start([&] {
      ProbeQuestion question;
      question.runtime_pid = 50;
      question.host.directories.task_roots = {mounted + "/io.containerd"};
      return question;
    });
    const std::string part(NameOf(ProbePart::kConfinement));
    const bool seen = Eventually([&](const Prober::Reading& reading) {
      const std::optional<pleg::HostEvidence> evidence = reading.Evidence();
      return evidence.has_value() && evidence->kernel_version == "5.15.0" &&
             evidence->problems[0].probe == part;
    });
    _exit(seen ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST_F(ProberTest, ThatThereCanBeNoMoreLooksIsSaidAndWhatWasSeenGrowsOld) {
  Fork();
  prober_->Start([] { return ProbeQuestion{}; });
  ASSERT_TRUE(Eventually([](const Prober::Reading& r) { return r.Evidence().has_value(); }));
  ASSERT_EQ(kill(prober_->zygote(), SIGKILL), 0);  // the child dies with it
  EXPECT_TRUE(
      Eventually([](const Prober::Reading& reading) { return HasProblem(reading, "has ended"); }));
  EXPECT_TRUE(Eventually([](const Prober::Reading& reading) {
    return reading.Evidence()->sampled_ago > absl::Milliseconds(100);
  }));
}

TEST_F(ProberTest, TheChildrenEndWithTheirParent) {
  Fork();
  const pid_t child = prober_->child();
  const pid_t zygote = prober_->zygote();
  prober_.reset();
  // It may have been reaped by the destructor or be left for us.
  waitpid(zygote, nullptr, 0);
  EXPECT_NE(kill(zygote, 0), 0);
  // Whoever adopted it reaps it.
  const auto ended = [child] {
    std::ifstream stat(absl::StrCat("/proc/", child, "/stat"));
    std::string text;
    return !std::getline(stat, text) || absl::StrContains(text, ") Z ");
  };
  EXPECT_TRUE(WaitUntil(ended));
}

TEST(ProbeWireTest, AQuestionSurvivesTheWay) {
  ProbeQuestion question;
  question.runtime_pid = 50;
  question.runtime_start_ticks = 4711;
  question.off = {ProbePart::kFuse, ProbePart::kKernelLog};
  question.host.directories = {{"/r", "/r2"}, {"/k"}, {"/t"}};
  WatchedObject watched;
  watched.object = {pleg::ContainerId("c"), pleg::PodUid("u"), "ns", "pod", "app", "image"};
  watched.sandbox = pleg::ContainerId("s");
  watched.listed_state = "running";
  question.watched = {watched};
  const ProbeQuestion copy = DecodeQuestion(EncodeQuestion(question));
  EXPECT_EQ(copy.runtime_pid, 50);
  EXPECT_EQ(copy.runtime_start_ticks, 4711u);
  EXPECT_EQ(copy.host.listener, 50);
  EXPECT_EQ(copy.host.listener_start_ticks, 4711u);
  EXPECT_EQ(copy.off, question.off);
  EXPECT_EQ(copy.host.directories.runtime_roots, question.host.directories.runtime_roots);
  EXPECT_EQ(copy.host.directories.kubelet_roots, question.host.directories.kubelet_roots);
  EXPECT_EQ(copy.host.directories.task_roots, question.host.directories.task_roots);
  ASSERT_EQ(copy.watched.size(), 1);
  EXPECT_EQ(copy.watched[0].object.container, "app");
  EXPECT_EQ(copy.watched[0].sandbox.value(), "s");
  EXPECT_EQ(copy.watched[0].listed_state, "running");
}

TEST(ProbeWireTest, TakesNoReplyThatNoChildSends) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  ASSERT_TRUE(SendPart(pair[0], ProbePart::kFuse).ok());
  ASSERT_TRUE(SendReply(pair[0], ReplyKind::kEvidence, "").ok());
  EXPECT_EQ(ReceiveReply(pair[1])->part, ProbePart::kFuse);
  EXPECT_EQ(ReceiveReply(pair[1])->kind, ReplyKind::kEvidence);
  for (const std::string frame : {"", "p", "p12", "p\x7f", "x"}) {
    ASSERT_TRUE(SendFrame(pair[0], frame).ok());
    EXPECT_EQ(ReceiveReply(pair[1]).status().code(), absl::StatusCode::kInvalidArgument) << frame;
  }
  close(pair[0]);
  EXPECT_EQ(ReceiveReply(pair[1]).status().code(), absl::StatusCode::kUnavailable);
  close(pair[1]);
}

TEST(ProbeWireTest, GarbageIsTheDefaultQuestion) {
  EXPECT_TRUE(DecodeQuestion("\xff\xff\xff").watched.empty());
}

}  // namespace
}  // namespace runtime::host
