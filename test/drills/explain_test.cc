// Incidents played on a real containerd: the diagnosis of a plegd that runs, or is started only
// then, is right within 15 s and names who is to blame; afterwards all is well again.

#include <gtest/gtest.h>

#include <iostream>

#include "absl/strings/str_replace.h"
#include "test/drills/drill.h"
#include "test/drills/judge.h"

namespace plegd_testing {
namespace {

class ExplainTest : public testing::TestWithParam<Drill> {
 protected:
  static void SetUpTestSuite() { ground_ = new DrillGround; }
  static void TearDownTestSuite() {
    delete ground_;
    ground_ = nullptr;
  }

  static DrillGround* ground_;
};

DrillGround* ExplainTest::ground_ = nullptr;

TEST_P(ExplainTest, NamesWhatIsWrongInTimeAndThenThatAllIsWell) {
  const Judgement judgement = Judge(GetParam(), *ground_);
  std::cout << judgement.log << std::flush;
  EXPECT_EQ(judgement.problem, "");
}

INSTANTIATE_TEST_SUITE_P(All, ExplainTest, testing::ValuesIn(Selected(ContainerdDrills())),
                         [](const auto& drill) {
                           return absl::StrReplaceAll(drill.param.name, {{"-", "_"}});
                         });

}  // namespace
}  // namespace plegd_testing
