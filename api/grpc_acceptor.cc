#include "api/grpc_acceptor.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

namespace api {
namespace {

constexpr char kThreadName[] = "plegd-accept";
// Without a free descriptor the listener stays readable: look again after a while.
constexpr int kNoDescriptorMillis = 100;

}  // namespace

GrpcAcceptor::GrpcAcceptor(ListenSocket socket, size_t max_connections, OnConnection on_connection)
    : socket_(std::move(socket)),
      max_connections_(max_connections),
      on_connection_(std::move(on_connection)),
      stop_fd_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Run(); }) {}

GrpcAcceptor::~GrpcAcceptor() {
  const uint64_t one = 1;
  while (write(stop_fd_, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread_.join();
  for (const int fd : open_) close(fd);
  close(stop_fd_);
}

void GrpcAcceptor::Run() {
  pthread_setname_np(pthread_self(), kThreadName);
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    const bool full = open_.size() >= max_connections_;
    std::vector<pollfd> polled = {{stop_fd_, POLLIN, 0}, {full ? -1 : socket_.fd(), POLLIN, 0}};
    for (const int fd : open_) polled.push_back({fd, 0, 0});
    if (poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[0].revents != 0) return;
    DropEnded(polled);
    if (polled[1].revents != 0) Accept();
  }
}

void GrpcAcceptor::DropEnded(const std::vector<pollfd>& polled) {
  for (size_t i = 2; i < polled.size(); ++i) {
    if (polled[i].revents == 0) continue;
    close(polled[i].fd);
    std::erase(open_, polled[i].fd);
  }
  count_ = open_.size();
}

void GrpcAcceptor::Accept() {
  const int fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  const int duplicate = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) {
    const int error = errno;
    if (fd >= 0) close(fd);
    if (error == EMFILE || error == ENFILE) poll(nullptr, 0, kNoDescriptorMillis);
    return;
  }
  open_.push_back(duplicate);
  count_ = open_.size();
  on_connection_(fd);
}

}  // namespace api
