#include "api/grpc_acceptor.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

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

void GrpcAcceptor::StopAccepting() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  while (write(stop_fd_, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread_.join();
}

GrpcAcceptor::~GrpcAcceptor() {
  StopAccepting();
  pleg::MutexLock lock(mu_);
  for (const auto& [number, duplicate] : open_) close(duplicate);
  close(stop_fd_);
}

void GrpcAcceptor::Run() {
  pthread_setname_np(pthread_self(), kThreadName);
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    std::vector<pollfd> polled = PollSet();
    if (poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[0].revents != 0) return;
    DropEnded(polled);
    if (polled[1].revents != 0) Accept();
  }
}

std::vector<pollfd> GrpcAcceptor::PollSet() const {
  pleg::MutexLock lock(mu_);
  const bool full = open_.size() >= max_connections_;
  std::vector<pollfd> polled = {{stop_fd_, POLLIN, 0}, {full ? -1 : socket_.fd(), POLLIN, 0}};
  for (const auto& [number, duplicate] : open_) polled.push_back({duplicate, 0, 0});
  return polled;
}

void GrpcAcceptor::DropEnded(const std::vector<pollfd>& polled) {
  pleg::MutexLock lock(mu_);
  for (size_t i = 2; i < polled.size(); ++i) {
    if (polled[i].revents == 0) continue;
    close(polled[i].fd);
    std::erase_if(open_, [&](const auto& entry) { return entry.second == polled[i].fd; });
  }
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
  {
    pleg::MutexLock lock(mu_);
    const auto [entry, added] = open_.emplace(fd, duplicate);
    if (!added) close(std::exchange(entry->second, duplicate));  // of one that has just ended
  }
  on_connection_(fd);
}

size_t GrpcAcceptor::connections() const {
  pleg::MutexLock lock(mu_);
  return open_.size();
}

void GrpcAcceptor::Drop(int fd) {
  pleg::MutexLock lock(mu_);
  const auto entry = open_.find(fd);
  if (entry != open_.end()) shutdown(entry->second, SHUT_RDWR);
}

}  // namespace api
