#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/informer/delta_fifo.h"

namespace pleg {
namespace {

struct Thing {
  std::string key;
  int value = 0;
};
using Fifo = DeltaFifo<Thing>;

Fifo::Options Options() {
  Fifo::Options options;
  options.key = [](const Thing& thing) { return thing.key; };
  return options;
}

TEST(DeltaFifoThreadsTest, EachProducersObjectsArePoppedInItsOrder) {
  constexpr int kEach = 500;
  Fifo fifo(Options());
  std::vector<std::thread> producers;
  for (const char* name : {"a", "b"}) {
    producers.emplace_back([&fifo, name] {
      for (int i = 0; i < kEach; ++i) {
        EXPECT_TRUE(fifo.Add(std::make_shared<Thing>(Thing{absl::StrCat(name, i), i})).ok());
      }
    });
  }
  std::array<int, 2> next = {};
  for (int popped = 0; popped < 2 * kEach; ++popped) {
    const absl::Status status = fifo.Pop([&](const std::string& key, const auto& deltas, bool) {
      EXPECT_EQ(deltas.front().object->value, next[key[0] == 'b' ? 1 : 0]++);
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok());
  }
  for (std::thread& producer : producers) producer.join();
}

TEST(DeltaFifoThreadsTest, ClosingReleasesEverybodyWhoWaits) {
  Fifo fifo(Options());
  std::vector<std::thread> poppers;
  for (int i = 0; i < 10; ++i) {
    poppers.emplace_back([&fifo] {
      EXPECT_TRUE(
          IsFifoClosed(fifo.Pop([](const auto&, const auto&, bool) { return absl::OkStatus(); })));
    });
  }
  fifo.Close();
  for (std::thread& popper : poppers) popper.join();
}

TEST(DeltaFifoThreadsTest, OneAtATimeProcessesAndAProducerNeverWaitsForIt) {
  Fifo fifo(Options());
  int processing = 0;  // not atomic: a race shows under ThreadSanitizer
  std::vector<std::thread> poppers;
  for (int i = 0; i < 4; ++i) {
    poppers.emplace_back([&] {
      absl::Status status;
      while (!IsFifoClosed(status)) {
        status = fifo.Pop([&](const std::string& key, const auto& deltas, bool) {
          EXPECT_EQ(++processing, 1);
          // A producer in the middle of it, as any other thread may be.
          if (deltas.front().object->value > 0) {
            EXPECT_TRUE(
                fifo.Add(std::make_shared<Thing>(Thing{key, deltas.front().object->value - 1}))
                    .ok());
          }
          --processing;
          return absl::OkStatus();
        });
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(fifo.Add(std::make_shared<Thing>(Thing{absl::StrCat(i), 3})).ok());
  }
  fifo.Close();
  for (std::thread& popper : poppers) popper.join();
  EXPECT_EQ(fifo.size(), 0u);
}

}  // namespace
}  // namespace pleg
