#include "runtime/host/peer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

TEST(ListenerPidTest, IsThatOfTheProcessThatListens) {
  const FixtureTree tree;
  const std::string path = tree.paths().procfs + "/x.sock";
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(ListenerPid(path), std::nullopt);
  ASSERT_EQ(listen(fd, 1), 0);
  EXPECT_EQ(ListenerPid(path), getpid());
  close(fd);
  EXPECT_EQ(ListenerPid(path), std::nullopt);
}

TEST(ListenerPidTest, NobodyListensAtWhatIsNoSocket) {
  EXPECT_EQ(ListenerPid(""), std::nullopt);
  EXPECT_EQ(ListenerPid("/proc"), std::nullopt);
  EXPECT_EQ(ListenerPid(std::string(500, 'x')), std::nullopt);
}

}  // namespace
}  // namespace runtime::host
