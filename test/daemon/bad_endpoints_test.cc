// The daemon as a process, at endpoints that are no container runtime or one that fails at
// everything: one clear line, a defined state, and next to no CPU.

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pleg/testing/sanitizers.h"
#include "test/process/plegd_process.h"
#include "test/process/sim_node.h"
#include "test/process/status_testing.h"

namespace {

using ::plegd_testing::PlegdProcess;
using ::plegd_testing::ScratchDir;
using ::plegd_testing::SimNode;
using ::plegd_testing::WaitUntil;

// What a node can afford for a daemon that has nothing to do.
#ifdef NDEBUG
constexpr double kMaxCpuShare = 0.01;
#else
constexpr double kMaxCpuShare = 0.02;  // not optimized
#endif
constexpr absl::Duration kCpuWindow = absl::Seconds(4);

// Something that an endpoint can turn out to be. It lives as long as this.
struct Endpoint {
  std::string path;
  std::shared_ptr<void> keep;
};

// Does `serve` for each connection to a unix socket, one after another.
class RawServer {
 public:
  RawServer(const std::string& path, std::function<void(int fd)> serve)
      : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), serve_(std::move(serve)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    listen(listener_, 16);
    if (serve_ != nullptr) thread_ = std::thread([this] { Run(); });
  }
  ~RawServer() {
    shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    close(listener_);
    for (const int fd : open_) close(fd);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

 private:
  void Run() {
    int fd = -1;
    while ((fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
      serve_(fd);
      open_.push_back(fd);
    }
  }

  const int listener_;
  const std::function<void(int)> serve_;
  std::vector<int> open_;
  std::thread thread_;
};

void SendText(int fd, absl::string_view text) { send(fd, text.data(), text.size(), MSG_NOSIGNAL); }

Endpoint Raw(const std::string& path, std::function<void(int)> serve) {
  return {path, std::make_shared<RawServer>(path, std::move(serve))};
}

Endpoint NobodyAccepts(const std::string& path) { return Raw(path, nullptr); }

Endpoint NobodyReads(const std::string& path) {
  return Raw(path, [](int) {});
}

Endpoint ClosesAtOnce(const std::string& path) {
  return Raw(path, [](int fd) { shutdown(fd, SHUT_RDWR); });
}

Endpoint SendsGarbage(const std::string& path) {
  return Raw(path, [](int fd) {
    SendText(fd, std::string(512, '\xff'));
    shutdown(fd, SHUT_WR);
  });
}

Endpoint HttpServer(const std::string& path) {
  return Raw(path, [](int fd) {
    char request[512];
    if (recv(fd, request, sizeof(request), 0) <= 0) return;
    SendText(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    shutdown(fd, SHUT_RDWR);
  });
}

// A gRPC server that knows none of CRI's methods.
struct GrpcServer {
  explicit GrpcServer(const std::string& path) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials());
    builder.RegisterCallbackGenericService(&unimplemented);
    server = builder.BuildAndStart();
  }
  ~GrpcServer() { server->Shutdown(std::chrono::system_clock::now()); }
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  grpc::CallbackGenericService unimplemented;
  std::unique_ptr<grpc::Server> server;
};

Endpoint OtherGrpcServer(const std::string& path) {
  return {path, std::make_shared<GrpcServer>(path)};
}

Endpoint Refuses(const std::string& path) {
  { const RawServer gone(path, nullptr); }
  return {path, nullptr};
}

Endpoint RegularFile(const std::string& path) {
  std::ofstream(path) << "not a socket";
  return {path, nullptr};
}

Endpoint Directory(const std::string& path) {
  mkdir(path.c_str(), 0700);
  return {path, nullptr};
}

Endpoint Fifo(const std::string& path) {
  mkfifo(path.c_str(), 0600);
  return {path, nullptr};
}

Endpoint Nothing(const std::string& path) { return {path, nullptr}; }

struct Case {
  const char* name;
  Endpoint (*make)(const std::string& path);
  const char* told;  // in the log, on the line that names the path
};

constexpr Case kCases[] = {
    {"NobodyAccepts", NobodyAccepts, "accepts connections but does not speak"},
    {"NobodyReads", NobodyReads, "accepts connections but does not speak"},
    {"ClosesAtOnce", ClosesAtOnce, "accepts connections but no gRPC"},
    {"SendsGarbage", SendsGarbage, "accepts connections but no gRPC"},
    {"HttpServer", HttpServer, "an HTTP/1 server listens there"},
    {"OtherGrpcServer", OtherGrpcServer, "CRI"},
    {"Refuses", Refuses, "refuse"},
    {"RegularFile", RegularFile, "not a socket"},
    {"Directory", Directory, "not a socket"},
    {"Fifo", Fifo, "not a socket"},
    {"Nothing", Nothing, "o such "},
};

absl::StatusOr<std::unique_ptr<PlegdProcess>> StartPlegd(const std::string& endpoint,
                                                         const std::string& dir) {
  plegd_testing::PlegdOptions options;
  options.relist_period = "1s";
  options.started_when = "/livez";
  return PlegdProcess::Start(endpoint, dir, options);
}

// CPU time of a process since it began, all its threads together.
absl::Duration CpuTime(pid_t pid) {
  clockid_t clock = 0;
  timespec time = {};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    return absl::InfiniteDuration();
  }
  return absl::DurationFromTimespec(time);
}

