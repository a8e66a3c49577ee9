#include "pleg/event_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/mutex.h"

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kStarted = EventType::kContainerStarted;
constexpr auto kDied = EventType::kContainerDied;
constexpr auto kRemoved = EventType::kContainerRemoved;
constexpr auto kPodSync = EventType::kPodSync;

// Pushes events with rising numbers.
class Pusher {
 public:
  explicit Pusher(EventQueue& queue) : queue_(queue) {}
  size_t operator()(const char* uid, const char* id, EventType type, int exit_code = 0) {
    Event event;
    event.seq = ++seq_;
    event.pod_uid = PodUid(uid);
    event.id = ContainerId(id);
    event.type = type;
    if (type == kDied) event.exit_code = exit_code;
    return queue_.Push(event);
  }

 private:
  EventQueue& queue_;
  uint64_t seq_ = 0;
};

std::vector<std::string> Lines(const EventQueue::Batch& batch) {
  std::vector<std::string> lines;
  for (const Event& e : batch.events) {
    lines.push_back(
        absl::StrCat(e.seq, " ", e.pod_uid.value(), " ", EventTypeName(e.type), " ", e.id.value()));
    if (e.exit_code.has_value()) absl::StrAppend(&lines.back(), " ", *e.exit_code);
  }
  return lines;
}

TEST(EventQueueTest, TakesInOrderOfPublication) {
  EventQueue queue(10);
  Pusher push(queue);
  push("p", "a", kStarted);
  push("q", "b", kStarted);
  push("p", "a", kDied, 3);
  EXPECT_EQ(queue.size(), 3u);
  const EventQueue::Batch batch = queue.Take();
  EXPECT_THAT(Lines(batch), ElementsAre("1 p ContainerStarted a", "2 q ContainerStarted b",
                                        "3 p ContainerDied a 3"));
  EXPECT_EQ(batch.folded, 0u);
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_THAT(queue.Take().events, IsEmpty());
}

TEST(EventQueueTest, TakesWholePodsTheLongestWaitingFirst) {
  EventQueue queue(10);
  Pusher push(queue);
  push("p", "a", kStarted);
  push("q", "b", kStarted);
  push("p", "a", kDied);
  push("r", "c", kStarted);
  EXPECT_THAT(Lines(queue.Take(1)), ElementsAre("1 p ContainerStarted a", "3 p ContainerDied a 0"));
  push("p", "a", kRemoved);
  EXPECT_THAT(Lines(queue.Take(1)), ElementsAre("2 q ContainerStarted b"));
  EXPECT_THAT(Lines(queue.Take(5)),
              ElementsAre("4 r ContainerStarted c", "5 p ContainerRemoved a"));
  EXPECT_THAT(queue.Take(0).events, IsEmpty());
}

TEST(EventQueueTest, FoldingKeepsEachContainersEndAndLastDeath) {
  EventQueue queue(6);
  Pusher push(queue);
  push("p", "a", kStarted);
  push("p", "a", kDied, 1);
  push("p", "a", kStarted);
  push("p", "b", kStarted);
  push("p", "a", kDied, 2);
  EXPECT_EQ(push("p", "a", kStarted), 0u);
  EXPECT_EQ(push("p", "", kPodSync), 3u);
  EXPECT_EQ(queue.size(), 4u);
  const EventQueue::Batch batch = queue.Take();
  EXPECT_EQ(batch.folded, 3u);
  EXPECT_THAT(Lines(batch), ElementsAre("4 p ContainerStarted b", "5 p ContainerDied a 2",
                                        "6 p ContainerStarted a", "7 p PodSync "));
  EXPECT_EQ(queue.Take().folded, 0u);
  EXPECT_EQ(queue.folded(), 3u);
}

TEST(EventQueueTest, ADeathAndARemovalBothStay) {
  EventQueue queue(1);
  Pusher push(queue);
  push("p", "a", kStarted);
  push("p", "a", kDied, 7);
  push("p", "a", kRemoved);
  EXPECT_THAT(Lines(queue.Take()), ElementsAre("2 p ContainerDied a 7", "3 p ContainerRemoved a"));
}

TEST(EventQueueTest, APodIsFoldedOnlyForItsOwnEvents) {
  EventQueue queue(3);
  Pusher push(queue);
  push("p", "a", kStarted);
  push("p", "a", kDied);
  push("p", "a", kStarted);
  EXPECT_EQ(push("q", "b", kStarted), 0u);
  EXPECT_EQ(push("q", "b", kDied), 1u);
  EXPECT_EQ(push("p", "a", kDied), 3u);
  EXPECT_THAT(Lines(queue.Take()), ElementsAre("5 q ContainerDied b 0", "6 p ContainerDied a 0"));
}

