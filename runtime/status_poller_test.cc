#include "runtime/status_poller.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "pleg/mutex.h"
#include "pleg/testing/sim_executor.h"
#include "runtime/testing/cri_runtime_fixture.h"

namespace runtime {
namespace {

// The runtime is real, the poller's time is simulated.
class StatusPollerTest : public CriRuntimeTest {
 protected:
  void SetUp() override {
    CriRuntimeTest::SetUp();
    Start();
    ASSERT_TRUE(Handshake().ok());
    OnLoop([this] {
      poller_ = std::make_unique<StatusPoller>(*runtime_, exec_, exec_.clock(), state_,
                                               [this](const auto&) {
                                                 pleg::MutexLock lock(mu_);
                                                 ++answers_;
                                                 answered_.notify_all();
                                               });
    });
  }
  void TearDown() override {
    OnLoop([this] { poller_.reset(); });
    CriRuntimeTest::TearDown();
  }
  void Begin() {
    OnLoop([this] { poller_->Start(); });
    AnswersAre(1);
  }
  // Nothing is out when `count` answers have come.
  void AnswersAre(int count) {
    pleg::MutexLock lock(mu_);
    while (answers_ < count) answered_.wait(mu_);
    EXPECT_EQ(answers_, count);
  }
  void Wait(int seconds) {
    OnLoop([&] { exec_.Advance(absl::Seconds(seconds)); });
  }
  void Fail() {
    server_.Always("Status", FakeCriServer::Error(grpc::StatusCode::INTERNAL, "the network is"));
  }
  void Answer() {
    v1::StatusResponse response;
    for (const char* type : {"RuntimeReady", "NetworkReady"}) {
      v1::RuntimeCondition& ready = *response.mutable_status()->add_conditions();
      ready.set_type(type);
      ready.set_status(true);
    }
    server_.Always("Status", FakeCriServer::Message(response));
  }

  pleg::testing::SimExecutor exec_;
  pleg::RuntimeState state_;
  std::unique_ptr<StatusPoller> poller_;
  pleg::Mutex mu_;
  std::condition_variable_any answered_;
  int answers_ ABSL_GUARDED_BY(mu_) = 0;
};

TEST_F(StatusPollerTest, AsksEveryFiveSeconds) {
  Answer();
  Begin();
  Wait(4);
  EXPECT_EQ(server_.Count("Status"), 1);
  Wait(1);
  AnswersAre(2);
}

TEST_F(StatusPollerTest, AsksOnceMoreAfterAFirstError) {
  Fail();
  Begin();
  Wait(1);
  AnswersAre(2);
  Wait(3);  // The second is no first one.
  EXPECT_EQ(server_.Count("Status"), 2);
  Answer();
  Wait(1);
  AnswersAre(3);
  Fail();
  Wait(5);
  AnswersAre(4);
  Wait(1);
  AnswersAre(5);
}

TEST_F(StatusPollerTest, AsksNoMoreOnceStopped) {
  Fail();
  Begin();
  OnLoop([this] { poller_->Stop(); });
  Wait(10);
  EXPECT_EQ(server_.Count("Status"), 1);
}

}  // namespace
}  // namespace runtime
