#include "runtime/host/peer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "runtime/host/proc_file.h"
#include "runtime/host/proc_parse.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

bool TellsPidfd() {
  int pair[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  constexpr int kPeerPidfd = 77;  // SO_PEERPIDFD
  int pidfd = -1;
  socklen_t size = sizeof(pidfd);
  const bool tells = getsockopt(pair[0], SOL_SOCKET, kPeerPidfd, &pidfd, &size) == 0;
  for (const int fd : {pair[0], pair[1], pidfd}) close(fd);
  return tells;
}

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
  close(accept(fd, nullptr, nullptr));
  const uint64_t start = ParseProcessStat(*ReadSmallFile("/proc/self/stat"))->start_ticks;
  EXPECT_EQ(FindListener(path).start_ticks, start);
  close(fd);
  EXPECT_FALSE(FindListener(path).there);
}

// It has forked, and its child serves: its own number may be anybody's.
TEST(FindListenerTest, WhoHasEndedIsNotBehindTheSocketThatItLeft) {
  const FixtureTree tree;
  const std::string path = tree.paths().procfs + "/x.sock";
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const pid_t child = fork();
  if (child == 0) _exit(listen(fd, 8));
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  const Listener listener = FindListener(path);
  EXPECT_TRUE(listener.there);
  if (!TellsPidfd()) GTEST_SKIP() << "this kernel does not tell";
  EXPECT_EQ(listener.pid, std::nullopt);
  close(fd);
}

TEST(FindListenerTest, NobodyListensAtWhatIsNoSocket) {
  EXPECT_FALSE(FindListener("").there);
  EXPECT_FALSE(FindListener("/proc").there);
  EXPECT_FALSE(FindListener(std::string(500, 'x')).there);
}

}  // namespace
}  // namespace runtime::host
