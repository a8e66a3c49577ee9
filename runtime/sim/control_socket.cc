#include "runtime/sim/control_socket.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace sim {
namespace {

constexpr size_t kMaxLine = size_t{64} * 1024;
constexpr absl::Duration kPatience = absl::Seconds(2);

bool SendAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// Up to the newline or the end; the reason when there is no such line in time.
absl::StatusOr<std::string> ReadLine(int fd) {
  std::string line;
  const absl::Time end = absl::Now() + kPatience;
  for (;;) {
    const absl::Duration left = end - absl::Now();
    pollfd polled = {fd, POLLIN, 0};
    if (left <= absl::ZeroDuration() ||
        ::poll(&polled, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1) <= 0) {
      return absl::DeadlineExceededError("no command line within 2 s");
    }
    std::array<char, 4096> buffer;
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) return line;
    line.append(buffer.data(), static_cast<size_t>(n));
    const size_t newline = line.find('\n');
    if (newline != std::string::npos) return line.substr(0, newline);
    if (line.size() > kMaxLine) return absl::InvalidArgumentError("command line over 64 KiB");
  }
}

void LimitSending(int fd) {
  const timeval limit = absl::ToTimeval(kPatience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

std::string Format(const ControlReply& reply) {
  switch (reply.result) {
    case ControlReply::Result::kOk:
      return absl::StrCat("ok\n", reply.text);
    case ControlReply::Result::kFailed:
      return absl::StrCat("failed ", reply.text, "\n");
    case ControlReply::Result::kUsage:
      return absl::StrCat("usage ", reply.text, "\n");
  }
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Start(const std::string& path,
                                                                    Controller* controller) {
  absl::StatusOr<ListenSocket> socket = ListenSocket::Open(path);
  if (!socket.ok()) return socket.status();
  return std::unique_ptr<ControlServer>(new ControlServer(*std::move(socket), controller));
}

ControlServer::ControlServer(ListenSocket socket, Controller* controller)
    : socket_(std::move(socket)),
      controller_(controller),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { Run(); }) {}

ControlServer::~ControlServer() {
  const uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof(one));
  thread_.join();
}

void ControlServer::Run() {
  ::pthread_setname_np(::pthread_self(), "sim-control");
  for (;;) {
    std::array<pollfd, 2> polled = {{{stop_.get(), POLLIN, 0}, {socket_.fd(), POLLIN, 0}}};
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[0].revents != 0) return;
    const UniqueFd fd(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd.get() >= 0) Serve(fd.get());
  }
}

void ControlServer::Serve(int fd) {
  LimitSending(fd);
  const absl::StatusOr<std::string> line = ReadLine(fd);
  const ControlReply reply =
      line.ok() ? controller_->Execute(*line)
                : ControlReply{ControlReply::Result::kUsage, std::string(line.status().message())};
  SendAll(fd, Format(reply));
}

absl::StatusOr<ControlReply> SendControl(const std::string& path, absl::string_view line) {
  const absl::StatusOr<UniqueFd> fd = ConnectUnix(path);
  if (!fd.ok()) return fd.status();
  const auto failed = [&](absl::string_view what) {
    return absl::UnavailableError(absl::StrCat(what, " ", path));
  };
  if (!SendAll(fd->get(), absl::StrCat(line, "\n"))) return failed("cannot send to");
  std::string answer;
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t n = ::recv(fd->get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("cannot read from");
    if (n == 0) break;
    answer.append(buffer.data(), static_cast<size_t>(n));
  }
  absl::string_view rest = answer;
  ControlReply reply;
  if (absl::ConsumePrefix(&rest, "ok\n")) {
    reply.text = std::string(rest);
    return reply;
  }
  if (absl::ConsumePrefix(&rest, "failed ")) {
    reply.result = ControlReply::Result::kFailed;
  } else if (absl::ConsumePrefix(&rest, "usage ")) {
    reply.result = ControlReply::Result::kUsage;
  } else {
    return failed("no answer of cri-sim on");
  }
  absl::ConsumeSuffix(&rest, "\n");
  reply.text = std::string(rest);
  return reply;
}

}  // namespace sim
