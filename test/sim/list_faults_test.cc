// The client against cri-sim under each fault that a list can have: what it makes of it, that it
// says so, and that the next good list is what it was before.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "pleg/log.h"
#include "runtime/cri_runtime.h"
#include "runtime/event_loop.h"
#include "runtime/sim/fault.h"
#include "runtime/sim/sim_runtime.h"
#include "runtime/sim/sim_server.h"
#include "runtime/system_clock.h"
#include "runtime/testing/recording_observer.h"

namespace {

using ::testing::Combine;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::Values;

using Answer = absl::StatusOr<pleg::Listing>;

struct Case {
  const char* fault;
  absl::StatusCode code;  // of the list
  const char* reason;     // that is counted of a bad item or list; empty: none
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.fault; }

std::set<std::string> Ids(const pleg::Listing& listing) {
  std::set<std::string> ids;
  for (const auto& s : listing.sandboxes) ids.insert(s.info->id.value());
  for (const auto& c : listing.containers) ids.insert(c.info->id.value());
  return ids;
}

// Parameters: the fault, the list that has it, and whether lists are streams.
class ListFaultsTest : public ::testing::TestWithParam<std::tuple<Case, const char*, bool>> {
 protected:
  void SetUp() override {
    sim::RuntimeOptions options;
    options.pods = 5;
    auto server = sim::SimServer::Start({.socket_path = dir_ + "/cri.sock"},
                                        std::make_shared<sim::SimRuntime>(options));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    runtime_.emplace(runtime::CriOptions{.endpoint = runtime::Endpoint(dir_ + "/cri.sock"),
                                         .budget = {.bytes = size_t{1} << 20},
                                         .list_streaming = streamed()},
                     loop_, clock_, observer_, pleg::NullLog());
    runtime_->Connect();
    loop_.Start();
  }
  void TearDown() override {
    loop_.Stop();
    runtime_.reset();
    server_ = nullptr;
    std::filesystem::remove_all(dir_);
  }

  bool streamed() const { return std::get<2>(GetParam()); }
  std::string method() const { return std::get<1>(GetParam()); }

  std::future<Answer> Begin() {
    auto promise = std::make_shared<std::promise<Answer>>();
    loop_.Post([this, promise] {
      runtime_->List(std::nullopt,
                     [promise](Answer answer) { promise->set_value(std::move(answer)); });
    });
    return promise->get_future();
  }
  // Again and again while there is no connection.
  Answer ListOnceConnected() {
    const absl::Time limit = absl::Now() + absl::Seconds(30);
    while (true) {
      Answer answer = Begin().get();
      if (!absl::IsUnavailable(answer.status()) || absl::Now() > limit) return answer;
    }
  }
  void Break(absl::string_view fault) {
    const std::string rpc = !streamed()                    ? method()
                            : method() == "ListContainers" ? "StreamContainers"
                                                           : "StreamPodSandboxes";
    const auto parsed = sim::ParseFault(absl::StrSplit(absl::StrCat(rpc, " ", fault), ' '));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    server_->faults().Add(*parsed);
  }

  static std::string MakeDir() {
    std::string pattern = "/tmp/plegd-faultsXXXXXX";
    return mkdtemp(pattern.data());
  }

