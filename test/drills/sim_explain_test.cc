// Incidents played on simulated runtimes, many at a time since most of it is waiting: the diagnosis
// of a plegd that runs, or is started only then, is right within 15 s and names who is to blame;
// afterwards all is well again.

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "pleg/testing/sanitizers.h"
#include "test/drills/drill.h"
#include "test/drills/judge.h"

namespace plegd_testing {
namespace {

constexpr size_t kAtOnce = 8;

std::string TestName(const Drill& drill) { return absl::StrReplaceAll(drill.name, {{"-", "_"}}); }

// Thousands of containers are too slow for 15 s under a sanitizer.
std::vector<Drill> Playable() {
  std::vector<Drill> drills = Selected(SimDrills());
  if (pleg::testing::kSanitized) {
    std::erase_if(drills,
                  [](const Drill& drill) { return absl::StrContains(drill.name, "too-many"); });
  }
  return drills;
}

// Plays drills on a few threads, in order. Judgements may be taken from any thread.
class Players {
 public:
  explicit Players(std::vector<Drill> drills) : drills_(std::move(drills)) {
    for (const Drill& drill : drills_) {
      tasks_.emplace_back([drill] {
        DrillGround ground;
        return Judge(drill, ground);
      });
      judgements_.push_back(tasks_.back().get_future());
    }
    for (size_t i = 0; i < kAtOnce; ++i) threads_.emplace_back([this] { Play(); });
  }

  // Blocks until it has been played; once for each.
  Judgement Take(const std::string& name) {
    for (size_t i = 0; i < drills_.size(); ++i) {
      if (drills_[i].name == name) return judgements_[i].get();
    }
    return {"it is not played", ""};
  }

 private:
  void Play() {
    for (size_t i = next_++; i < tasks_.size(); i = next_++) tasks_[i]();
  }

  const std::vector<Drill> drills_;
  std::vector<std::packaged_task<Judgement()>> tasks_;
  std::vector<std::future<Judgement>> judgements_;
  std::atomic<size_t> next_ = 0;
  std::vector<std::jthread> threads_;  // last: they use the rest
};

class SimExplainTest : public testing::TestWithParam<Drill> {
 protected:
  static void SetUpTestSuite() {
    std::vector<Drill> wanted;
    for (Drill& drill : Playable()) {
      if (ShouldRun(drill)) wanted.push_back(std::move(drill));
    }
    players_ = new Players(std::move(wanted));
  }
  static void TearDownTestSuite() {
    delete players_;
    players_ = nullptr;
  }

  // Whether --gtest_filter and the sharding leave it to this process.
  static bool ShouldRun(const Drill& drill) {
    const testing::TestSuite& suite = *testing::UnitTest::GetInstance()->current_test_suite();
    for (int i = 0; i < suite.total_test_count(); ++i) {
      const testing::TestInfo& test = *suite.GetTestInfo(i);
      if (absl::EndsWith(test.name(), absl::StrCat("/", TestName(drill)))) {
        return test.should_run();
      }
    }
    return false;
  }

  static Players* players_;
};

Players* SimExplainTest::players_ = nullptr;

TEST_P(SimExplainTest, NamesWhatIsWrongInTimeAndThenThatAllIsWell) {
  const Judgement judgement = players_->Take(GetParam().name);
  std::cout << judgement.log << std::flush;
  EXPECT_EQ(judgement.problem, "");
}

INSTANTIATE_TEST_SUITE_P(All, SimExplainTest, testing::ValuesIn(Playable()),
                         [](const auto& drill) { return TestName(drill.param); });

}  // namespace
}  // namespace plegd_testing
