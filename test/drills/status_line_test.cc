// What `systemctl status plegd` shows: also what is wrong while plegd's own relist is well.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "test/drills/sim_incident.h"
#include "test/process/plegd_process.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

// Where systemd would listen.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& path)
      : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~NotifySocket() { close(fd_); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  // Whether a status that begins so has been sent since the last call that found one.
  bool Says(absl::string_view start) {
    char buffer[8192];
    ssize_t got = 0;
    while ((got = recv(fd_, buffer, sizeof(buffer), 0)) >= 0) {
      const absl::string_view message(buffer, static_cast<size_t>(got));
      const size_t at = message.find("STATUS=");
      if (at != absl::string_view::npos && absl::StartsWith(message.substr(at + 7), start)) {
        return true;
      }
    }
    return false;
  }

 private:
  const int fd_;
};

TEST(StatusLineTest, TellsOfAKubeletThatIsStuckWhilePlegdIsWell) {
  SimIncident incident({.with_kubelet = true});
  ASSERT_TRUE(incident.Prepare().ok());
  const ScratchDir dir;
  NotifySocket systemd(dir.File("notify"));
  PlegdOptions options;
  options.flags = incident.plegd_flags();
  options.environment = {{"NOTIFY_SOCKET", dir.File("notify")}};
  const auto plegd = PlegdProcess::Start(incident.endpoint(), dir.path(), options);
  ASSERT_TRUE(plegd.ok()) << plegd.status();
  constexpr absl::Duration kPatience = absl::Seconds(40);
  EXPECT_TRUE(WaitUntil([&] { return systemd.Says("PLEG is healthy: 3 pods"); }, kPatience));
  incident.kubelet().Freeze(absl::Minutes(4));
  EXPECT_TRUE(
      WaitUntil([&] { return systemd.Says("KUBELET_SIDE: The kubelet is stuck"); }, kPatience));
  // One judge: whoever is asked says the same.
  const auto diagnosis = (*plegd)->Diagnosis();
  ASSERT_TRUE(diagnosis.ok()) << diagnosis.status();
  EXPECT_EQ(diagnosis->findings(0).code(), "KUBELET_SIDE");
  EXPECT_EQ(*(*plegd)->Metric("pleg_verdict{code=\"KUBELET_SIDE\",severity=\"page\"}"), 1);
  EXPECT_EQ(*(*plegd)->Metric("pleg_verdict{code=\"HEALTHY\",severity=\"none\"}"), 0);
  incident.kubelet().Thaw();
  EXPECT_TRUE(WaitUntil([&] { return systemd.Says("PLEG is healthy: 3 pods"); }, kPatience));
  EXPECT_EQ(*(*plegd)->Metric("pleg_verdict{code=\"HEALTHY\",severity=\"none\"}"), 1);
}

}  // namespace
}  // namespace plegd_testing