  const std::string dir_ = MakeDir();
  runtime::SystemClock clock_;
  runtime::testing::RecordingObserver observer_;
  runtime::EventLoop loop_;
  std::unique_ptr<sim::SimServer> server_;
  std::optional<runtime::CriRuntime> runtime_;
};

TEST_P(ListFaultsTest, CostsOneListAtMostAndIsTold) {
  const Case& c = std::get<0>(GetParam());
  const Answer before = ListOnceConnected();
  ASSERT_TRUE(before.ok()) << before.status();

  Break(c.fault);
  const Answer during = Begin().get();
  ASSERT_EQ(during.status().code(), c.code) << during.status();
  if (during.ok()) {
    EXPECT_EQ(Ids(*during), Ids(*before));
  } else {
    EXPECT_THAT(std::string(during.status().message()), HasSubstr(method()));
  }
  const auto invalid = observer_.invalid();
  if (*c.reason != '\0') {
    EXPECT_THAT(invalid, ::testing::ElementsAre(Pair(Pair(method(), c.reason), 1)));
  } else {
    EXPECT_THAT(invalid, ::testing::IsEmpty());
  }

  server_->faults().ClearAll();
  const Answer after = ListOnceConnected();
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(Ids(*after), Ids(*before));
}

using DamagedListTest = ListFaultsTest;

// Each relist sends a list of containers: those that are slow must not add up.
TEST_P(DamagedListTest, IsToldOnceNoListIsOutAnyMore) {
  ASSERT_TRUE(ListOnceConnected().ok());
  Break(std::get<0>(GetParam()).fault);
  const auto slow =
      sim::ParseFault({streamed() ? "StreamContainers" : "ListContainers", "latency=300ms"});
  ASSERT_TRUE(slow.ok()) << slow.status();
  server_->faults().Add(*slow);
  const Answer during = Begin().get();
  EXPECT_THAT(std::string(during.status().message()), HasSubstr("ListPodSandbox"));
  EXPECT_THAT(runtime_->Snapshot().running, ::testing::IsEmpty());
}

using absl::StatusCode;

INSTANTIATE_TEST_SUITE_P(
    Faults, ListFaultsTest,
    Combine(Values(Case{"malformed=truncated", StatusCode::kInternal, "damaged_reply"},
                   Case{"malformed=garbage", StatusCode::kInternal, "damaged_reply"},
                   Case{"malformed=bad-item", StatusCode::kOk, "malformed"},
                   Case{"malformed=no-metadata", StatusCode::kOk, "no_metadata"},
                   Case{"malformed=no-id", StatusCode::kOk, "no_id"},
                   Case{"malformed=duplicate", StatusCode::kOk, "duplicate_id"},
                   Case{"malformed=bad-utf8", StatusCode::kOk, "invalid_utf8"},
                   Case{"malformed=unknown-enum", StatusCode::kOk, ""},
                   Case{"malformed=unknown-field", StatusCode::kOk, ""},
                   Case{"latency=10ms", StatusCode::kOk, ""},
                   Case{"error=INTERNAL:boom", StatusCode::kInternal, ""},
                   Case{"error=INTERNAL:boom mid-reply", StatusCode::kInternal, ""},
                   Case{"oversized", StatusCode::kResourceExhausted, "too_large"},
                   Case{"drop", StatusCode::kUnavailable, ""},
                   Case{"drop mid-reply", StatusCode::kUnavailable, ""}),
            Values("ListPodSandbox", "ListContainers"), ::testing::Bool()));

INSTANTIATE_TEST_SUITE_P(OfContainers, ListFaultsTest,
                         Combine(Values(Case{"malformed=no-image", StatusCode::kOk, "no_image"}),
                                 Values("ListContainers"), ::testing::Bool()));

class HungListTest : public ListFaultsTest {};

TEST_P(HungListTest, IsInTheLedgerWhileItHangsAndAnsweredWhenItGoes) {
  const Answer before = ListOnceConnected();
  ASSERT_TRUE(before.ok()) << before.status();
  Break(std::get<0>(GetParam()).fault);
  std::future<Answer> answer = Begin();
  const sim::Rpc rpc = !streamed() ? (method() == "ListContainers" ? sim::Rpc::kListContainers
                                                                   : sim::Rpc::kListPodSandbox)
                       : method() == "ListContainers" ? sim::Rpc::kStreamContainers
                                                      : sim::Rpc::kStreamPodSandboxes;
  ASSERT_TRUE(server_->AwaitHung(rpc, 1, absl::Seconds(30)));
  const pleg::CallSnapshot calls = runtime_->Snapshot();
  ASSERT_EQ(calls.running.size(), 1u);
  EXPECT_EQ(calls.running[0].method, method());
  server_->faults().ClearAll();
  const Answer after = answer.get();
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(Ids(*after), Ids(*before));
}

INSTANTIATE_TEST_SUITE_P(Faults, HungListTest,
                         Combine(Values(Case{"hang", StatusCode::kOk, ""},
                                        Case{"hang mid-reply", StatusCode::kOk, ""}),
                                 Values("ListPodSandbox", "ListContainers"), ::testing::Bool()));

INSTANTIATE_TEST_SUITE_P(Sandboxes, DamagedListTest,
                         Combine(Values(Case{"malformed=garbage", StatusCode::kInternal, ""}),
                                 Values("ListPodSandbox"), ::testing::Bool()),
                         [](const auto& suite) {
                           return std::get<2>(suite.param) ? "Streamed" : "Plain";
                         });

}  // namespace
