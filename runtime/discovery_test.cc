#include "runtime/discovery.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/testing/temp_dir.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A node of sockets in given states; all others are missing.
class DiscoverTest : public ::testing::Test {
 protected:
  DiscoverTest() {
    seams_.candidates = {Endpoint("/1"), Endpoint("/2"), Endpoint("/3")};
    seams_.docker_containerd = "/docker";
    seams_.read_file = [this](const std::string& path) -> absl::StatusOr<std::string> {
      if (path == "/etc/crictl.yaml" && !crictl_.empty()) return crictl_;
      return absl::NotFoundError(path);
    };
    seams_.check_socket = [this](const std::string& path) { return Check(path); };
    seams_.probe = [this](const Endpoint& endpoint) { return Answer(endpoint.path()); };
  }

  // The socket behaves as one in this state.
  void Set(const std::string& path, CandidateState state) { states_[path] = state; }

  DiscoveryResult Run() {
    probed_.clear();
    absl::StatusOr<DiscoveryResult> result = Discover(settings_, seams_);
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }

  absl::Status Check(const std::string& path) {
    switch (StateOf(path)) {
      case CandidateState::kMissing:
        return absl::NotFoundError(path + ": no such socket");
      case CandidateState::kNotSocket:
        return absl::FailedPreconditionError(path + ": is not a socket");
      case CandidateState::kDenied:
        return absl::PermissionDeniedError(path + ": permission denied");
      case CandidateState::kNoAccept:
        return absl::UnavailableError(path + ": connection refused");
      default:
        return absl::OkStatus();
    }
  }

  absl::StatusOr<pleg::RuntimeVersion> Answer(const std::string& path) {
    probed_.push_back(path);
    switch (StateOf(path)) {
      case CandidateState::kSilent:
        return absl::DeadlineExceededError("Version failed: Deadline Exceeded");
      case CandidateState::kNoCri:
        return absl::UnimplementedError("Version failed: unknown service");
      case CandidateState::kFails:
        return absl::UnavailableError("Version failed: Trying to connect an http1.x server");
      default:
        return pleg::RuntimeVersion{.name = "containerd", .version = "1.7.27", .api_version = "v1"};
    }
  }

  CandidateState StateOf(const std::string& path) const {
    const auto state = states_.find(path);
    return state == states_.end() ? CandidateState::kMissing : state->second;
  }

  DiscoverySettings settings_;
  DiscoverySeams seams_;
  std::string crictl_;
  std::map<std::string, CandidateState> states_;
  std::vector<std::string> probed_;
};

constexpr CandidateState kUsable[] = {CandidateState::kAnswers, CandidateState::kSilent,
                                      CandidateState::kFails, CandidateState::kNoAccept,
                                      CandidateState::kDenied};
constexpr CandidateState kUnusable[] = {CandidateState::kNoCri, CandidateState::kNotSocket,
                                        CandidateState::kMissing};

TEST_F(DiscoverTest, TheFirstThatAnswersEndsTheSearch) {
  Set("/2", CandidateState::kAnswers);
  Set("/3", CandidateState::kAnswers);
  const DiscoveryResult result = Run();
  EXPECT_EQ(result.endpoint, Endpoint("/2"));
  EXPECT_FALSE(result.asked_for);
  EXPECT_EQ(result.reason, "first socket that answers Version");
  EXPECT_THAT(probed_, ElementsAre("/2"));
  ASSERT_EQ(result.candidates.size(), 2);
  EXPECT_EQ(result.candidates[0].line, "/1: no such socket");
  EXPECT_EQ(result.candidates[1].line, "/2: answers Version: containerd 1.7.27, CRI v1");
  EXPECT_EQ(result.candidates[1].identity->name, "containerd");
}

