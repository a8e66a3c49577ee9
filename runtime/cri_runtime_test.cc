#include "runtime/cri_runtime.h"

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pleg/status_size.h"
#include "runtime/testing/cri_runtime_fixture.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(CriRuntimeTest, ListsSandboxesThenContainers) {
  std::promise<bool> sandboxes_first;
  server_.On("ListContainers", [&](const std::string& bytes) {
    sandboxes_first.set_value(server_.Count("ListPodSandbox") == 1);
    EXPECT_TRUE(Parse<v1::ListContainersRequest>(bytes).has_filter());
    EXPECT_THAT(Parse<v1::ListContainersRequest>(bytes).filter().label_selector(), IsEmpty());
    return FakeCriServer::Message(OneContainer());
  });
  Start();
  const pleg::MonoTime before = clock_.Now();
  const absl::StatusOr<pleg::Listing> listing = List();
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_TRUE(sandboxes_first.get_future().get());
  ASSERT_THAT(listing->sandboxes, SizeIs(1));
  EXPECT_EQ(listing->sandboxes[0].info->pod_uid, pleg::PodUid("uid-1"));
  EXPECT_EQ(listing->sandboxes[0].state, pleg::SandboxState::kReady);
  ASSERT_THAT(listing->containers, SizeIs(1));
  EXPECT_EQ(listing->containers[0].info->sandbox_id, pleg::ContainerId("s1"));
  EXPECT_EQ(listing->containers[0].state, pleg::ContainerState::kRunning);
  EXPECT_GE(listing->started_at, before);
  EXPECT_GT(listing->list_sandboxes_took, absl::ZeroDuration());
  EXPECT_GT(listing->list_containers_took, absl::ZeroDuration());
}

TEST_F(CriRuntimeTest, ListsOnePodByItsUidLabel) {
  std::promise<std::string> sandbox_filter;
  std::promise<std::string> container_filter;
  server_.On("ListPodSandbox", [&](const std::string& bytes) {
    sandbox_filter.set_value(Parse<v1::ListPodSandboxRequest>(bytes).filter().label_selector().at(
        "io.kubernetes.pod.uid"));
    return FakeCriServer::Raw("");
  });
  server_.On("ListContainers", [&](const std::string& bytes) {
    container_filter.set_value(Parse<v1::ListContainersRequest>(bytes).filter().label_selector().at(
        "io.kubernetes.pod.uid"));
    return FakeCriServer::Raw("");
  });
  Start();
  const absl::StatusOr<pleg::Listing> listing = List(pleg::PodUid("uid-7"));
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_THAT(listing->sandboxes, IsEmpty());
  EXPECT_THAT(listing->containers, IsEmpty());
  EXPECT_EQ(sandbox_filter.get_future().get(), "uid-7");
  EXPECT_EQ(container_filter.get_future().get(), "uid-7");
  EXPECT_THAT(runtime_->Snapshot().list_sizes, IsEmpty());
}

TEST_F(CriRuntimeTest, EitherListFailingFailsTheCall) {
  Start();
  server_.Always("ListContainers", FakeCriServer::Error(grpc::StatusCode::UNKNOWN, "boom"));
  absl::Status status = List().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(std::string(status.message()), "ListContainers failed: boom");
  EXPECT_EQ(GoErrorText(status), "rpc error: code = Unknown desc = boom");
  const int before = server_.Count("ListContainers");
  server_.Always("ListPodSandbox", FakeCriServer::Error(grpc::StatusCode::INTERNAL, "bang"));
  status = List().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(std::string(status.message()), "ListPodSandbox failed: bang");
  EXPECT_EQ(server_.Count("ListContainers"), before);
}

TEST_F(CriRuntimeTest, ADamagedListFailsAndNamesTheCall) {
  Start();
  server_.Always("ListPodSandbox", FakeCriServer::Raw("\x0A\x7F"));
  EXPECT_EQ(std::string(List().status().message()),
            "ListPodSandbox: malformed reply: damaged at byte 0 of 2");
  server_.Always("ListPodSandbox", FakeCriServer::Message(OneSandbox()));
  server_.Always("ListContainers", FakeCriServer::Raw("\x07"));
  EXPECT_THAT(std::string(List().status().message()), HasSubstr("ListContainers: malformed reply"));
  server_.Always("ListContainers", FakeCriServer::Message(OneContainer()));
  EXPECT_TRUE(List().ok());
}

TEST_F(CriRuntimeTest, ListSizesAreInTheSnapshot) {
  Start();
  ASSERT_TRUE(List().ok());
  const pleg::CallSnapshot snapshot = runtime_->Snapshot();
  ASSERT_THAT(snapshot.list_sizes, SizeIs(2));
  EXPECT_EQ(snapshot.list_sizes[0].bytes, OneSandbox().ByteSizeLong());
  EXPECT_EQ(snapshot.list_sizes[1].bytes, OneContainer().ByteSizeLong());
}

TEST_F(CriRuntimeTest, StatusesAreConvertedAndNeverVerbose) {
  server_.On("PodSandboxStatus", [](const std::string& bytes) {
    const auto request = Parse<v1::PodSandboxStatusRequest>(bytes);
    EXPECT_EQ(request.pod_sandbox_id(), "s1");
    EXPECT_FALSE(request.verbose());
    return FakeCriServer::Message(GoodSandboxStatus());
  });
  server_.On("ContainerStatus", [](const std::string& bytes) {
    const auto request = Parse<v1::ContainerStatusRequest>(bytes);
    EXPECT_EQ(request.container_id(), "c1");
    EXPECT_FALSE(request.verbose());
    return FakeCriServer::Message(GoodContainerStatus());
  });
  Start();
  const SandboxResult sandbox = SandboxStatus();
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_EQ((*sandbox)->primary_ip, "10.0.0.1");
  const ContainerResult container = ContainerStatus();
  ASSERT_TRUE(container.ok()) << container.status();
  EXPECT_EQ((*container)->exit_code, 3);
  EXPECT_EQ((*container)->sandbox_id, pleg::ContainerId("s1"));
}

