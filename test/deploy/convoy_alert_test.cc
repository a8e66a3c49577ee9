// The hang alert on a real lock convoy: containerd's ListContainers waits for an update that does
// not return, a real Prometheus scrapes plegd every 15 s with the rules of deploy/.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "test/containerd/containerd_fixture.h"
#include "test/process/plegd_process.h"
#include "test/process/status_testing.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

constexpr absl::Duration kAlertWithin = absl::Seconds(90);
constexpr char kAlert[] =
    R"(ALERTS{alertname="PlegCallUnanswered",alertstate="firing",method="ListContainers"})";

std::string Tool(const std::string& path) {
  const char* tools = std::getenv("PLEGD_TOOLS");
  return absl::StrCat(tools == nullptr ? PLEGD_DEFAULT_TOOLS : tools, "/", path);
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<const sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

class ConvoyAlertTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(node_, Containerd::Start());
    const std::string scraped = absl::StrCat("127.0.0.1:", FreePort());
    ASSERT_OK_AND_ASSIGN(plegd_, PlegdProcess::Start(node_->endpoint(), node_->dir(),
                                                     {.relist_period = "1s",
                                                      .flags = {"--web.listen-address", scraped}}));
    prometheus_ = absl::StrCat("127.0.0.1:", FreePort());
    const std::string config = node_->dir() + "/prometheus.yaml";
    std::ofstream(config) << "global: {scrape_interval: 15s, evaluation_interval: 15s}\n"
                          << "rule_files: [" << PLEGD_RULES << "/plegd-rules.yaml, " << PLEGD_RULES
                          << "/plegd-alerts.yaml]\n"
                          << "scrape_configs: [{job_name: plegd, static_configs: [{targets: ["
                          << scraped << "]}]}]\n";
    absl::StatusOr<Subprocess> started = Subprocess::Spawn(
        {Tool("root/usr/bin/prometheus"), "--config.file", config, "--storage.tsdb.path",
         node_->dir() + "/tsdb", "--web.listen-address", prometheus_},
        node_->dir() + "/prometheus.log");
    ASSERT_OK(started);
    server_ = std::make_unique<Subprocess>(*std::move(started));
  }

  // Whether the expression has a result.
  bool Holds(const std::string& expression) const {
    const std::string log = absl::StrCat(node_->dir(), "/query.log");
    unlink(log.c_str());
    const absl::Status ran = RunCommand({Tool("bin/promtool"), "query", "instant",
                                         absl::StrCat("http://", prometheus_), expression},
                                        log);
    return ran.ok() && absl::StrContains(ReadFile(log), "=>");
  }

  std::unique_ptr<Containerd> node_;
  std::unique_ptr<PlegdProcess> plegd_;
  std::unique_ptr<Subprocess> server_;
  std::string prometheus_;
};

TEST_F(ConvoyAlertTest, FiresWithin90SecondsAndClears) {
  ASSERT_OK_AND_ASSIGN(const std::string sandbox, node_->RunPod({.name = "web", .uid = "uid-web"}));
  ASSERT_OK_AND_ASSIGN(const std::string container,
                       node_->CreateContainer(sandbox, {.name = "server"}));
  ASSERT_OK(node_->StartContainer(container));
  ASSERT_TRUE(WaitUntil([this] { return Holds("instance:pleg_last_relist:age_seconds < 30"); },
                        absl::Seconds(60)));
  EXPECT_FALSE(Holds(R"(ALERTS{alertstate="firing"})"));

  node_->HoldUpdates();
  const absl::Time began = absl::Now();
  std::future<absl::Status> update = std::async(
      std::launch::async, [&] { return node_->UpdateContainer(container, 512, absl::Minutes(5)); });
  ASSERT_TRUE(node_->WaitUntilUpdateIsHeld());
  EXPECT_TRUE(WaitUntil([this] { return Holds(kAlert); }, kAlertWithin));
  std::cout << "fired " << absl::FormatDuration(absl::Now() - began) << " into the convoy"
            << std::endl;

  node_->ReleaseUpdates();
  const absl::Time ended = absl::Now();
  EXPECT_OK(update.get());
  EXPECT_TRUE(
      WaitUntil([this] { return !Holds(R"(ALERTS{alertstate="firing"})"); }, absl::Seconds(60)));
  std::cout << "cleared " << absl::FormatDuration(absl::Now() - ended) << " after its end"
            << std::endl;
}

}  // namespace
}  // namespace plegd_testing