TEST_F(DiscoverTest, ABetterStateWinsOverAnEarlierPlace) {
  for (const CandidateState better : kUsable) {
    for (const CandidateState worse : kUsable) {
      if (worse <= better) continue;
      Set("/1", worse);
      Set("/3", better);
      const DiscoveryResult result = Run();
      EXPECT_EQ(result.endpoint, Endpoint("/3"))
          << CandidateStateText(better) << " against " << CandidateStateText(worse);
      EXPECT_THAT(result.reason, HasSubstr(std::string(CandidateStateText(better))));
    }
  }
}

TEST_F(DiscoverTest, OfEqualsTheFirstIsUsed) {
  for (const CandidateState state : kUsable) {
    Set("/2", state);
    Set("/3", state);
    EXPECT_EQ(Run().endpoint, Endpoint("/2")) << CandidateStateText(state);
  }
}

TEST_F(DiscoverTest, WhatCannotEverAnswerIsNotUsed) {
  for (const CandidateState state : kUnusable) {
    Set("/1", state);
    const DiscoveryResult result = Run();
    EXPECT_FALSE(result.endpoint.has_value()) << CandidateStateText(state);
    ASSERT_EQ(result.candidates.size(), 3);
    EXPECT_EQ(result.candidates[0].state, state);
    EXPECT_EQ(result.reason, "no socket of a runtime found");
  }
}

TEST_F(DiscoverTest, ASettingIsUsedWhateverItsState) {
  crictl_ = "runtime-endpoint: unix:///set";
  Set("/1", CandidateState::kAnswers);
  for (int state = 0; state <= static_cast<int>(CandidateState::kMissing); ++state) {
    Set("/set", static_cast<CandidateState>(state));
    const DiscoveryResult result = Run();
    EXPECT_EQ(result.endpoint, Endpoint("/set"));
    EXPECT_TRUE(result.asked_for);
    EXPECT_EQ(result.reason, "runtime-endpoint in /etc/crictl.yaml");
    ASSERT_EQ(result.candidates.size(), 1);
    EXPECT_EQ(result.candidates[0].state, static_cast<CandidateState>(state));
    EXPECT_THAT(result.candidates[0].line, HasSubstr("/set: "));
  }
}

TEST_F(DiscoverTest, SaysWhatEachSocketDoes) {
  Set("/1", CandidateState::kSilent);
  Set("/2", CandidateState::kNoCri);
  Set("/3", CandidateState::kFails);
  const DiscoveryResult result = Run();
  ASSERT_EQ(result.candidates.size(), 3);
  EXPECT_EQ(result.candidates[0].line,
            "/1: accepts connections but does not answer: Version failed: Deadline Exceeded");
  EXPECT_THAT(result.candidates[1].line, HasSubstr("CRI plugin is disabled"));
  EXPECT_THAT(result.candidates[2].line, HasSubstr("http1.x server"));
}

TEST_F(DiscoverTest, TellsOfDockersOwnContainerdOnlyIfNothingAnswers) {
  Set("/docker", CandidateState::kAnswers);
  DiscoveryResult result = Run();
  EXPECT_FALSE(result.endpoint.has_value());
  ASSERT_EQ(result.candidates.size(), 4);
  EXPECT_THAT(result.candidates[3].line, HasSubstr("/docker: Docker's own containerd"));
  EXPECT_THAT(probed_, IsEmpty());
  Set("/1", CandidateState::kAnswers);
  EXPECT_EQ(Run().candidates.size(), 1);
}

TEST_F(DiscoverTest, PassesOnNotesAndErrors) {
  crictl_ = "[";
  EXPECT_THAT(Run().notes, ElementsAre(HasSubstr("/etc/crictl.yaml:1: not YAML")));
  settings_.flag = "tcp://x";
  EXPECT_EQ(Discover(settings_, seams_).status().code(), absl::StatusCode::kInvalidArgument);
}