TEST(EventQueueTest, ARestartingContainerStaysSmallUnread) {
  EventQueue queue(4);
  Pusher push(queue);
  for (int i = 0; i < 10'000; ++i) {
    push("p", "a", kStarted);
    push("p", "a", kDied, i);
    ASSERT_LE(queue.size(), 4u);
  }
  const EventQueue::Batch batch = queue.Take();
  EXPECT_EQ(batch.folded + batch.events.size(), 20'000u);
  EXPECT_EQ(batch.events.back().exit_code, 9'999);
}

TEST(EventQueueTest, FarOverItsCapacityItForgetsWhatCameAndWentUnheardOf) {
  EventQueue queue(2);
  Pusher push(queue);
  push("p", "known", kStarted);
  queue.Take();
  push("p", "known", kDied, 1);
  push("p", "known", kRemoved);
  push("p", "unheard", kDied, 2);
  push("p", "unheard", kRemoved);
  push("q", "gone", kDied, 3);
  push("q", "gone", kRemoved);
  push("r", "", kPodSync);
  EXPECT_EQ(push("s", "stays", kStarted), 0u);
  EXPECT_EQ(push("s", "stays", kDied, 4), 6u);  // with the start that is folded
  const EventQueue::Batch batch = queue.Take();
  EXPECT_EQ(batch.folded, 6u);
  EXPECT_THAT(Lines(batch), ElementsAre("2 p ContainerDied known 1", "3 p ContainerRemoved known",
                                        "10 s ContainerDied stays 4"));
}

TEST(EventQueueTest, WhatIsRemovedAndBackIsNotForgotten) {
  EventQueue queue(1);
  Pusher push(queue);
  push("p", "a", kDied, 1);
  push("p", "a", kRemoved);
  push("p", "a", kStarted);
  for (const char* uid : {"q", "r", "s"}) push(uid, "b", kStarted);
  EXPECT_EQ(queue.size(), 5u);
  EXPECT_EQ(Lines(queue.Take(1)).back(), "3 p ContainerStarted a");
}

TEST(EventQueueTest, AConsumerThatNeverTakesCostsNoMoreThanWhatExists) {
  EventQueue queue(10);
  Pusher push(queue);
  for (int i = 0; i < 10; ++i) push("p", absl::StrCat("told-", i).c_str(), kStarted);
  queue.Take();
  for (int i = 0; i < 5'000; ++i) {
    const std::string uid = absl::StrCat("pod-", i);
    push(uid.c_str(), "c", kStarted);
    push(uid.c_str(), "c", kDied, 1);
    push(uid.c_str(), "c", kRemoved);
    push(uid.c_str(), "", kPodSync);
    ASSERT_LE(queue.size(), 41u);
  }
  for (int i = 0; i < 10; ++i) push("p", absl::StrCat("told-", i).c_str(), kRemoved);
  const EventQueue::Batch batch = queue.Take();
  EXPECT_GE(batch.events.size(), 10u);
  EXPECT_EQ(batch.folded + batch.events.size(), 20'010u);
}

TEST(EventQueueTest, CapacityIsAtLeastOne) {
  EventQueue queue(0);
  Pusher push(queue);
  EXPECT_EQ(push("p", "a", kStarted), 0u);
  EXPECT_EQ(push("p", "a", kDied), 1u);
}

TEST(EventQueueTest, TellsOnlyWhenItTurnsNonEmpty) {
  int ready = 0;
  EventQueue queue(2, [&ready] { ++ready; });
  Pusher push(queue);
  push("p", "a", kStarted);
  push("p", "a", kDied);
  push("p", "a", kRemoved);
  push("q", "b", kStarted);
  EXPECT_EQ(ready, 1);
  queue.Take(1);
  push("p", "c", kStarted);
  EXPECT_EQ(ready, 1);  // q was still there
  queue.Take();
  push("p", "c", kDied);
  EXPECT_EQ(ready, 2);
}

// A consumer with a thread of its own that sleeps until the queue is ready.
class Taker {
 public:
  explicit Taker(size_t capacity)
      : queue(capacity, [this] { Wake(ready_); }), thread_([this] { Run(); }) {}

  // Takes what is left and ends.
  void Finish() {
    Wake(done_);
    thread_.join();
  }

  EventQueue queue;
  // After Finish.
  uint64_t taken = 0;
  uint64_t folded = 0;
  uint64_t unordered = 0;
  std::map<std::string, Event> last;  // by pod

 private:
  void Wake(bool& flag) {
    MutexLock lock(mu_);
    flag = true;
    woken_.notify_one();
  }
  void Run() {
    for (bool finished = false; !finished;) {
      {
        std::unique_lock<Mutex> lock(mu_);
        woken_.wait(lock, [this] { return ready_ || done_; });
        ready_ = false;
        finished = done_;
      }
      const EventQueue::Batch batch = queue.Take();
      folded += batch.folded;
      for (const Event& event : batch.events) {
        ++taken;
        Event& before = last[event.pod_uid.value()];
        if (event.seq <= before.seq) ++unordered;
        before = event;
      }
    }
  }

  Mutex mu_;
  std::condition_variable_any woken_;
  bool ready_ = false;
  bool done_ = false;
  std::thread thread_;
};

TEST(EventQueueTest, OneThreadPushesAnotherTakes) {
  constexpr int kRounds = 2'000;
  Taker taker(50);
  Pusher push(taker.queue);
  uint64_t told = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string uid = absl::StrCat("pod-", i % 5);
    told += push(uid.c_str(), "c", kStarted);
    told += push(uid.c_str(), "c", kDied, i);
  }
  taker.Finish();
  EXPECT_EQ(taker.unordered, 0u);
  EXPECT_EQ(taker.folded, told);
  EXPECT_EQ(taker.taken + taker.folded, 2u * kRounds);
  ASSERT_EQ(taker.last.size(), 5u);
  for (const auto& [uid, end] : taker.last) {
    EXPECT_EQ(end.type, kDied);
    EXPECT_GE(end.exit_code, kRounds - 5);
  }
}

}  // namespace
}  // namespace pleg
