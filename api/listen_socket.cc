#include "api/listen_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace api {
namespace {

constexpr int kBacklog = 128;
constexpr mode_t kUnixMode = 0660;

absl::Status ListenError(const ListenAddress& address, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot listen on ", address.ToString(), ": ", why));
}

absl::Status ListenErrno(const ListenAddress& address, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot listen on ", address.ToString()));
}

int OpenSocket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

sockaddr_un UnixName(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), std::min(path.size(), sizeof(name.sun_path) - 1));
  return name;
}

// Of the process that called listen(); 0 if it is in another PID namespace.
pid_t PeerPid(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

// OK if nothing is in the way of a new socket at the path, or no longer.
absl::Status ClearPath(const ListenAddress& address) {
  struct stat info {};
  if (lstat(address.path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ListenErrno(address, errno);
  }
  if (!S_ISSOCK(info.st_mode)) return ListenError(address, "a file that is no socket is there");
  const int probe = OpenSocket(AF_UNIX);
  if (probe < 0) return ListenErrno(address, errno);
  const sockaddr_un name = UnixName(address.path);
  const int result = connect(probe, reinterpret_cast<const sockaddr*>(&name), sizeof(name));
  const int error = result == 0 ? 0 : errno;
  const pid_t listener = result == 0 ? PeerPid(probe) : 0;
  close(probe);
  // A full backlog (EAGAIN) is a living listener, too.
  if (error != ECONNREFUSED) {
    return error == 0 || error == EAGAIN
               ? ListenError(address, absl::StrCat(OtherProcess(listener), " listens there"))
               : ListenErrno(address, error);
  }
  if (unlink(address.path.c_str()) != 0 && errno != ENOENT) return ListenErrno(address, errno);
  return absl::OkStatus();
}

absl::StatusOr<ListenSocket> ListenUnix(const ListenAddress& address) {
  // Before the look at what is there: who looks at a dead socket at the same time replaces ours.
  absl::StatusOr<PathLock> lock = PathLock::Take(address.path);
  if (!lock.ok()) {
    return absl::Status(lock.status().code(), absl::StrCat("cannot listen on ", address.ToString(),
                                                           ": ", lock.status().message()));
  }
  if (absl::Status clear = ClearPath(address); !clear.ok()) return clear;
  const int fd = OpenSocket(AF_UNIX);
  if (fd < 0) return ListenErrno(address, errno);
  const sockaddr_un name = UnixName(address.path);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    const int error = errno;
    close(fd);
    return ListenErrno(address, error);
  }
  // From here on the file goes with it, whatever happens.
  ListenSocket bound(fd, address, /*owns_file=*/true, *std::move(lock));
  // Nobody can connect before listen(), so nobody sees the mode that umask left.
  if (chmod(address.path.c_str(), kUnixMode) != 0 || listen(fd, kBacklog) != 0) {
    return ListenErrno(address, errno);
  }
  return bound;
}

// `address` with the address and port that the socket has.
ListenAddress BoundAddress(int fd, ListenAddress address) {
  sockaddr_storage name{};
  socklen_t length = sizeof(name);
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) == 0 &&
      getnameinfo(reinterpret_cast<sockaddr*>(&name), length, host, sizeof(host), port,
                  sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
    address.host = host;
    address.port = static_cast<uint16_t>(std::stoi(port));
  }
  return address;
}

