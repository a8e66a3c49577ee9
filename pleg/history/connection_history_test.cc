#include "pleg/history/connection_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SettableClock : public Clock {
 public:
  MonoTime Now() const override { return now; }
  absl::Time WallNow() const override { return absl::UnixEpoch(); }
  void Advance(absl::Duration by) { now = now + by; }
  MonoTime now;
};

TEST(ConnectionHistoryTest, TheFirstConnectionIsNoReconnect) {
  SettableClock clock;
  ConnectionHistory history(clock);
  history.OnConnection(false, "no such socket");
  clock.Advance(absl::Seconds(5));
  EXPECT_FALSE(history.Now().connected);
  EXPECT_EQ(history.Now().reason, "no such socket");
  EXPECT_EQ(history.Now().lasts, absl::Seconds(5));
  history.OnConnection(true, "");
  EXPECT_TRUE(history.Now().connected);
  EXPECT_EQ(history.Now().reason, "");
  EXPECT_THAT(history.Now().reconnects, IsEmpty());
}

TEST(ConnectionHistoryTest, ReconnectsAgeAndAreForgotten) {
  SettableClock clock;
  ConnectionHistory history(clock);
  for (int i = 0; i < 3; ++i) {
    history.OnConnection(true, "");
    clock.Advance(absl::Minutes(10));
    history.OnConnection(false, "gone");
  }
  EXPECT_THAT(history.Now().reconnects, ElementsAre(absl::Minutes(10), absl::Minutes(20)));
  clock.Advance(absl::Minutes(45));
  EXPECT_THAT(history.Now().reconnects, ElementsAre(absl::Minutes(55)));
  EXPECT_EQ(history.Now().reason, "gone");
}

TEST(ConnectionHistoryTest, IsBounded) {
  SettableClock clock;
  ConnectionHistory history(clock);
  for (int i = 0; i < 1000; ++i) history.OnConnection(i % 2 == 0, "");
  EXPECT_EQ(history.Now().reconnects.size(), ConnectionHistory::kMaxKept);
}

}  // namespace
}  // namespace pleg
