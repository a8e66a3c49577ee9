// plegd with a full disk under its event log, and with far more dead containers than living ones.

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/v1/api.pb.h"
#include "test/containerd/event_tail.h"
#include "test/containerd/real_pods_test_base.h"
#include "test/process/status_testing.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

namespace fs = std::filesystem;

// A file system of a few pages, seen by this thread and what it starts, and gone with them.
class SmallDisk {
 public:
  explicit SmallDisk(std::string dir) : dir_(std::move(dir)) {
    fs::create_directory(dir_);
    EXPECT_EQ(unshare(CLONE_NEWNS), 0);
    EXPECT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    EXPECT_EQ(mount("tmpfs", dir_.c_str(), "tmpfs", 0, "size=32k"), 0);
  }
  ~SmallDisk() { umount2(dir_.c_str(), MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& dir() const { return dir_; }
  // Leaves one page.
  void Fill() const { std::ofstream(dir_ + "/ballast") << std::string(size_t{28} * 1024, '.'); }
  void Free() const { fs::remove(dir_ + "/ballast"); }

 private:
  const std::string dir_;
};

class FullDiskTest : public RealPodsTest {
 protected:
  FullDiskTest() : RealPodsTest(kNoPlegd) {}

  void SetUp() override {
    RealPodsTest::SetUp();
    disk_ = std::make_unique<SmallDisk>(node_->dir() + "/disk");
    disk_->Fill();
    StartPlegd();
  }
  void TearDown() override {
    RealPodsTest::TearDown();
    plegd_.reset();
    disk_.reset();
  }

  void StartPlegd() {
    ASSERT_OK_AND_ASSIGN(plegd_,
                         PlegdProcess::Start(node_->endpoint(), node_->dir(),
                                             {.event_log = disk_->dir() + "/events.jsonl"}));
  }

  double EventsTold() const {
    double told = 0;
    for (const char* type : {"ContainerStarted", "ContainerDied", "ContainerRemoved", "PodSync"}) {
      told += Metric(absl::StrCat("pleg_events_total{type=\"", type, "\"}"));
    }
    return told;
  }

  // Waits for the metrics, as the log cannot tell.
  void RunAndStop(int pods) {
    AddPods(pods);
    double expected = EventsTold();
    const auto told = [&] { return WaitUntil([&] { return EventsTold() >= expected; }); };
    for (ScriptedPod& pod : pods_) ASSERT_OK(pod.RunSandbox());
    expected += pods;
    ASSERT_TRUE(told());
    for (ScriptedPod& pod : pods_) ASSERT_OK(pod.StartContainer("app"));
    expected += pods;
    ASSERT_TRUE(told());
    for (ScriptedPod& pod : pods_) ASSERT_OK(pod.StopSandbox());
    expected += 2 * pods;
    ASSERT_TRUE(told());
  }

  // Every line but one that has no end yet.
  EventTail Written() const {
    EventTail tail(plegd_->event_log());
    tail.Read();
    return tail;
  }

  std::unique_ptr<SmallDisk> disk_;
};

TEST_F(FullDiskTest, CoreGoesOnAndTheLogIsWholeOnceThereIsRoom) {
  RunAndStop(8);
  ASSERT_TRUE(WaitUntil([&] { return Metric("pleg_event_log_errors_total") > 0; }));
  ExpectCacheIsRight();
  ExpectHealthy();
  EXPECT_LT(Written().count(), EventsTold());
  EXPECT_GT(Written().count(), 0U);
  EXPECT_EQ(Written().problem(), "");
  ExpectLogLines("event log cannot be written", 1);
  EXPECT_EQ(LogLines("event log is written again"), 0);

  disk_->Free();
  ExpectAllReported();
  EXPECT_EQ(Written().problem(), "");
  EXPECT_EQ(Written().count(), EventsTold());
  EXPECT_EQ(Metric("pleg_event_log_dropped_total"), 0);
  EXPECT_EQ(Metric("pleg_events_discarded_total"), 0);
  ExpectLogLines("event log is written again", 1);
}

TEST_F(FullDiskTest, EndsWithWholeLinesOnly) {
  RunAndStop(8);
  ASSERT_TRUE(WaitUntil([&] { return Metric("pleg_event_log_errors_total") > 0; }));
  ASSERT_OK_AND_ASSIGN(const int code, plegd_->Terminate());
  EXPECT_EQ(code, 0);
  EXPECT_EQ(Written().problem(), "");

  // A second run starts a line of its own.
  disk_->Free();
  const size_t before = Written().count();
  StartPlegd();
  ASSERT_TRUE(WaitUntil([&] { return Written().count() >= before + 16; }));
  EXPECT_EQ(Written().problem(), "");
}

class ManyDeadTest : public RealPodsTest {
 protected:
  static constexpr size_t kPods = 5;
  static constexpr size_t kDeadInEach = 100;

  ManyDeadTest() : RealPodsTest(kNoPlegd) {}

  static std::string Uid(size_t pod) { return absl::StrCat("uid-", pod); }

  // Calls `action` with each number below `count`, on a few threads.
  static void ForEach(size_t count, const std::function<void(size_t)>& action) {
    constexpr int kThreads = 4;
    std::atomic<size_t> next = 0;
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (size_t at = 0; (at = next++) < count;) action(at);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // Runs a container to its end, or near it.
  std::string RunJob(const std::string& sandbox, size_t number) {
    const auto id = node_->CreateContainer(
        sandbox, {.name = absl::StrCat("job-", number), .command = {"true"}});
    EXPECT_OK(id);
    if (!id.ok()) return "";
    EXPECT_OK(node_->StartContainer(*id));
    return *id;
  }

  size_t Exited() const {
    runtime::v1::ListContainersRequest request;
    request.mutable_filter()->mutable_state()->set_state(runtime::v1::CONTAINER_EXITED);
    const auto reply =
        node_->cri().Call<runtime::v1::ListContainersResponse>("ListContainers", request);
    return reply.ok() ? static_cast<size_t>(reply->containers_size()) : 0;
  }
};

TEST_F(ManyDeadTest, FiveHundredExitedContainersAreAllInTheCache) {
  const absl::Time begin = absl::Now();
  std::vector<std::string> sandboxes;
  for (size_t i = 0; i < kPods; ++i) {
    ASSERT_OK_AND_ASSIGN(sandboxes.emplace_back(),
                         node_->RunPod({.name = absl::StrCat("pod-", i), .uid = Uid(i)}));
  }
  std::vector<std::string> jobs(kPods * kDeadInEach);
  ForEach(jobs.size(), [&](size_t i) { jobs[i] = RunJob(sandboxes[i % kPods], i); });
  ASSERT_TRUE(WaitUntil([&] { return Exited() == jobs.size(); }));
  std::cout << jobs.size() << " containers have run after " << absl::Now() - begin << std::endl;
  EventsByPod expected;
  for (size_t i = 0; i < jobs.size(); ++i) {
    expected[Uid(i % kPods)].push_back(
        absl::StrCat("ContainerDied job-", i, " ", jobs[i], " exit 0"));
  }
  for (size_t i = 0; i < kPods; ++i) {
    expected[Uid(i)].push_back("ContainerStarted sandbox " + sandboxes[i]);
  }

  ASSERT_OK_AND_ASSIGN(plegd_, PlegdProcess::Start(node_->endpoint(), node_->dir()));
  for (auto& [uid, events] : expected) std::sort(events.begin(), events.end());
  const auto reported = [&] {
    EventsByPod events = ReportedEvents();
    for (auto& [uid, of_pod] : events) std::sort(of_pod.begin(), of_pod.end());
    return events;
  };
  WaitUntil([&] { return reported() == expected; });
  EXPECT_EQ(Difference(expected, reported()), "");
  EXPECT_EQ(Metric("pleg_containers{state=\"exited\"}"), kPods * kDeadInEach);
  ASSERT_OK_AND_ASSIGN(const plegd::v1::PodList cache, plegd_->Pods());
  int exited = 0;
  for (const plegd::v1::PodStatus& pod : cache.pods()) {
    EXPECT_EQ(pod.error(), "");
    for (const auto& container : pod.containers()) {
      exited += container.state() == "exited" && container.exit_code() == 0 ? 1 : 0;
    }
  }
  EXPECT_EQ(exited, kPods * kDeadInEach);
  EXPECT_TRUE(plegd_->WaitForTwoRelists());
  EXPECT_EQ(Difference(expected, reported()), "");
  ExpectHealthy();

  const double relists = Metric("pleg_relist_duration_seconds_count");
  const double mean = Metric("pleg_relist_duration_seconds_sum") / relists;
  const double memory = Metric("process_resident_memory_bytes");
  std::cout << "mean relist " << absl::Seconds(mean) << " of " << relists
            << ", the first included; " << memory / 1e6 << " MB resident" << std::endl;
  EXPECT_LT(memory, 64e6);
}

}  // namespace
}  // namespace plegd_testing