// The socket, or the negative errno.
int OpenTcp(const addrinfo& info) {
  const int fd = OpenSocket(info.ai_family);
  if (fd < 0) return -errno;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (info.ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  if (bind(fd, info.ai_addr, info.ai_addrlen) != 0 || listen(fd, kBacklog) != 0) {
    const int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

using AddrInfo = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

absl::StatusOr<AddrInfo> Resolve(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(),
                                absl::StrCat(address.port).c_str(), &hints, &found);
  if (error != 0) return ListenError(address, gai_strerror(error));
  return AddrInfo(found, &freeaddrinfo);
}

// The machine has no IPv6, or has it switched off.
bool LacksIpv6(int family, int error) {
  return family == AF_INET6 && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}

// Of a unix socket's file; empty for an abstract socket, or one without a name.
std::string PathOf(const sockaddr_storage& name, socklen_t length) {
  const auto* unix_name = reinterpret_cast<const sockaddr_un*>(&name);
  const size_t size = length - offsetof(sockaddr_un, sun_path);
  const size_t room = std::min(size, sizeof(unix_name->sun_path));
  return {unix_name->sun_path, strnlen(unix_name->sun_path, room)};
}

// Why others than root, this user and a group may connect to a unix socket, or may later; empty if
// they may not.
std::string PathDefect(const std::string& path) {
  if (path.empty()) {
    return "the unix socket has no file (it is abstract, or has no name), so that every process of "
           "the node may connect; give it a path: ListenStream=/run/plegd/http.sock";
  }
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return absl::StrCat(path, ": ", std::generic_category().message(errno));
  }
  if (!S_ISSOCK(info.st_mode)) return absl::StrCat(path, " is no socket");
  if (info.st_uid != 0 && info.st_uid != geteuid()) {
    return absl::StrCat(path, " belongs to user ", info.st_uid, "; set SocketUser=root");
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return absl::StrFormat("%s has mode %04o, so that every user may connect; set SocketMode=0660",
                           path, info.st_mode & 07777);
  }
  return "";
}

}  // namespace

ListenSocket::ListenSocket(int fd, ListenAddress address, bool owns_file,
                           std::optional<PathLock> lock)
    : fd_(fd), address_(std::move(address)), lock_(std::move(lock)) {
  struct stat info {};
  if (owns_file && address_.is_unix && lstat(address_.path.c_str(), &info) == 0) {
    device_ = info.st_dev;
    inode_ = info.st_ino;
  }
}

ListenSocket::~ListenSocket() {
  if (fd_ >= 0) close(fd_);
  struct stat info {};
  if (inode_ != 0 && lstat(address_.path.c_str(), &info) == 0 && info.st_dev == device_ &&
      info.st_ino == inode_) {
    unlink(address_.path.c_str());
  }
}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      address_(std::move(other.address_)),
      device_(other.device_),
      inode_(std::exchange(other.inode_, 0)),
      lock_(std::exchange(other.lock_, std::nullopt)) {}

int ListenSocket::ReleaseFd() { return std::exchange(fd_, -1); }

absl::StatusOr<ListenSocket> AdoptListenSocket(int fd) {
  sockaddr_storage name{};
  socklen_t length = sizeof(name);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) != 0 ||
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
    const int error = errno;
    close(fd);
    return absl::ErrnoToStatus(error, absl::StrCat("cannot listen on descriptor ", fd));
  }
  if (name.ss_family != AF_UNIX) {
    return ListenSocket(fd, BoundAddress(fd, {.host = {}, .path = {}}), /*owns_file=*/false);
  }
  ListenAddress address{.is_unix = true, .host = {}, .path = PathOf(name, length)};
  if (const std::string defect = PathDefect(address.path); !defect.empty()) {
    close(fd);
    return absl::InvalidArgumentError(
        absl::StrCat("cannot listen on inherited descriptor ", fd, ": ", defect));
  }
  return ListenSocket(fd, std::move(address), /*owns_file=*/false);
}

absl::StatusOr<std::vector<ListenSocket>> Listen(const ListenAddress& address) {
  std::vector<ListenSocket> sockets;
  if (address.is_unix) {
    absl::StatusOr<ListenSocket> socket = ListenUnix(address);
    if (!socket.ok()) return socket.status();
    sockets.push_back(*std::move(socket));
    return sockets;
  }
  absl::StatusOr<AddrInfo> found = Resolve(address);
  if (!found.ok()) return found.status();
  int lacking = EADDRNOTAVAIL;
  for (const addrinfo* info = found->get(); info != nullptr; info = info->ai_next) {
    const int fd = OpenTcp(*info);
    if (fd >= 0) {
      sockets.emplace_back(fd, BoundAddress(fd, address));
    } else if (LacksIpv6(info->ai_family, -fd)) {
      lacking = -fd;
    } else {
      return ListenErrno(address, -fd);
    }
  }
  if (sockets.empty()) return ListenErrno(address, lacking);
  return sockets;
}

}  // namespace api
