#include "node/assessor.h"

#include <atomic>
#include <future>
#include <thread>

#include "gtest/gtest.h"
#include "pleg/testing/sim_executor.h"

namespace node {
namespace {

class AssessorTest : public ::testing::Test {
 protected:
  std::shared_ptr<const Assessment> Make() {
    ++made_;
    auto assessment = std::make_shared<Assessment>();
    assessment->made_at = clock_.Now();
    return assessment;
  }

  pleg::testing::SimClock clock_;
  std::atomic<int> made_ = 0;
  Assessor assessor_{[this] { return Make(); }, clock_};
};

TEST_F(AssessorTest, ThereIsOneFromTheStartThatDoesNotCountAsFresh) {
  ASSERT_NE(assessor_.Last(), nullptr);
  EXPECT_EQ(made_, 1);
  EXPECT_NE(assessor_.Last(), assessor_.Read());
  EXPECT_EQ(made_, 2);
}

TEST_F(AssessorTest, ReadersWithinASecondGetTheSame) {
  const auto first = assessor_.Read();
  clock_.Advance(absl::Milliseconds(999));
  EXPECT_EQ(assessor_.Read(), first);
  EXPECT_EQ(assessor_.Last(), first);
  clock_.Advance(absl::Milliseconds(1));
  const auto second = assessor_.Read();
  EXPECT_NE(second, first);
  EXPECT_EQ(second->made_at, clock_.Now());
}

TEST_F(AssessorTest, NothingIsMadeWhileNobodyReads) {
  const auto first = assessor_.Read();
  const int made = made_;
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(assessor_.Last(), first);
  EXPECT_EQ(made_, made);
}

TEST(AssessorThreadsTest, WhileOneIsMadeOthersGetTheOneBeforeAtOnce) {
  pleg::testing::SimClock clock;
  std::atomic<int> made = 0;
  std::promise<void> begun;
  std::promise<void> go_on;
  Assessor assessor(
      [&] {
        if (++made == 2) {
          begun.set_value();
          go_on.get_future().wait();
        }
        return std::make_shared<const Assessment>();
      },
      clock);
  const auto before = assessor.Last();
  std::shared_ptr<const Assessment> slow;
  std::thread maker([&] { slow = assessor.Read(); });
  begun.get_future().wait();
  clock.Advance(absl::Seconds(30));
  EXPECT_EQ(assessor.Read(), before);  // would hang here if it waited
  EXPECT_EQ(made, 2);
  go_on.set_value();
  maker.join();
  EXPECT_EQ(assessor.Last(), slow);
  EXPECT_NE(slow, before);
}

TEST(AssessorThreadsTest, ManyReadersMakeOne) {
  pleg::testing::SimClock clock;
  std::atomic<int> made = 0;
  std::atomic<int> at_once = 0;
  Assessor assessor(
      [&] {
        EXPECT_EQ(++at_once, 1);
        ++made;
        --at_once;
        return std::make_shared<const Assessment>();
      },
      clock);
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) EXPECT_NE(assessor.Read(), nullptr);
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(made, 2);
}

}  // namespace
}  // namespace node