TEST_F(CriRuntimeTest, NotFoundMeansGone) {
  server_.Always("ContainerStatus", FakeCriServer::Error(grpc::StatusCode::NOT_FOUND, "no c1"));
  server_.Always("PodSandboxStatus", FakeCriServer::Error(grpc::StatusCode::NOT_FOUND, "no s1"));
  Start();
  EXPECT_TRUE(IsGone(ContainerStatus().status()));
  EXPECT_EQ(std::string(ContainerStatus().status().message()),
            "ContainerStatus of container c1 failed: no c1");
  EXPECT_TRUE(IsGone(SandboxStatus().status()));
  EXPECT_EQ(std::string(SandboxStatus().status().message()),
            "PodSandboxStatus of sandbox s1 failed: no s1");
  EXPECT_THAT(runtime_->Snapshot().unanswered, IsEmpty());
}

TEST_F(CriRuntimeTest, BadStatusRepliesFailWithTheFieldAndTheObject) {
  Start();
  server_.Always("ContainerStatus", FakeCriServer::Raw(""));
  EXPECT_EQ(ContainerStatus().status(),
            absl::InternalError("ContainerStatus of container c1: container status is nil"));
  server_.Always("PodSandboxStatus", FakeCriServer::Raw(""));
  EXPECT_EQ(SandboxStatus().status(),
            absl::InternalError("PodSandboxStatus of sandbox s1: pod sandbox status is nil"));
  v1::ContainerStatusResponse no_image = GoodContainerStatus();
  no_image.mutable_status()->clear_image_ref();
  server_.Always("ContainerStatus", FakeCriServer::Message(no_image));
  EXPECT_EQ(ContainerStatus().status(),
            absl::InternalError("ContainerStatus of container c1: status.ImageRef is not set"));
  v1::PodSandboxStatusResponse no_id = GoodSandboxStatus();
  no_id.mutable_status()->clear_id();
  server_.Always("PodSandboxStatus", FakeCriServer::Message(no_id));
  EXPECT_EQ(SandboxStatus().status(),
            absl::InternalError("PodSandboxStatus of sandbox s1: status.Id is not set"));
  server_.Always("ContainerStatus", FakeCriServer::Raw("\x0A\x7F"));
  EXPECT_EQ(ContainerStatus().status(),
            absl::InternalError("ContainerStatus of container c1: malformed reply"));
}

TEST_F(CriRuntimeTest, OfAStatusOnlySoMuchIsKeptAndItIsLoggedOnce) {
  v1::PodSandboxStatusResponse sandbox = GoodSandboxStatus();
  v1::ContainerStatusResponse container = GoodContainerStatus();
  container.mutable_status()->set_message(std::string(1'000'000, 'x'));
  // Annotations may be large and are kept of nothing: nothing that plegd has is missing.
  (*sandbox.mutable_status()->mutable_annotations())["notes"] = std::string(200'000, 'x');
  (*sandbox.mutable_status()->mutable_labels())["app"] = "web";
  server_.Always("PodSandboxStatus", FakeCriServer::Message(sandbox));
  server_.Always("ContainerStatus", FakeCriServer::Message(container));
  Start();
  absl::StatusOr<std::shared_ptr<const pleg::SandboxStatus>> status = SandboxStatus();
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_THAT((*status)->labels, SizeIs(1));
  EXPECT_FALSE((*status)->truncated);
  EXPECT_EQ(log_.counts()["a part of a status is not kept: it is too large"], 0);

  for (int i = 0; i < 90'000; ++i) {
    (*sandbox.mutable_status()->mutable_labels())[absl::StrCat("k", i)] = "v";
  }
  server_.Always("PodSandboxStatus", FakeCriServer::Message(sandbox));
  for (int again = 0; again < 2; ++again) {
    status = SandboxStatus();
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_TRUE((*status)->truncated);
    EXPECT_LE(pleg::VariableBytes(**status), pleg::kMaxStatusBytes);
    EXPECT_THAT((*status)->labels, SizeIs(Gt(100)));
    EXPECT_EQ((*status)->primary_ip, "10.0.0.1");
    EXPECT_EQ(log_.counts()["a part of a status is not kept: it is too large"], 1);
  }
  const absl::StatusOr<std::shared_ptr<const pleg::ContainerStatus>> died = ContainerStatus();
  ASSERT_TRUE(died.ok()) << died.status();
  EXPECT_TRUE((*died)->truncated);
  EXPECT_EQ((*died)->exit_code, 3);
}

TEST_F(CriRuntimeTest, AStatusWithTextThatIsNotUtf8IsRepaired) {
  v1::ContainerStatusResponse response = GoodContainerStatus();
  response.mutable_status()->set_reason("?why");
  std::string bytes = response.SerializeAsString();
  bytes[bytes.find("?why")] = '\xff';
  server_.Always("ContainerStatus", FakeCriServer::Raw(bytes));
  Start();
  const ContainerResult container = ContainerStatus();
  ASSERT_TRUE(container.ok()) << container.status();
  EXPECT_EQ((*container)->reason, "\xEF\xBF\xBDwhy");
}

}  // namespace
}  // namespace runtime
