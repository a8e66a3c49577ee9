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

TEST(FindListenerTest, IsTheProcessThatListens) {
  const FixtureTree tree;
  const std::string path = tree.paths().procfs + "/x.sock";
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_FALSE(FindListener(path).there);
  ASSERT_EQ(listen(fd, 1), 0);
  // Nobody accepts: two fill the queue.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(FindListener(path).pid, getpid());
  EXPECT_TRUE(FindListener(path).there);
  EXPECT_EQ(FindListener(path).pid, std::nullopt);
  close(fd);
  EXPECT_FALSE(FindListener(path).there);
}

TEST(FindListenerTest, NobodyListensAtWhatIsNoSocket) {
  EXPECT_FALSE(FindListener("").there);
  EXPECT_FALSE(FindListener("/proc").there);
  EXPECT_FALSE(FindListener(std::string(500, 'x')).there);
}

}  // namespace
}  // namespace runtime::host
