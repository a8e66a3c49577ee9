#include "runtime/event_loop.h"

#include <pthread.h>

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "runtime/system_clock.h"

namespace runtime {
namespace {

pleg::MonoTime Later(absl::Duration d) { return SystemClock::MonoNow() + d; }

// Runs everything queued so far.
void Drain(EventLoop& loop) {
  std::promise<void> done;
  loop.Post([&] { done.set_value(); });
  done.get_future().wait();
}

TEST(EventLoopTest, RunsTasksInOrderOnItsOwnNamedThread) {
  EventLoop loop("a-name-that-is-too-long");
  std::vector<int> order;
  std::string name(16, '\0');
  for (int i = 0; i < 100; ++i) loop.Post([&order, i] { order.push_back(i); });
  loop.Post([&] { pthread_getname_np(pthread_self(), name.data(), name.size()); });
  EXPECT_EQ(loop.QueueDepth(), 101u);
  loop.Start();
  Drain(loop);
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_STREQ(name.c_str(), "a-name-that-is-");
  EXPECT_EQ(loop.QueueDepth(), 0u);
}

TEST(EventLoopTest, NeverRunsATaskInline) {
  EventLoop loop;
  loop.Start();
  auto ran = std::make_shared<int>(0);
  std::promise<int> ran_inline;
  loop.Post([&loop, &ran_inline, ran] {
    loop.Post([ran] { ++*ran; });
    loop.PostAt(pleg::MonoTime(), [ran] { ++*ran; });
    ran_inline.set_value(*ran);
  });
  EXPECT_EQ(ran_inline.get_future().get(), 0);
  Drain(loop);
  Drain(loop);
  loop.Stop();
  EXPECT_EQ(*ran, 2);
}

TEST(EventLoopTest, TimersRunInTimeOrderAndNotEarly) {
  EventLoop loop;
  loop.Start();
  std::vector<int> order;
  std::promise<void> done;
  const pleg::MonoTime base = Later(absl::Milliseconds(20));
  std::vector<bool> early;
  auto note = [&](int n, pleg::MonoTime when) {
    order.push_back(n);
    early.push_back(SystemClock::MonoNow() < when);
  };
  const pleg::MonoTime third = base + absl::Milliseconds(2);
  loop.PostAt(third, [&] {
    note(3, third);
    done.set_value();
  });
  loop.PostAt(base, [&] { note(1, base); });
  loop.PostAt(base, [&] { note(2, base); });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(early, (std::vector<bool>{false, false, false}));
}

TEST(EventLoopTest, CancelOnTheLoopIsCertainEvenForADueTimer) {
  EventLoop loop;
  loop.Start();
  bool ran = false;
  std::promise<void> done;
  loop.Post([&] {
    const pleg::Executor::TimerId id = loop.PostAt(pleg::MonoTime(), [&] { ran = true; });
    loop.PostAt(pleg::MonoTime(), [&] { done.set_value(); });
    loop.Cancel(id);
    loop.Cancel(id);
    loop.Cancel(0);
  });
  done.get_future().wait();
  EXPECT_FALSE(ran);
}

TEST(EventLoopTest, ATaskThatAlwaysPostsDoesNotStarveTimers) {
  EventLoop loop;
  loop.Start();
  std::promise<void> done;
  bool stop = false;
  std::function<void()> busy = [&] {
    if (!stop) loop.Post([&] { busy(); });
  };
  loop.Post([&] { busy(); });
  loop.PostAt(Later(absl::Milliseconds(5)), [&] {
    stop = true;
    done.set_value();
  });
  done.get_future().wait();
  Drain(loop);
}

TEST(EventLoopTest, ATimerThatRearmsItselfDoesNotStarveTasks) {
  EventLoop loop;
  loop.Start();
  bool stop = false;
  std::function<void()> rearm = [&] {
    if (!stop) loop.PostAt(pleg::MonoTime(), [&] { rearm(); });
  };
  loop.Post([&] { rearm(); });
  Drain(loop);
  loop.Post([&] { stop = true; });
  Drain(loop);
}

TEST(EventLoopTest, StopDestroysWhatIsLeftUnrun) {
  auto token = std::make_shared<int>(0);
  EventLoop loop;
  loop.Start();
  std::promise<void> running;
  loop.Post([&] {
    running.set_value();
    while (!loop.Stopping()) std::this_thread::yield();
  });
  running.get_future().wait();
  bool ran = false;
  loop.Post([token, &ran] { ran = true; });
  loop.PostAt(Later(absl::Hours(1)), [token, &ran] { ran = true; });
  EXPECT_EQ(token.use_count(), 3);
  loop.Stop();
  EXPECT_FALSE(ran);
  EXPECT_EQ(token.use_count(), 1);
  loop.Post([token, &ran] { ran = true; });
  loop.PostAt(pleg::MonoTime(), [token, &ran] { ran = true; });
  EXPECT_EQ(token.use_count(), 1);
}

TEST(EventLoopTest, ATaskDestroyedByStopMayPost) {
  EventLoop loop;
  struct PostsWhenDestroyed {
    explicit PostsWhenDestroyed(EventLoop& l) : loop(l) {}
    ~PostsWhenDestroyed() {
      loop.Post([] {});
    }
    EventLoop& loop;
  };
  loop.Post([p = std::make_unique<PostsWhenDestroyed>(loop)] {});
  loop.Stop();
  EXPECT_FALSE(loop.LastTurn() > SystemClock::MonoNow());
}

TEST(EventLoopTest, LastTurnAdvancesWhileIdleAndStandsWhileATaskBlocks) {
  EventLoop loop;
  loop.Start();
  Drain(loop);
  const pleg::MonoTime before = loop.LastTurn();
  while (loop.LastTurn() <= before) std::this_thread::yield();  // the heartbeat
  std::promise<void> running;
  std::promise<void> release;
  loop.Post([&] {
    running.set_value();
    release.get_future().wait();
  });
  running.get_future().wait();
  const pleg::MonoTime blocked = loop.LastTurn();
  EXPECT_LE(blocked, SystemClock::MonoNow());
  EXPECT_EQ(loop.LastTurn(), blocked);
  release.set_value();
  Drain(loop);
  EXPECT_GT(loop.LastTurn(), blocked);
}

TEST(EventLoopTest, QuietTasksRunWithTheNextTaskOrAfterASecond) {
  EventLoop loop;
  loop.Start();
  Drain(loop);
  bool ran = false;
  loop.PostQuietly([&] { ran = true; });
  Drain(loop);
  EXPECT_TRUE(ran);
  std::promise<void> alone;
  loop.PostQuietly([&] { alone.set_value(); });
  alone.get_future().wait();
  Drain(loop);
  EXPECT_EQ(loop.QueueDepth(), 0u);
}

TEST(EventLoopTest, ATimerWaitsALittleForAnotherOne) {
  EventLoop loop;
  std::vector<pleg::MonoTime> ran;
  std::promise<void> both;
  const pleg::MonoTime when = Later(absl::Milliseconds(400));
  // 20 ms, which is what 400 ms allow for, includes the 10 ms between the two, but not 30 ms.
  loop.PostAt(when, [&] { ran.push_back(SystemClock::MonoNow()); });
  loop.PostAt(when + absl::Milliseconds(10), [&] { ran.push_back(SystemClock::MonoNow()); });
  loop.PostAt(when + absl::Milliseconds(30), [&] { both.set_value(); });
  loop.Start();
  both.get_future().wait();
  Drain(loop);
  ASSERT_EQ(ran.size(), 2u);
  EXPECT_GE(ran[0], when + absl::Milliseconds(10));
  EXPECT_GE(ran[1], ran[0]);
}

}  // namespace
}  // namespace runtime
