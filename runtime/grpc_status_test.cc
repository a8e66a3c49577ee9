#include "runtime/grpc_status.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace runtime {
namespace {

using ::testing::HasSubstr;

const CallSubject kSubject{
    .method = "ContainerStatus", .kind = "container", .target = "c1", .max_reply_bytes = 1000};

TEST(GrpcStatusTest, MapsEveryCodeToTheSameCode) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status = MapStatus({static_cast<grpc::StatusCode>(code), "why"}, kSubject);
    EXPECT_EQ(static_cast<int>(status.code()), code);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("ContainerStatus of container c1 failed: why"));
  }
  EXPECT_TRUE(MapStatus(grpc::Status::OK, kSubject).ok());
}

TEST(GrpcStatusTest, CodesWithoutANameAreUnknown) {
  for (int code : {17, 30, -2}) {
    EXPECT_EQ(MapStatus({static_cast<grpc::StatusCode>(code), "x"}, kSubject).code(),
              absl::StatusCode::kUnknown);
  }
}

TEST(GrpcStatusTest, AReplyOverTheLimitNamesTheLimits) {
  const absl::Status status =
      MapStatus({grpc::StatusCode::RESOURCE_EXHAUSTED, "message too large"},
                {.method = "ListContainers", .kind = "", .target = "", .max_reply_bytes = 1000});
  EXPECT_EQ(
      std::string(status.message()),
      "ListContainers failed: message too large (plegd receives up to 1000 bytes, the kubelet "
      "up to 16777216)");
}

// gRPC's words, whose buffers they are of nobody knows.
TEST(GrpcStatusTest, WhereOurBuffersAreFullItSaysSo) {
  const grpc::Status full(grpc::StatusCode::RESOURCE_EXHAUSTED, "Buffers full");
  EXPECT_EQ(TextOf(full), "plegd's buffers for replies are full");
  const absl::Status status = MapStatus(full, kSubject);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(" failed: plegd's buffers for replies are full (plegd receives up to "));
  EXPECT_TRUE(IsOutOfBuffers(status));
  EXPECT_FALSE(IsOutOfBuffers(MapStatus({grpc::StatusCode::UNKNOWN, "Buffers full"}, kSubject)));
}

TEST(GrpcStatusTest, ServersTextIsMadeValidUtf8) {
  const absl::Status status = MapStatus({grpc::StatusCode::UNKNOWN, "bad \xff text"}, kSubject);
  EXPECT_THAT(std::string(status.message()), HasSubstr("bad \xEF\xBF\xBD text"));
}

TEST(GrpcStatusTest, OnlyNotFoundMeansGone) {
  for (int code = 0; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "x");
    EXPECT_EQ(IsGone(status), code == 5) << code;
  }
}

TEST(GrpcStatusTest, GoText) {
  EXPECT_EQ(GoErrorText(MapStatus({grpc::StatusCode::NOT_FOUND, "no c1"}, kSubject)),
            "rpc error: code = NotFound desc = no c1");
  EXPECT_EQ(
      GoErrorText(MapStatus({grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded"}, kSubject)),
      "rpc error: code = DeadlineExceeded desc = context deadline exceeded");
  EXPECT_EQ(GoErrorText(MapStatus({grpc::StatusCode::CANCELLED, ""}, kSubject)),
            "rpc error: code = Canceled desc = ");
  EXPECT_EQ(GoErrorText(absl::InternalError("container status is nil")), "container status is nil");
  EXPECT_EQ(GoErrorText(absl::OkStatus()), "");
}

struct AnswerCase {
  grpc::StatusCode code;
  std::string text;
  bool deadline_passed;
  bool connected;
  bool answer;
};

TEST(GrpcStatusTest, WhatIsAnAnswer) {
  const std::vector<AnswerCase> cases = {
      {grpc::StatusCode::OK, "", false, true, true},
      {grpc::StatusCode::OK, "", true, false, true},  // its reply came before the end
      {grpc::StatusCode::NOT_FOUND, "no such container", false, true, true},
      {grpc::StatusCode::UNKNOWN, "boom", true, true, true},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, "too large", false, true, true},
      {grpc::StatusCode::UNIMPLEMENTED, "unknown service", false, true, true},
      {grpc::StatusCode::CANCELLED, "context canceled", false, true, true},
      {grpc::StatusCode::CANCELLED, "", true, true, false},
      {grpc::StatusCode::CANCELLED, "", false, false, false},
      {grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded", true, true, false},
      // The runtime's own inner deadline, told while ours is still ahead.
      {grpc::StatusCode::DEADLINE_EXCEEDED, "shim: context deadline exceeded", false, true, true},
      {grpc::StatusCode::UNAVAILABLE, "ttrpc: closed", false, true, true},
      {grpc::StatusCode::UNAVAILABLE, "ttrpc: closed", false, false, false},
      {grpc::StatusCode::UNAVAILABLE, "Socket closed", false, true, false},
      {grpc::StatusCode::UNAVAILABLE, "recvmsg:Connection reset by peer", false, true, false},
      {grpc::StatusCode::UNAVAILABLE,
       "failed to connect to all addresses; last error: UNKNOWN: x: No such file or directory",
       false, true, false},
  };
  for (const AnswerCase& c : cases) {
    EXPECT_EQ(IsAnswer({c.code, c.text}, c.deadline_passed, c.connected), c.answer)
        << c.code << " " << c.text;
  }
}

}  // namespace
}  // namespace runtime
