#include "runtime/host/zygote.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace runtime::host {
namespace {

constexpr char kName[] = "plegd-zygote";
constexpr char kPlease = 'f';

// The header of a message that carries one file descriptor beside `pid`.
class PassedSocket {
 public:
  explicit PassedSocket(pid_t& pid) : data_{&pid, sizeof(pid)} {
    message_.msg_iov = &data_;
    message_.msg_iovlen = 1;
    message_.msg_control = control_.data();
    message_.msg_controllen = control_.size();
  }
  PassedSocket(const PassedSocket&) = delete;
  PassedSocket& operator=(const PassedSocket&) = delete;

  bool Send(int to, int passed) {
    cmsghdr* const head = CMSG_FIRSTHDR(&message_);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(passed));
    std::memcpy(CMSG_DATA(head), &passed, sizeof(passed));
    return TEMP_FAILURE_RETRY(sendmsg(to, &message_, MSG_NOSIGNAL)) > 0;
  }
  // -1 if there is none.
  int Receive(int from) {
    if (TEMP_FAILURE_RETRY(recvmsg(from, &message_, MSG_CMSG_CLOEXEC)) <= 0) return -1;
    const cmsghdr* const head = CMSG_FIRSTHDR(&message_);
    if (head == nullptr || head->cmsg_type != SCM_RIGHTS) return -1;
    int passed = -1;
    std::memcpy(&passed, CMSG_DATA(head), sizeof(passed));
    return passed;
  }

 private:
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control_ = {};
  iovec data_;
  msghdr message_ = {};
};

// Ends with `parent`, however that ends; Ctrl-C in a terminal is for the parent.
void LiveAndDieWith(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
}

// 0 if there can be no child, or the parent has gone: then nothing was answered.
pid_t SpawnFor(int socket, const std::function<void(int)>& child) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return 0;
  const pid_t zygote = getpid();
  pid_t pid = fork();
  if (pid == 0) {
    LiveAndDieWith(zygote);
    close(socket);
    close(sockets[0]);
    child(sockets[1]);
    _exit(0);
  }
  const bool answered = pid > 0 && PassedSocket(pid).Send(socket, sockets[0]);
  close(sockets[0]);
  close(sockets[1]);
  return answered ? pid : 0;
}

[[noreturn]] void Run(int socket, pid_t parent, const std::function<void(int)>& child) {
  LiveAndDieWith(parent);
  prctl(PR_SET_NAME, kName);
  pid_t last = 0;
  char please = 0;
  while (TEMP_FAILURE_RETRY(read(socket, &please, 1)) == 1) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    last = SpawnFor(socket, child);
    if (last == 0) break;
  }
  // Not waited for yet, so the number is still its own. It may be stopped, before it was told with
  // whom to die.
  if (last > 0) kill(last, SIGKILL);
  _exit(0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Zygote>> Zygote::Fork(const std::function<void(int)>& child) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return absl::ErrnoToStatus(errno, "socketpair for the host probe");
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    const absl::Status status = absl::ErrnoToStatus(errno, "fork the host probe");
    close(sockets[0]);
    close(sockets[1]);
    return status;
  }
  if (pid == 0) {
    close(sockets[0]);
    Run(sockets[1], parent, child);
  }
  close(sockets[1]);
  return std::unique_ptr<Zygote>(new Zygote(pid, sockets[0]));
}

Zygote::~Zygote() {
  close(socket_);  // what it waits at
  waitpid(pid_, nullptr, WNOHANG);
}

absl::StatusOr<Zygote::Child> Zygote::Spawn() {
  Child child;
  if (send(socket_, &kPlease, 1, MSG_NOSIGNAL) == 1) {
    child.socket = PassedSocket(child.pid).Receive(socket_);
  }
  if (child.socket < 0) return absl::UnavailableError("no process can be started for it");
  return child;
}

}  // namespace runtime::host
