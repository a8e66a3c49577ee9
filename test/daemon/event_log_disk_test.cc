// The daemon as a process, with an event log whose disk is full or does not answer: nothing waits
// for it, what is lost is counted, and a disk that answers again gets what follows.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "test/process/plegd_process.h"
#include "test/process/sim_node.h"
#include "test/process/status_testing.h"

namespace {

using ::plegd_testing::PlegdProcess;
using ::plegd_testing::SimNode;
using ::plegd_testing::WaitUntil;

constexpr size_t kPods = 500;

// A FIFO held open by somebody who reads only when told to.
class Fifo {
 public:
  explicit Fifo(const std::string& path) {
    mkfifo(path.c_str(), 0600);
    fd_ = open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  }
  ~Fifo() {
    stop_ = true;
    if (reader_.joinable()) reader_.join();
    close(fd_);
  }
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;

  void BeginToRead() {
    reader_ = std::thread([this] {
      char buffer[65536];
      while (!stop_) {
        pollfd readable = {fd_, POLLIN, 0};
        if (poll(&readable, 1, 50) > 0)
          read_ += static_cast<size_t>(read(fd_, buffer, sizeof(buffer)));
      }
    });
  }
  size_t bytes_read() const { return read_; }

 private:
  int fd_ = -1;
  std::atomic<bool> stop_{false};
  std::atomic<size_t> read_{0};
  std::thread reader_;
};

class EventLogDiskTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(node_.Serve()); }

  std::string event_log() const { return node_.dir() + "/events.jsonl"; }
  void Start() {
    plegd_testing::PlegdOptions options;
    options.relist_period = "50ms";
    options.flags = {"--sweep", "off"};
    ASSERT_OK_AND_ASSIGN(plegd_, PlegdProcess::Start(node_.endpoint(), node_.dir(), options));
  }
  double Metric(const std::string& name) const { return plegd_->Metric(name).value_or(-1); }
  void ExpectUnmoved() {
    EXPECT_EQ(plegd_->Get("/livez")->code, 200);
    EXPECT_EQ(plegd_->Get("/healthz")->code, 200);
    EXPECT_TRUE(WaitUntil([&] { return bool{node_.CacheAgrees(*plegd_)}; }))
        << node_.CacheAgrees(*plegd_);
  }
  void ExpectPromptEnd() {
    const absl::Time asked = absl::Now();
    ASSERT_OK_AND_ASSIGN(const int code, plegd_->Terminate());
    EXPECT_EQ(code, 0);
    EXPECT_LT(absl::Now() - asked, absl::Milliseconds(2500));
  }

  SimNode node_{{.pods = kPods}};
  std::unique_ptr<PlegdProcess> plegd_;
};

TEST_F(EventLogDiskTest, AFullDiskIsCounted) {
  const dev_t full = makedev(1, 7);  // as /dev/full
  if (mknod(event_log().c_str(), S_IFCHR | 0600, full) != 0) GTEST_SKIP() << "cannot make a device";
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_TRUE(WaitUntil([&] { return Metric("pleg_event_log_errors_total") > 0; }));
  ExpectUnmoved();
  ExpectPromptEnd();
}

TEST_F(EventLogDiskTest, ADiskThatDoesNotAnswerFillsAQueueWhichCounts) {
  Fifo fifo(event_log());
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_TRUE(WaitUntil([&] {
    if (Metric("pleg_pods_pending") == 0) node_.runtime().ChangeMany(kPods);
    return Metric("pleg_events_discarded_total") > 0;
  }));
  ExpectUnmoved();
  const double discarded = Metric("pleg_events_discarded_total");
  EXPECT_EQ(Metric("pleg_event_log_dropped_total"), discarded);
  fifo.BeginToRead();
  EXPECT_TRUE(WaitUntil([&] { return fifo.bytes_read() > 0; }));
  const size_t before = fifo.bytes_read();
  node_.runtime().ChangeMany(10);
  EXPECT_TRUE(WaitUntil([&] { return fifo.bytes_read() > before; }));
  ExpectUnmoved();
  EXPECT_EQ(Metric("pleg_events_discarded_total"), discarded);
  ExpectPromptEnd();
}

TEST_F(EventLogDiskTest, ADiskThatHangsDoesNotKeepPlegdFromEnding) {
  const Fifo fifo(event_log());  // holds a fraction of the node's first events
  ASSERT_NO_FATAL_FAILURE(Start());
  ExpectUnmoved();
  ExpectPromptEnd();
}

TEST_F(EventLogDiskTest, AFifoThatNobodyReadsDoesNotKeepPlegdFromStarting) {
  mkfifo(event_log().c_str(), 0600);
  ASSERT_NO_FATAL_FAILURE(Start());
  ExpectUnmoved();
  ExpectPromptEnd();
}

}  // namespace
