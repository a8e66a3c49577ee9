// The daemon as a process against cri-sim: each fault that an RPC can have, while it starts, while
// it lists, while it inspects and while it ends. Under each its state is defined, and when the
// fault goes, its events and its cache are those of a runtime that never had it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "test/process/plegd_process.h"
#include "test/process/sim_node.h"
#include "test/process/status_testing.h"

namespace {

using ::plegd_testing::PlegdProcess;
using ::plegd_testing::SimNode;
using ::testing::HasSubstr;

// What becomes of a call.
enum class Result { kGood, kSilence, kError, kNonsense };

struct Fault {
  const char* name;
  const char* words;  // as cri-sim's control socket takes them
  Result result;
  const char* code;  // with which such a call is counted; null: it does not end
  const char* timeout = "2m";
};

struct Subject {
  enum class Kind { kList, kInspection, kIdentity };
  const char* rpc;
  const char* method;  // under which plegd counts it
  Kind kind;
};

constexpr Fault kFaults[] = {
    {"Slow", "latency=20ms", Result::kGood, "OK"},
    {"Hang", "hang", Result::kSilence, nullptr},
    {"HangToTheDeadline", "hang", Result::kSilence, "DeadlineExceeded", "200ms"},
    {"ErrorCode", "error=INTERNAL:boom", Result::kError, "Internal"},
    {"ResetMidReply", "drop mid-reply", Result::kSilence, "Unavailable"},
    {"Malformed", "malformed=garbage", Result::kNonsense, "OK"},
    {"Oversized", "oversized", Result::kGood, "OK"},
};

constexpr Subject kSubjects[] = {
    {"Version", "Version", Subject::Kind::kIdentity},
    {"Status", "Status", Subject::Kind::kIdentity},
    {"ListPodSandbox", "ListPodSandbox", Subject::Kind::kList},
    {"ListContainers", "ListContainers", Subject::Kind::kList},
    {"StreamPodSandboxes", "ListPodSandbox", Subject::Kind::kList},
    {"StreamContainers", "ListContainers", Subject::Kind::kList},
    {"PodSandboxStatus", "PodSandboxStatus", Subject::Kind::kInspection},
    {"ContainerStatus", "ContainerStatus", Subject::Kind::kInspection},
};

constexpr char kThreshold[] = "300ms";
constexpr absl::Duration kExitLimit = absl::Seconds(2);

bool WaitUntil(const std::function<bool()>& condition) {
  return plegd_testing::WaitUntil(condition, absl::Seconds(10));
}

class RuntimeFaultsTest : public ::testing::TestWithParam<std::tuple<Subject, Fault>> {
 protected:
  void SetUp() override { ASSERT_OK(node_.Serve()); }

  const Subject& subject() const { return std::get<0>(GetParam()); }
  // Of an oversized reply a list has room for all, any other call for a few MiB.
  Fault fault() const {
    Fault fault = std::get<1>(GetParam());
    if (!IsList() && absl::string_view(fault.words) == "oversized") {
      fault.result = Result::kError;
      fault.code = "ResourceExhausted";
    }
    return fault;
  }
  bool Streamed() const { return absl::string_view(subject().rpc).substr(0, 6) == "Stream"; }
  bool IsList() const { return subject().kind == Subject::Kind::kList; }
  bool IsInspection() const { return subject().kind == Subject::Kind::kInspection; }
  // Calls of the RPC fail, so that what depends on them stands still.
  bool Fails() const { return fault().result != Result::kGood; }
  // What is sent when a connection is made cuts it: whether anything else is answered is luck.
  bool CutsEveryConnection() const {
    return subject().kind == Subject::Kind::kIdentity &&
           absl::string_view(fault().name) == "ResetMidReply";
  }

  void Start() {
    plegd_testing::PlegdOptions options;
    options.relist_period = "50ms";
    options.started_when = "/livez";
    options.flags = {"--relist-threshold", kThreshold, "--runtime-request-timeout",
                     fault().timeout};
    if (!Streamed()) options.flags.insert(options.flags.end(), {"--list-streaming", "off"});
    ASSERT_OK_AND_ASSIGN(plegd_, PlegdProcess::Start(node_.endpoint(), node_.dir(), options));
  }
  // Version and Status are asked on each new connection.
  void Break() {
    node_.Break(absl::StrCat(subject().rpc, " ", fault().words));
    if (plegd_ != nullptr && subject().kind == Subject::Kind::kIdentity) {
      node_.server().DropConnections();
    }
  }
  void Mend() {
    node_.Mend();
    if (subject().kind == Subject::Kind::kIdentity) node_.server().DropConnections();
  }
  // An exit, a pod that goes and one that comes, at once.
  void ChangeNode() {
    for (const sim::ContainerInfo& container : node_.pod(0).containers) {
      if (container.state != sim::kContainerRunning) continue;
      ASSERT_OK(node_.runtime().Exit(container.id, {.code = 3}));
      break;
    }
    ASSERT_OK(node_.runtime().RemovePod(node_.pod(1).uid));
    ASSERT_OK(node_.runtime().AddPod({.name = "new", .containers = {"app"}}));
    node_.Shown();
  }