// With the probe that plegd has, against sockets of which none is a runtime.
class ProbeTest : public ::testing::Test {
 protected:
  ProbeTest() {
    settings_.flag = dir_.File("s");
    seams_.probe = [this](const Endpoint& endpoint) { return ProbeVersion(endpoint, timeout_); };
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, settings_.flag.data(), settings_.flag.size());
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd_, 5), 0);
  }
  ~ProbeTest() override { close(fd_); }

  CandidateReport Report() { return Discover(settings_, seams_).value().candidates.at(0); }

  testing::TempDir dir_;
  DiscoverySettings settings_;
  DiscoverySeams seams_;
  absl::Duration timeout_ = absl::Seconds(30);
  int fd_ = -1;
};

TEST_F(ProbeTest, ASocketThatNobodyReadsIsSilent) {
  timeout_ = absl::Milliseconds(300);
  const CandidateReport report = Report();
  EXPECT_EQ(report.state, CandidateState::kSilent) << report.line;
  EXPECT_THAT(report.line, HasSubstr("accepts connections but does not answer"));
}

TEST_F(ProbeTest, AnHttpServerFails) {
  std::jthread server([this] {
    for (int client; (client = accept(fd_, nullptr, nullptr)) >= 0; close(client)) {
      constexpr absl::string_view kReply = "HTTP/1.1 400 Bad Request\r\n\r\n";
      send(client, kReply.data(), kReply.size(), MSG_NOSIGNAL);
    }
  });
  const CandidateReport report = Report();
  EXPECT_EQ(report.state, CandidateState::kFails) << report.line;
  shutdown(fd_, SHUT_RDWR);
}

// Runs as an ordinary user for a scope. Confined to one thread; glibc changes all of them.
class AsNobody {
 public:
  AsNobody() { EXPECT_EQ(setegid(65534) | seteuid(65534), 0); }
  ~AsNobody() { EXPECT_EQ(seteuid(0) | setegid(0), 0); }
};

class CheckAccessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
    ASSERT_EQ(chmod(dir_.path().c_str(), 0755), 0);
    ASSERT_EQ(mkdir(dir_.File("d").c_str(), 0755), 0);
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    ASSERT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(listen(fd_, 5), 0);
  }
  void TearDown() override {
    if (fd_ >= 0) close(fd_);
  }
  std::string DeniedAsNobody() {
    const AsNobody nobody;
    const absl::Status status = CheckAccess(path_);
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
    return std::string(status.message());
  }

  testing::TempDir dir_;
  const std::string path_ = dir_.File("d/s");
  int fd_ = -1;
};

TEST_F(CheckAccessTest, WhoMayUseTheSocket) {
  ASSERT_EQ(chmod(path_.c_str(), 0660), 0);
  EXPECT_TRUE(CheckAccess(path_).ok());
  ASSERT_EQ(chown(path_.c_str(), 0, 998), 0);
  EXPECT_EQ(DeniedAsNobody(),
            path_ +
                ": permission denied: the socket belongs to uid 0, gid 998, mode 0660; plegd "
                "runs as uid 65534, gid 65534; run it as root or with the group 998");
  ASSERT_EQ(chown(path_.c_str(), 1000, 1000), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  EXPECT_THAT(DeniedAsNobody(), ::testing::EndsWith("run it as root or uid 1000"));
}

TEST_F(CheckAccessTest, WhoMayEnterTheDirectory) {
  ASSERT_EQ(chmod(path_.c_str(), 0666), 0);
  ASSERT_EQ(chmod(dir_.File("d").c_str(), 0700), 0);
  EXPECT_THAT(DeniedAsNobody(),
              HasSubstr("directory " + dir_.File("d") + " belongs to uid 0, gid 0, mode 0700; "));
}

TEST_F(CheckAccessTest, OtherErrorsAreThoseOfCheckSocket) {
  const std::string missing = dir_.File("missing");
  EXPECT_EQ(CheckAccess(missing), CheckSocket(missing));
}

}  // namespace
}  // namespace runtime
