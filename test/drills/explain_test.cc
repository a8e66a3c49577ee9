// Incidents played on a real containerd: the diagnosis of a plegd that runs, or is started only
// then, is right within 15 s and names who is to blame; afterwards all is well again.

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "plegd/v1/diagnosis.pb.h"
#include "test/containerd/containerd_fixture.h"
#include "test/drills/drill.h"
#include "test/process/plegd_process.h"
#include "test/process/status_testing.h"
#include "test/process/subprocess.h"

namespace plegd_testing {

void PrintTo(const Drill& drill, std::ostream* out) { *out << drill.name; }

namespace {

constexpr absl::Duration kBudget = absl::Seconds(15);

class ExplainTest : public testing::TestWithParam<Drill> {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<std::unique_ptr<Containerd>> node = Containerd::Start();
    ASSERT_OK(node.status());
    node_ = node->release();
  }
  static void TearDownTestSuite() {
    delete node_;
    node_ = nullptr;
  }

  void StartPlegd(const std::string& when) {
    PlegdOptions options = {.relist_period = "1s"};
    options.started_when = when;
    ASSERT_OK_AND_ASSIGN(plegd_, PlegdProcess::Start(node_->endpoint(), node_->dir(), options));
  }

  plegd::v1::Finding Ask() {
    const absl::StatusOr<HttpReply> reply = plegd_->Get("/api/v1/diagnosis");
    plegd::v1::Diagnosis diagnosis;
    if (!reply.ok() || !google::protobuf::util::JsonStringToMessage(reply->body, &diagnosis).ok() ||
        diagnosis.findings().empty()) {
      return {};
    }
    return diagnosis.findings(0);
  }

  bool Blames(const plegd::v1::Finding& finding, const Stage::StagedPod& victim) const {
    return std::any_of(finding.culprits().begin(), finding.culprits().end(),
                       [&](const plegd::v1::Object& culprit) {
                         const plegd::v1::CallTarget& target = culprit.target();
                         return target.id() == victim.container &&
                                target.pod_name() == victim.name &&
                                target.pod_namespace() == "shop";
                       });
  }

  bool Fits(const plegd::v1::Finding& finding, const Stage& stage) const {
    const Drill& drill = GetParam();
    return finding.code() == drill.code &&
           (!drill.names_victim || (Blames(finding, stage.victim()) &&
                                    absl::StrContains(finding.sentence(), stage.victim().name)));
  }

  static Containerd* node_;
  std::unique_ptr<PlegdProcess> plegd_;
};

Containerd* ExplainTest::node_ = nullptr;

TEST_P(ExplainTest, NamesWhatIsWrongInTimeAndThenThatAllIsWell) {
  ASSERT_NE(node_, nullptr);
  const Drill& drill = GetParam();
  Stage stage(*node_);
  ASSERT_OK(stage.AddPods());
  if (!drill.cold) {
    StartPlegd("/readyz");
    ASSERT_TRUE(WaitUntil([&] { return Ask().code() == "HEALTHY"; })) << Ask().DebugString();
  }
  ASSERT_OK(drill.break_it(stage));
  const absl::Time broken = absl::Now();
  if (drill.cold) StartPlegd("/livez");
  plegd::v1::Finding finding;
  const auto fits = [&] {
    finding = Ask();
    return Fits(finding, stage);
  };
  EXPECT_TRUE(WaitUntil(fits, kBudget)) << finding.DebugString() << plegd_->LogTail();
  std::cout << drill.name << ": after " << absl::FormatDuration(absl::Now() - broken) << ": "
            << finding.code() << ": " << finding.sentence() << std::endl;
  ASSERT_OK(drill.heal(stage));
  const absl::Time healed = absl::Now();
  const auto is_well = [&] {
    finding = Ask();
    return finding.code() == "HEALTHY" ||
           (!drill.afterwards.empty() && finding.code() == drill.afterwards);
  };
  EXPECT_TRUE(WaitUntil(is_well, absl::Seconds(20))) << finding.DebugString();
  std::cout << drill.name << ": healed for " << absl::FormatDuration(absl::Now() - healed) << ": "
            << finding.code() << ": " << finding.sentence() << std::endl;
}

INSTANTIATE_TEST_SUITE_P(All, ExplainTest, testing::ValuesIn(Drills()), [](const auto& drill) {
  return absl::StrReplaceAll(drill.param.name, {{"-", "_"}});
});

}  // namespace
}  // namespace plegd_testing