  std::string Series(absl::string_view metric) const {
    return absl::StrCat(metric, "{method=\"", subject().method, "\"}");
  }
  double Metric(const std::string& series) const { return plegd_->Metric(series).value_or(-1); }
  // What a list is worth shows when all of it is there; a stream that makes no sense is given up,
  // and any other reply that makes none is a failed call.
  absl::string_view Code() const {
    const bool whole = IsList() && !Streamed();
    return fault().result == Result::kNonsense && !whole ? "Internal" : fault().code;
  }
  double Ended() const {
    return Metric(absl::StrCat("pleg_cri_calls_total{code=\"", Code(), "\",method=\"",
                               subject().method, "\"}"));
  }
  bool Answers(const std::string& target, int code, absl::string_view text) const {
    const auto reply = plegd_->Get(target);
    return reply.ok() && reply->code == code &&
           reply->body.find(std::string(text)) != std::string::npos;
  }
  ::testing::AssertionResult Comes(const std::string& target, int code,
                                   absl::string_view text) const {
    if (WaitUntil([&] { return Answers(target, code, text); })) {
      return ::testing::AssertionSuccess();
    }
    const auto reply = plegd_->Get(target);
    return ::testing::AssertionFailure()
           << target << " does not come to " << code << " " << text << " but is "
           << (reply.ok() ? absl::StrCat(reply->code, " ", reply->body) : "silent") << "\n"
           << plegd_->LogTail();
  }

  void ExpectCounted(double ended_before) {
    if (fault().code != nullptr) {
      EXPECT_TRUE(WaitUntil([&] { return Ended() > ended_before; })) << Code();
    } else {
      EXPECT_TRUE(
          WaitUntil([&] { return Metric(Series("pleg_cri_oldest_call_age_seconds")) > 0.1; }));
      EXPECT_GE(Metric(Series("pleg_cri_calls_in_flight")), 1);
    }
    // Beyond one deadline: the silence goes on though each call ends.
    const double silence = fault().result == Result::kSilence ? 0.25 : 0;
    EXPECT_TRUE(WaitUntil([&] {
      const double age = Metric(Series("pleg_cri_oldest_unanswered_seconds"));
      return silence > 0 ? age > silence : age == 0;
    })) << Metric(Series("pleg_cri_oldest_unanswered_seconds"));
    if (fault().result == Result::kNonsense) {
      EXPECT_TRUE(WaitUntil([&] {
        return Metric(absl::StrCat("pleg_cri_invalid_items_total{method=\"", subject().method,
                                   "\",reason=\"damaged_reply\"}")) > 0;
      }));
    }
  }

  // `fresh`: since plegd has started it has never been otherwise.
  void ExpectState(bool fresh) {
    EXPECT_TRUE(Answers("/livez", 200, "ok"));
    if (CutsEveryConnection()) return;
    if (IsList() && Fails()) {
      EXPECT_TRUE(Comes("/healthz", 503,
                        fresh ? "PLEG is not healthy: pleg has yet to be successful"
                              : "PLEG is not healthy: pleg was last seen active "));
      if (!fresh) {
        EXPECT_TRUE(Comes("/healthz", 503, absl::StrCat("threshold is ", kThreshold)));
      }
      EXPECT_TRUE(fresh ? Answers("/readyz", 503, "no relist has succeeded yet")
                        : Answers("/readyz", 200, "ok"));
      EXPECT_EQ(Metric("pleg_healthy"), 0);
      return;
    }
    EXPECT_TRUE(Comes("/readyz", 200, "ok"));
    EXPECT_TRUE(Comes("/healthz", 200, "ok"));
    if (IsInspection() && Fails()) {
      EXPECT_TRUE(WaitUntil([&] { return Metric("pleg_pods_pending") > 0; }));
      ExpectErrors();
    } else if (fault().result == Result::kGood && IsList() &&
               absl::string_view(fault().words) == "oversized") {
      EXPECT_TRUE(WaitUntil([&] { return Metric(Series("pleg_list_size_limit_ratio")) > 1; }));
    }
    if (fresh && Fails()) ExpectUnknownRuntime();
  }

