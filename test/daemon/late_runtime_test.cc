// The daemon as a process, at a runtime that comes late, goes and comes again, or is another one
// behind the same path: it is found at once, and told once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/sim/sim_runtime.h"
#include "runtime/sim/sim_server.h"
#include "test/process/plegd_process.h"
#include "test/process/sim_node.h"
#include "test/process/status_testing.h"

namespace {

using ::plegd_testing::PlegdProcess;
using ::testing::HasSubstr;

// From the runtime's first possible answer to the end of the first good relist.
constexpr absl::Duration kFoundWithin = absl::Milliseconds(1500);

class LateRuntimeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::create_directory(run_dir()));
    runtime_ = std::make_shared<sim::SimRuntime>(sim::RuntimeOptions{.pods = 3});
  }

  std::string run_dir() const { return dir_.File("run"); }
  std::string socket_path() const { return run_dir() + "/cri.sock"; }

  void Serve(const std::string& version = "0.1.0") {
    auto server = sim::SimServer::Start(
        {.socket_path = socket_path(), .service = {.runtime_version = version}}, runtime_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    served_at_ = absl::Now();
  }
  void Start(const std::string& started_when = "/readyz") {
    plegd_testing::PlegdOptions options;
    options.relist_period = "500ms";
    options.started_when = started_when;
    ASSERT_OK_AND_ASSIGN(plegd_,
                         PlegdProcess::Start("unix://" + socket_path(), dir_.path(), options));
  }
  double GoodRelists() const {
    return plegd_->Metric("pleg_relist_phase_duration_seconds_count{phase=\"list_containers\"}")
        .value_or(0);
  }
  // `before` good relists had been made when there was nobody to list.
  void ExpectFoundInTime(double before) {
    EXPECT_TRUE(plegd_testing::WaitUntil([&] { return GoodRelists() > before; }));
    EXPECT_LE(absl::Now() - served_at_, kFoundWithin);
  }
  // Waits until a list has failed because the runtime is gone.
  void WaitUntilLost() {
    EXPECT_TRUE(plegd_testing::WaitUntil([&] { return FailedLists() > failed_lists_; }));
    failed_lists_ = FailedLists();
  }
  double FailedLists() const {
    return plegd_->Metric("pleg_cri_calls_total{code=\"Unavailable\",method=\"ListPodSandbox\"}")
        .value_or(0);
  }
  // Lines about the endpoint that an operator sees at the default level.
  int Lines() const {
    const std::string wanted = absl::StrCat("endpoint=unix://", socket_path());
    int lines = 0;
    for (absl::string_view line : absl::StrSplit(plegd_->Log(), '\n')) {
      lines += absl::StrContains(line, wanted) ? 1 : 0;
    }
    return lines;
  }

  const plegd_testing::ScratchDir dir_;
  std::shared_ptr<sim::SimRuntime> runtime_;
  std::unique_ptr<sim::SimServer> server_;
  std::unique_ptr<PlegdProcess> plegd_;
  absl::Time served_at_;
  double failed_lists_ = 0;
};

TEST_F(LateRuntimeTest, PlegdIsThereLongBefore) {
  Start("/livez");
  // Several tries to connect have failed, and relists too.
  EXPECT_TRUE(plegd_testing::WaitUntil(
      [&] { return plegd_->Metric("pleg_relist_duration_seconds_count").value_or(0) >= 2; }));
  ASSERT_NO_FATAL_FAILURE(Serve());
  ExpectFoundInTime(0);
}

TEST_F(LateRuntimeTest, NotEvenItsDirectoryIsThere) {
  std::filesystem::remove(run_dir());
  Start("/livez");
  std::filesystem::create_directory(run_dir());
  ASSERT_NO_FATAL_FAILURE(Serve());
  ExpectFoundInTime(0);
}

TEST_F(LateRuntimeTest, ItRestartsAsAnotherVersion) {
  ASSERT_NO_FATAL_FAILURE(Serve("1.0.0"));
  Start();
  EXPECT_THAT(plegd_->Get("/healthz?verbose")->body, HasSubstr("1.0.0"));
  server_ = nullptr;
  WaitUntilLost();
  const double before = GoodRelists();
  ASSERT_NO_FATAL_FAILURE(Serve("2.0.0"));
  ExpectFoundInTime(before);
  EXPECT_TRUE(plegd_testing::WaitUntil(
      [&] { return plegd_->Get("/healthz?verbose")->body.find("2.0.0") != std::string::npos; }));
  EXPECT_EQ(plegd_->Metric("pleg_healthy").value_or(0), 1);
}

// The old one still answers on its connection, but its name leads to another.
TEST_F(LateRuntimeTest, ItsSocketAndDirectoryAreMadeAnew) {
  ASSERT_NO_FATAL_FAILURE(Serve());
  Start();
  server_ = nullptr;
  std::filesystem::remove_all(run_dir());
  WaitUntilLost();
  const double before = GoodRelists();
  std::filesystem::create_directory(run_dir());
  ASSERT_NO_FATAL_FAILURE(Serve());
  ExpectFoundInTime(before);
}

TEST_F(LateRuntimeTest, AbsenceIsOneLineHoweverLongAndReturnAnother) {
  ASSERT_NO_FATAL_FAILURE(Serve());
  Start();
  for (int restart = 1; restart <= 2; ++restart) {
    const int before = Lines();
    server_ = nullptr;
    WaitUntilLost();
    ASSERT_TRUE(plegd_testing::WaitUntil([&] { return Lines() > before; }));
    const int away = Lines();
    WaitUntilLost();
    WaitUntilLost();
    EXPECT_EQ(Lines(), away) << plegd_->Log();
    EXPECT_LE(away - before, 1) << plegd_->Log();
    const double relists = GoodRelists();
    ASSERT_NO_FATAL_FAILURE(Serve());
    ExpectFoundInTime(relists);
    ASSERT_TRUE(plegd_testing::WaitUntil([&] { return Lines() > away; }));
    ASSERT_TRUE(plegd_->WaitForTwoRelists());
    EXPECT_LE(Lines() - away, 1) << plegd_->Log();
  }
}

// Its name is another's while its connection lives on: that one is asked as long as it answers, and
// the next when it is gone.
TEST_F(LateRuntimeTest, AnotherTakesItsNameWhileItLivesOn) {
  ASSERT_NO_FATAL_FAILURE(Serve("1.0.0"));
  Start();
  const std::unique_ptr<sim::SimServer> old = std::move(server_);
  std::filesystem::rename(socket_path(), run_dir() + "/old.sock");
  ASSERT_NO_FATAL_FAILURE(Serve("2.0.0"));
  const double before = GoodRelists();
  old->DropConnections();
  served_at_ = absl::Now();
  ExpectFoundInTime(before);
  EXPECT_TRUE(plegd_testing::WaitUntil(
      [&] { return plegd_->Get("/healthz?verbose")->body.find("2.0.0") != std::string::npos; }));
}

}  // namespace
