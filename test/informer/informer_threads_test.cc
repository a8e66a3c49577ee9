#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/informer/shared_informer.h"
#include "runtime/event_loop.h"
#include "runtime/system_clock.h"

namespace pleg {
namespace {

struct Thing {
  std::string key;
  int value = 0;
};
using Informer = SharedInformer<Thing>;
using Object = Informer::Object;

// Keeps what it is told, and waits for a state of it. Each change must follow from the one before.
class Mirror : public EventHandler<Thing> {
 public:
  void OnAdd(const Object& object, bool) override {
    Change([&] { EXPECT_TRUE(values_.emplace(object->key, object->value).second); });
  }
  void OnUpdate(const Object& before, const Object& object) override {
    Change([&] {
      EXPECT_EQ(values_[object->key], before->value);
      values_[object->key] = object->value;
    });
  }
  void OnDelete(const Object& last, bool) override {
    Change([&] { EXPECT_EQ(values_.erase(last->key), 1u); });
  }
  void AwaitValue(const std::string& key, int value) {
    std::unique_lock<std::mutex> lock(mu_);
    changed_.wait(lock, [&] {
      const auto found = values_.find(key);
      return found != values_.end() && found->second == value;
    });
  }
  std::map<std::string, int> values() {
    const std::lock_guard<std::mutex> lock(mu_);
    return values_;
  }

 private:
  template <typename Function>
  void Change(Function function) {
    const std::lock_guard<std::mutex> lock(mu_);
    function();
    changed_.notify_all();
  }

  std::mutex mu_;
  std::condition_variable changed_;
  std::map<std::string, int> values_;
};

class InformerThreadsTest : public ::testing::Test {
 protected:
  InformerThreadsTest()
      : informer_({.key = [](const Thing& thing) { return thing.key; },
                   .executor = loop_,
                   .clock = clock_}) {
    loop_.Start();
    handlers_.Start();
    informer_.Start();
  }
  ~InformerThreadsTest() override {
    informer_.Stop();
    handlers_.Stop();
    loop_.Stop();
  }
  void Produce(int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string key = absl::StrCat("k", i % 50);
      auto thing = std::make_shared<Thing>(Thing{key, i});
      EXPECT_TRUE((i % 7 == 0 ? informer_.Delete(thing) : informer_.Update(thing)).ok());
    }
  }

  runtime::SystemClock clock_;
  runtime::EventLoop loop_{"informer"};
  runtime::EventLoop handlers_{"handlers"};
  Informer informer_;
};

TEST_F(InformerThreadsTest, AFoldedHandlerAndAPromptOneEndUpWithTheSame) {
  auto prompt = std::make_shared<Mirror>();
  auto folded = std::make_shared<Mirror>();
  ASSERT_TRUE(informer_.AddEventHandler(prompt, {.executor = &handlers_}).ok());
  auto handle = informer_.AddEventHandler(folded, {.executor = &handlers_, .capacity = 1});
  std::thread other([this] { Produce(0, 5000); });
  Produce(5000, 10000);
  other.join();
  ASSERT_TRUE(informer_.Update(std::make_shared<Thing>(Thing{"last", 1})).ok());
  prompt->AwaitValue("last", 1);
  folded->AwaitValue("last", 1);
  ASSERT_TRUE(handle->ShutDown().ok());
  std::map<std::string, int> stored;
  for (const auto& [key, thing] : *informer_.store().Snapshot()) stored[key] = thing->value;
  EXPECT_EQ(prompt->values(), stored);
  EXPECT_EQ(folded->values(), stored);
}

TEST_F(InformerThreadsTest, HandlersMayComeAndGoFromManyThreadsWhileItRunsAndStops) {
  std::atomic<int> added = 0;
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 20; ++worker) {
    workers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        auto mirror = std::make_shared<Mirror>();
        absl::StatusOr<Informer::Handle> handle =
            informer_.AddEventHandler(mirror, {.executor = &handlers_});
        if (!handle.ok()) return;  // it has stopped
        ++added;
        if (round % 2 == 0) {
          EXPECT_TRUE(handle->ShutDown().ok());
        } else {
          handle->Remove();
        }
      }
    });
  }
  Produce(0, 10000);
  informer_.Stop();
  for (std::thread& worker : workers) worker.join();
  EXPECT_GT(added, 0);
}

}  // namespace
}  // namespace pleg
