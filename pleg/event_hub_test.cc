#include "pleg/event_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "pleg/testing/sim_executor.h"

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Event Started(const char* id) {
  Event event;
  event.type = EventType::kContainerStarted;
  event.pod_uid = PodUid("p");
  event.id = ContainerId(id);
  return event;
}

std::vector<uint64_t> Seqs(EventQueue& queue) {
  std::vector<uint64_t> seqs;
  for (const Event& event : queue.Take().events) seqs.push_back(event.seq);
  return seqs;
}

TEST(EventHubTest, NumbersFromOneWithoutGapsAndStampsTheWallClock) {
  testing::SimClock clock;
  EventHub hub(clock);
  const auto queue = hub.Subscribe(10);
  hub.Publish(Started("a"));
  const absl::Time first = clock.WallNow();
  clock.JumpWall(-absl::Hours(5));
  hub.Publish(Started("b"));
  const std::vector<Event> events = queue->Take().events;
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].seq, 1u);
  EXPECT_EQ(events[0].time, first);
  EXPECT_EQ(events[1].seq, 2u);
  EXPECT_EQ(events[1].time, first - absl::Hours(5));
}

TEST(EventHubTest, EverySubscriberGetsEveryEventFromItsSubscriptionOn) {
  testing::SimClock clock;
  EventHub hub(clock);
  EXPECT_EQ(hub.Publish(Started("a")), 0u);
  const auto early = hub.Subscribe(10);
  hub.Publish(Started("b"));
  const auto late = hub.Subscribe(10);
  hub.Publish(Started("c"));
  EXPECT_THAT(Seqs(*early), ElementsAre(2u, 3u));
  EXPECT_THAT(Seqs(*late), ElementsAre(3u));
}

TEST(EventHubTest, UnsubscribeEndsIt) {
  testing::SimClock clock;
  EventHub hub(clock);
  const auto one = hub.Subscribe(10);
  const auto other = hub.Subscribe(10);
  hub.Unsubscribe(one);
  hub.Unsubscribe(one);
  hub.Publish(Started("a"));
  EXPECT_THAT(Seqs(*one), IsEmpty());
  EXPECT_THAT(Seqs(*other), ElementsAre(1u));
}

TEST(EventHubTest, CountsWhatEveryQueueFoldedAway) {
  testing::SimClock clock;
  EventHub hub(clock);
  const auto small = hub.Subscribe(1);
  const auto smaller = hub.Subscribe(0);
  const auto large = hub.Subscribe(10);
  EXPECT_EQ(hub.Publish(Started("a")), 0u);
  EXPECT_EQ(hub.Publish(Started("a")), 2u);
  EXPECT_EQ(large->size(), 2u);
}

TEST(EventHubTest, WakesTheSubscriber) {
  testing::SimClock clock;
  EventHub hub(clock);
  int ready = 0;
  const auto queue = hub.Subscribe(10, [&ready] { ++ready; });
  hub.Publish(Started("a"));
  hub.Publish(Started("b"));
  EXPECT_EQ(ready, 1);
}

TEST(EventHubTest, SubscribersComeAndGoOnOtherThreads) {
  testing::SimClock clock;
  EventHub hub(clock);
  std::atomic<bool> done{false};
  size_t gaps = 0;
  std::thread subscriber([&] {
    while (!done) {
      const auto queue = hub.Subscribe(1'000'000);
      std::this_thread::yield();
      hub.Unsubscribe(queue);
      const std::vector<uint64_t> seqs = Seqs(*queue);
      for (size_t i = 1; i < seqs.size(); ++i) gaps += seqs[i] != seqs[i - 1] + 1;
    }
  });
  const auto all = hub.Subscribe(1'000'000);
  for (int i = 0; i < 5'000; ++i) hub.Publish(Started("a"));
  done = true;
  subscriber.join();
  EXPECT_EQ(gaps, 0u);
  EXPECT_EQ(all->size(), 5'000u);
}

}  // namespace
}  // namespace pleg