std::string LinesWith(const std::string& log, absl::string_view text) {
  std::string lines;
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    if (line.find(text) != absl::string_view::npos) absl::StrAppend(&lines, line, "\n");
  }
  return lines;
}

// Lines at warning or above that name the endpoint.
ptrdiff_t ComplaintsOf(const std::string& endpoint, const std::string& log) {
  const std::vector<std::string> lines = absl::StrSplit(log, '\n');
  return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
    return absl::StrContains(line, endpoint) &&
           (absl::StrContains(line, "level=warning") || absl::StrContains(line, "level=error"));
  });
}

class BadEndpointTest : public ::testing::TestWithParam<Case> {};

TEST_P(BadEndpointTest, IsNamedInTheLogAndHasADefinedState) {
  const ScratchDir dir;
  const Endpoint endpoint = GetParam().make(dir.File("runtime.sock"));
  ASSERT_OK_AND_ASSIGN(const auto plegd, StartPlegd(endpoint.path, dir.path()));
  const auto told = [&] { return LinesWith(plegd->Log(), endpoint.path); };
  EXPECT_TRUE(WaitUntil([&] { return told().find(GetParam().told) != std::string::npos; }))
      << plegd->Log();

  const auto ready = plegd->Get("/readyz");
  ASSERT_OK(ready);
  EXPECT_EQ(ready->code, 503);
  const auto health = plegd->Get("/healthz");
  ASSERT_OK(health);
  EXPECT_EQ(health->code, 503);
  EXPECT_EQ(health->body, "PLEG is not healthy: pleg has yet to be successful");
  EXPECT_TRUE(WaitUntil([&] {
    const auto verbose = plegd->Get("/healthz?verbose");
    return verbose.ok() && absl::StrContains(verbose->body, endpoint.path) &&
           absl::StrContains(verbose->body, "node Ready=False");
  }));
  const auto live = plegd->Get("/livez");
  ASSERT_OK(live);
  EXPECT_EQ(live->code, 200);

  const absl::Time asked = absl::Now();
  ASSERT_OK_AND_ASSIGN(const int code, plegd->Terminate());
  EXPECT_EQ(code, 0);
  EXPECT_LT(absl::Now() - asked, absl::Seconds(2));
}

INSTANTIATE_TEST_SUITE_P(Endpoints, BadEndpointTest, ::testing::ValuesIn(kCases),
                         [](const auto& c) { return std::string(c.param.name); });

// A daemon under watch, and what it is at.
struct Watched {
  std::string name;
  std::unique_ptr<ScratchDir> dir;
  Endpoint endpoint;
  std::unique_ptr<SimNode> node;
  std::unique_ptr<PlegdProcess> plegd;
  absl::Duration used_before;
};

class CpuTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (pleg::testing::kSanitized) GTEST_SKIP() << "a sanitizer's CPU is not plegd's";
  }

  void WatchEndpoint(const Case& c) {
    Watched watched;
    watched.name = c.name;
    watched.dir = std::make_unique<ScratchDir>();
    watched.endpoint = c.make(watched.dir->File("runtime.sock"));
    ASSERT_OK_AND_ASSIGN(watched.plegd, StartPlegd(watched.endpoint.path, watched.dir->path()));
    watched_.push_back(std::move(watched));
  }
  void WatchFault(const std::string& fault) {
    Watched watched;
    watched.name = fault;
    watched.node = std::make_unique<SimNode>(sim::RuntimeOptions{.pods = 10});
    ASSERT_OK(watched.node->Serve());
    watched.node->Break(fault);
    ASSERT_OK_AND_ASSIGN(watched.plegd, StartPlegd(watched.node->endpoint(), watched.node->dir()));
    watched_.push_back(std::move(watched));
  }
  // All at the same time, so that the wait is spent once.
  void ExpectLittle() {
    absl::SleepFor(absl::Seconds(1));  // what starting costs is not asked
    for (Watched& watched : watched_) watched.used_before = CpuTime(watched.plegd->pid());
    const absl::Time began = absl::Now();
    absl::SleepFor(kCpuWindow);
    for (const Watched& watched : watched_) {
      const absl::Duration used = CpuTime(watched.plegd->pid()) - watched.used_before;
      const double share = absl::FDivDuration(used, absl::Now() - began);
      RecordProperty(watched.name, absl::StrCat(share * 100, " %"));
      std::cout << absl::StrFormat("%6.3f %% CPU  %s\n", share * 100, watched.name);
      EXPECT_LE(share, kMaxCpuShare) << watched.name;
      if (watched.node == nullptr) {
        const std::string log = watched.plegd->Log();
        EXPECT_EQ(ComplaintsOf(watched.endpoint.path, log), 1) << log;
      }
    }
  }

  std::vector<Watched> watched_;
};

// A runtime that answers nothing but cuts each connection is tried at a measured pace.
TEST(BrokenConnectionTest, IsNotMadeAgainWithoutAPause) {
  SimNode node({.pods = 1});
  ASSERT_OK(node.Serve());
  node.Break("* drop");
  ASSERT_OK_AND_ASSIGN(const auto plegd, StartPlegd(node.endpoint(), node.dir()));
  const uint64_t first = node.server().Stats().accepted;
  const absl::Time began = absl::Now();
  ASSERT_TRUE(WaitUntil([&] { return node.server().Stats().accepted >= first + 8; }));
  // The pauses are 100, 200, 400, 500, 500, … ms; calls of relists and of the sweep may cut most of
  // them. Without any, eight connections take a few milliseconds.
  EXPECT_GE(absl::Now() - began, absl::Milliseconds(200));
  EXPECT_EQ(plegd->Get("/livez")->code, 200);
  node.Mend();
  EXPECT_TRUE(WaitUntil([&] { return plegd->Get("/healthz")->code == 200; }));
}

TEST_F(CpuTest, IsLittleWhereNoRuntimeIs) {
  for (const Case& c : kCases) ASSERT_NO_FATAL_FAILURE(WatchEndpoint(c)) << c.name;
  ExpectLittle();
}

TEST_F(CpuTest, IsLittleWhileEverythingFails) {
  for (const char* fault :
       {"* hang", "* hang mid-reply", "* error=INTERNAL:boom", "* error=UNAVAILABLE:down",
        "* error=UNIMPLEMENTED:what", "* drop", "* drop mid-reply", "* malformed=garbage",
        "* malformed=empty", "Version drop", "Status drop"}) {
    ASSERT_NO_FATAL_FAILURE(WatchFault(fault)) << fault;
  }
  ExpectLittle();
}

}  // namespace
