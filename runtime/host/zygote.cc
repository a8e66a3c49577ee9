#include "runtime/host/zygote.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "runtime/host/confinement.h"
#include "runtime/host/privileges.h"

namespace runtime::host {
namespace {

constexpr char kName[] = "plegd-zygote";
// The one request there is, a message of its own.
constexpr std::array<char, 4> kPlease = {'f', 'o', 'r', 'k'};
constexpr absl::Duration kPause = absl::Seconds(1);
constexpr int kEndTries = 20;
constexpr absl::Duration kEndTry = absl::Milliseconds(10);

enum class Answer : uint8_t { kHere, kTooSoon, kTooManyUndead, kNone };

struct Reply {
  Answer answer = Answer::kNone;
  pid_t pid = 0;
  bool filtered = false;
};

absl::Duration Now() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

void Sleep(absl::Duration duration) {
  timespec left = absl::ToTimespec(duration);
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

// A message that may carry one descriptor.
class Message {
 public:
  explicit Message(Reply& reply) : data_{&reply, sizeof(reply)} {
    message_.msg_iov = &data_;
    message_.msg_iovlen = 1;
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  bool Send(int to, int passed) {
    if (passed >= 0) {
      UseControl();
      cmsghdr* const head = CMSG_FIRSTHDR(&message_);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(sizeof(passed));
      std::memcpy(CMSG_DATA(head), &passed, sizeof(passed));
    }
    return TEMP_FAILURE_RETRY(sendmsg(to, &message_, MSG_NOSIGNAL)) > 0;
  }
  // The descriptor, -1 if there is none; false if no whole message came.
  bool Receive(int from, int& passed) {
    UseControl();
    const ssize_t size = TEMP_FAILURE_RETRY(recvmsg(from, &message_, MSG_CMSG_CLOEXEC));
    const cmsghdr* const head = size > 0 ? CMSG_FIRSTHDR(&message_) : nullptr;
    if (head != nullptr && head->cmsg_type == SCM_RIGHTS) {
      std::memcpy(&passed, CMSG_DATA(head), sizeof(passed));
    }
    return size == static_cast<ssize_t>(data_.iov_len);
  }

 private:
  void UseControl() {
    message_.msg_control = control_.data();
    message_.msg_controllen = control_.size();
  }

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

// The zygote's own process.
class Nursery {
 public:
  // `filtered`: whether FilterSyscalls is in force.
  Nursery(int socket, bool filtered, const Zygote::Options& options)
      : socket_(socket), filtered_(filtered), options_(options) {}

  // Until the other side has gone.
  void Serve() {
    // Larger than the request, so that what is longer is not taken for it.
    std::array<char, kPlease.size() + 1> request = {};
    while (true) {
      const ssize_t size = TEMP_FAILURE_RETRY(recv(socket_, request.data(), request.size(), 0));
      if (size <= 0) break;
      const bool asked = size == static_cast<ssize_t>(kPlease.size()) &&
                         std::memcmp(request.data(), kPlease.data(), kPlease.size()) == 0;
      if (asked && !AnswerRequest()) break;
    }
    // Not waited for yet, so the number is still its own. It may be stopped, before it was told
    // with whom to die.
    if (last_ > 0) kill(last_, SIGKILL);
  }

 private:
  // False if the other side has gone.
  bool AnswerRequest() {
    const absl::Duration now = Now();
    if (spawned_at_.has_value() && now - *spawned_at_ < kPause) return Say(Answer::kTooSoon);
    EndLast();
    if (undead_ >= Zygote::kMostUndead) return Say(Answer::kTooManyUndead);
    spawned_at_ = now;
    return Spawn();
  }

  bool Say(Answer answer) const {
    Reply reply = {.answer = answer};
    return Message(reply).Send(socket_, -1);
  }

  void Reap() {
    for (pid_t pid = 0; (pid = waitpid(-1, nullptr, WNOHANG)) > 0;) {
      if (pid == last_) {
        last_ = 0;
      } else if (undead_ > 0) {
        --undead_;
      }
    }
  }

  // One in uninterruptible sleep ends when what it waits for does, and is counted until then.
  void EndLast() {
    Reap();
    if (last_ == 0) return;
    kill(last_, SIGKILL);
    for (int i = 0; i < kEndTries && last_ != 0; ++i) {
      Sleep(kEndTry);
      Reap();
    }
    if (last_ == 0) return;
    last_ = 0;
    ++undead_;
  }

  bool Spawn() {
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
      return Say(Answer::kNone);
    }
    const pid_t zygote = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
      LiveAndDieWith(zygote);
      close(socket_);
      close(sockets[0]);
      KeepCapabilities(options_.capabilities, Effect::kNow);
      options_.child(sockets[1]);
      _exit(0);
    }
    close(sockets[1]);
    if (pid > 0) last_ = pid;
    Reply reply = {
        .answer = pid > 0 ? Answer::kHere : Answer::kNone, .pid = pid, .filtered = filtered_};
    const bool answered = Message(reply).Send(socket_, pid > 0 ? sockets[0] : -1);
    close(sockets[0]);
    return answered;
  }

  const int socket_;
  const bool filtered_;
  const Zygote::Options& options_;
  pid_t last_ = 0;
  int undead_ = 0;
  std::optional<absl::Duration> spawned_at_;
};

[[noreturn]] void Run(int socket, pid_t parent, const Zygote::Options& options) {
  LiveAndDieWith(parent);
  prctl(PR_SET_NAME, kName);
  const int kept = KeepOnly(socket);
  if (kept < 0) _exit(1);
  KeepCapabilities(options.capabilities, Effect::kLater);
  ForbidNewPrivileges();
  const bool filtered = FilterSyscalls(Process::kZygote);
  Nursery(kept, filtered, options).Serve();
  _exit(0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Zygote>> Zygote::Fork(const Options& options) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
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
    Run(sockets[1], parent, options);
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
  Reply reply;
  const bool asked = send(socket_, kPlease.data(), kPlease.size(), MSG_NOSIGNAL) ==
                     static_cast<ssize_t>(kPlease.size());
  if (!asked || !Message(reply).Receive(socket_, child.socket)) {
    return absl::UnavailableError("the process that starts it has ended");
  }
  child.pid = reply.pid;
  child.filtered = reply.filtered;
  switch (reply.answer) {
    case Answer::kHere:
      if (child.socket >= 0) return child;
      break;
    case Answer::kTooSoon:
      return absl::UnavailableError("the last one was started less than a second ago");
    case Answer::kTooManyUndead:
      return absl::ResourceExhaustedError(
          absl::StrCat("the kernel holds ", kMostUndead, " of them that were killed"));
    case Answer::kNone:
      break;
  }
  return absl::UnavailableError("no process can be started for it");
}

}  // namespace runtime::host
