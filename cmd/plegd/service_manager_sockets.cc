#include "cmd/plegd/service_manager_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace plegd {
namespace {

// Far more than there are listeners; keeps a wild number from being walked.
constexpr int kMaxInherited = 64;

std::string TakeVariable(const char* name) {
  const char* value = getenv(name);
  std::string taken = value == nullptr ? "" : value;
  unsetenv(name);
  return taken;
}

int SocketOption(int fd, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

// What is wrong with a descriptor; empty if nothing.
std::string Defect(int fd) {
  const int flags = fcntl(fd, F_GETFD);
  if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0) {
    return std::generic_category().message(errno);
  }
  const int type = SocketOption(fd, SO_TYPE);
  if (type < 0) return "is not a socket";
  if (type != SOCK_STREAM) return "is not a stream socket (ListenStream=)";
  if (SocketOption(fd, SO_ACCEPTCONN) != 1) return "does not listen; Accept=yes does not work here";
  const int domain = SocketOption(fd, SO_DOMAIN);
  const bool known = domain == AF_UNIX || domain == AF_INET || domain == AF_INET6;
  return known ? "" : "is neither a unix nor a TCP socket";
}

}  // namespace

absl::StatusOr<std::vector<InheritedSocket>> TakeInheritedSockets(int first_fd) {
  const std::string pid_text = TakeVariable("LISTEN_PID");
  const std::string count_text = TakeVariable("LISTEN_FDS");
  const std::vector<std::string> names = absl::StrSplit(TakeVariable("LISTEN_FDNAMES"), ':');
  std::vector<InheritedSocket> sockets;
  int64_t pid = 0;
  if (!absl::SimpleAtoi(pid_text, &pid) || pid != getpid()) return sockets;
  int count = 0;
  if (!absl::SimpleAtoi(count_text, &count) || count < 0 || count > kMaxInherited) {
    return absl::InvalidArgumentError(absl::StrCat("LISTEN_FDS \"", absl::CHexEscape(count_text),
                                                   "\" is not a number from 0 to ", kMaxInherited));
  }
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<size_t>(i);
    const bool named = index < names.size() && !names[index].empty();
    InheritedSocket socket{.fd = first_fd + i, .name = named ? names[index] : "unknown"};
    if (const std::string defect = Defect(socket.fd); !defect.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("inherited descriptor ", socket.fd, " (",
                                                     absl::CHexEscape(socket.name), "): ", defect));
    }
    socket.unix_domain = SocketOption(socket.fd, SO_DOMAIN) == AF_UNIX;
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

}  // namespace plegd