  // A pod that cannot be inspected says which call fails.
  void ExpectErrors() {
    if (fault().code == nullptr) return;
    EXPECT_TRUE(WaitUntil([&] {
      const auto pods = plegd_->Pods();
      if (!pods.ok()) return false;
      for (const plegd::v1::PodStatus& pod : pods->pods()) {
        if (pod.error().find(subject().method) != std::string::npos) return true;
      }
      return false;
    })) << subject().method;
  }

  void ExpectUnknownRuntime() {
    const absl::string_view rpc = subject().rpc;
    if (rpc == "Status") {
      EXPECT_TRUE(Comes("/healthz?verbose", 200,
                        "container runtime status check may not have completed yet"));
      EXPECT_EQ(Metric("pleg_runtime_ready"), 0);
    } else if (rpc == "Version") {
      EXPECT_TRUE(Comes("/healthz?verbose", 200,
                        fault().code == nullptr ? "has not answered yet" : "Version"));
    }
  }

  void ExpectEventsUnderFault() {
    if (CutsEveryConnection()) return;
    if (Fails() && subject().kind != Subject::Kind::kIdentity) {
      EXPECT_FALSE(node_.EventsAgree(*plegd_)) << "events without knowing what happened";
    } else {
      EXPECT_TRUE(node_.AgreesWith(*plegd_));
    }
  }

  void ExpectRecovery() {
    EXPECT_TRUE(node_.AgreesWith(*plegd_)) << plegd_->LogTail();
    EXPECT_TRUE(Comes("/healthz", 200, "ok"));
    EXPECT_TRUE(Comes("/readyz", 200, "ok"));
    EXPECT_TRUE(Comes("/healthz?verbose", 200, "runtime: cri-sim"));
    EXPECT_TRUE(Comes("/healthz?verbose", 200, "node Ready=True"));
    EXPECT_TRUE(
        WaitUntil([&] { return Metric(Series("pleg_cri_oldest_unanswered_seconds")) == 0; }));
    EXPECT_EQ(Metric("pleg_pods_pending"), 0);
  }

  SimNode node_{{.pods = 3}};
  std::unique_ptr<PlegdProcess> plegd_;
};

TEST_P(RuntimeFaultsTest, HasADefinedStateAndLeavesNoTrace) {
  {
    SCOPED_TRACE("while it starts");
    ASSERT_NO_FATAL_FAILURE(Break());
    ASSERT_NO_FATAL_FAILURE(Start());
    ExpectCounted(0);
    ExpectState(/*fresh=*/true);
    if (Fails()) {
      ASSERT_OK(node_.runtime().AddPod({.name = "early", .containers = {"app"}}));
    }
    node_.Shown();
    ExpectEventsUnderFault();
    Mend();
    ExpectRecovery();
  }
  {
    SCOPED_TRACE("while it lists and inspects");
    const double ended = fault().code == nullptr ? 0 : Ended();
    ASSERT_NO_FATAL_FAILURE(Break());
    ASSERT_NO_FATAL_FAILURE(ChangeNode());
    ExpectCounted(ended);
    ExpectState(/*fresh=*/false);
    ExpectEventsUnderFault();
    Mend();
    ExpectRecovery();
  }
  {
    SCOPED_TRACE("while it ends");
    const double ended = fault().code == nullptr ? 0 : Ended();
    ASSERT_NO_FATAL_FAILURE(Break());
    ASSERT_NO_FATAL_FAILURE(ChangeNode());
    ExpectCounted(ended);
    const absl::Time asked = absl::Now();
    ASSERT_OK_AND_ASSIGN(const int code, plegd_->Terminate());
    EXPECT_EQ(code, 0);
    EXPECT_LT(absl::Now() - asked, kExitLimit);
  }
}

void PrintTo(const Subject& s, std::ostream* out) { *out << s.rpc; }
void PrintTo(const Fault& f, std::ostream* out) { *out << f.words; }

INSTANTIATE_TEST_SUITE_P(Matrix, RuntimeFaultsTest,
                         ::testing::Combine(::testing::ValuesIn(kSubjects),
                                            ::testing::ValuesIn(kFaults)),
                         [](const auto& cell) {
                           return absl::StrCat(std::get<0>(cell.param).rpc,
                                               std::get<1>(cell.param).name);
                         });

}  // namespace
