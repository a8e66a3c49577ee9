// Lists as streams (KEP-5825), against cri-sim.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pleg/call_stats.h"
#include "pleg/log.h"
#include "pleg/mutex.h"
#include "runtime/cri_runtime.h"
#include "runtime/event_loop.h"
#include "runtime/sim/sim_runtime.h"
#include "runtime/sim/sim_server.h"
#include "runtime/system_clock.h"

namespace {

class CountingObserver : public pleg::CallObserver {
 public:
  void OnCallEnd(const pleg::CallRecord& call) override {
    pleg::MutexLock lock(mu_);
    if (call.code == absl::StatusCode::kUnimplemented) ++unimplemented_;
  }
  void OnInvalidItem(absl::string_view, absl::string_view) override {}
  int unimplemented() {
    pleg::MutexLock lock(mu_);
    return unimplemented_;
  }

 private:
  pleg::Mutex mu_;
  int unimplemented_ ABSL_GUARDED_BY(mu_) = 0;
};

class ListStreamingTest : public ::testing::Test {
 protected:
  void Serve(sim::ServiceOptions service, size_t pods = 40) {
    sim::RuntimeOptions options;
    options.pods = pods;
    sim_ = std::make_shared<sim::SimRuntime>(options);
    auto server = sim::SimServer::Start(
        {.socket_path = dir_ + "/cri.sock", .status_latency = {}, .service = std::move(service)},
        sim_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    runtime_.emplace(runtime::CriOptions{.endpoint = runtime::Endpoint(dir_ + "/cri.sock"),
                                         .request_timeout = absl::Seconds(20),
                                         .list_streaming = true},
                     loop_, clock_, observer_, pleg::NullLog());
    std::promise<void> connected;
    runtime_->Listen({.connection = [&connected, told = false](bool up, auto) mutable {
      if (up && !std::exchange(told, true)) connected.set_value();
    }});
    runtime_->Connect();
    loop_.Start();
    ASSERT_EQ(connected.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  }
  void TearDown() override {
    loop_.Stop();
    runtime_.reset();
    server_ = nullptr;
    std::filesystem::remove_all(dir_);
  }

  absl::StatusOr<pleg::Listing> List() {
    std::promise<absl::StatusOr<pleg::Listing>> answer;
    loop_.Post([&] {
      runtime_->List(std::nullopt, [&](absl::StatusOr<pleg::Listing> listing) {
        answer.set_value(std::move(listing));
      });
    });
    return answer.get_future().get();
  }

  static std::string MakeDir() {
    std::string pattern = "/tmp/plegd-streamXXXXXX";
    return mkdtemp(pattern.data());
  }

  const std::string dir_ = MakeDir();
  runtime::SystemClock clock_;
  CountingObserver observer_;
  runtime::EventLoop loop_;
  std::shared_ptr<sim::SimRuntime> sim_;
  std::unique_ptr<sim::SimServer> server_;
  std::optional<runtime::CriRuntime> runtime_;
};

std::set<std::string> Ids(const pleg::Listing& listing) {
  std::set<std::string> ids;
  for (const auto& s : listing.sandboxes) ids.insert(s.info->id.value());
  for (const auto& c : listing.containers) ids.insert(c.info->id.value());
  return ids;
}

TEST_F(ListStreamingTest, EveryObjectOnceWhateverTheChunks) {
  sim::ServiceOptions service;
  service.stream_chunk = 7;
  Serve(service);
  const absl::StatusOr<pleg::Listing> first = List();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->sandboxes.size(), 40u);
  EXPECT_EQ(first->containers.size(), 80u);
  const absl::StatusOr<pleg::Listing> second = List();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(Ids(*first), Ids(*second));
  EXPECT_EQ(Ids(*first).size(), 120u);
  EXPECT_EQ(observer_.unimplemented(), 0);
  const pleg::CallSnapshot calls = runtime_->Snapshot();
  ASSERT_EQ(calls.list_sizes.size(), 2u);
  EXPECT_GT(calls.list_sizes[0].bytes, 10'000u);
}

TEST_F(ListStreamingTest, AnEmptyNodeIsAnEmptyListing) {
  Serve({}, 0);
  const absl::StatusOr<pleg::Listing> listing = List();
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_TRUE(Ids(*listing).empty());
}

TEST_F(ListStreamingTest, FallsBackWhereTheRuntimeDoesNotKnowItUntilTheNextConnection) {
  sim::ServiceOptions service;
  service.list_streaming = false;
  Serve(service);
  for (int i = 0; i < 3; ++i) {
    const absl::StatusOr<pleg::Listing> listing = List();
    ASSERT_TRUE(listing.ok()) << listing.status();
    EXPECT_EQ(Ids(*listing).size(), 120u);
  }
  // Of sandboxes; containers were not even tried.
  EXPECT_EQ(observer_.unimplemented(), 1);

  // A newer one takes its place.
  server_ = nullptr;
  auto newer = sim::SimServer::Start({.socket_path = dir_ + "/cri.sock"}, sim_);
  ASSERT_TRUE(newer.ok()) << newer.status();
  server_ = *std::move(newer);
  const absl::Time limit = absl::Now() + absl::Seconds(30);
  while (server_->Stats().of(sim::Rpc::kStreamContainers).ok == 0 && absl::Now() < limit) {
    static_cast<void>(List());
  }
  const absl::StatusOr<pleg::Listing> listing = List();
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_EQ(Ids(*listing).size(), 120u);
  EXPECT_EQ(observer_.unimplemented(), 1);
}

}  // namespace
