#include "runtime/sim/acceptor.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

namespace sim {

Acceptor::Acceptor(ListenSocket socket, OnConnection on_connection)
    : socket_(std::move(socket)),
      on_connection_(std::move(on_connection)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { Run(); }) {}

Acceptor::~Acceptor() { StopAccepting(); }

void Acceptor::StopAccepting() {
  if (!thread_.joinable()) return;
  {
    pleg::MutexLock lock(mu_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
  socket_.reset();
}

void Acceptor::Wake() {
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof(one));
}

void Acceptor::Run() {
  ::pthread_setname_np(::pthread_self(), "sim-accept");
  for (;;) {
    std::vector<pollfd> polled = PollSet();
    if (polled.empty()) return;
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[0].revents != 0) {
      uint64_t count = 0;
      (void)!::read(wake_.get(), &count, sizeof(count));
    }
    Forget(polled);
    if (polled[1].revents != 0) Accept();
  }
}

// The wake-up first, then the listener, then the connections (only for their end); empty: stop.
std::vector<pollfd> Acceptor::PollSet() const {
  pleg::MutexLock lock(mu_);
  if (stopping_) return {};
  std::vector<pollfd> polled = {{wake_.get(), POLLIN, 0},
                                {paused_ ? -1 : socket_->fd(), POLLIN, 0}};
  for (const auto& [number, duplicate] : open_) polled.push_back({duplicate.get(), 0, 0});
  return polled;
}

void Acceptor::Accept() {
  const int fd = ::accept4(socket_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    // Out of descriptors the listener stays readable: wait, rather than spin, until some are
    // closed.
    if (errno == EMFILE || errno == ENFILE) (void)::poll(nullptr, 0, 100);
    return;
  }
  {
    pleg::MutexLock lock(mu_);
    open_[fd] = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    ++accepted_;
  }
  on_connection_(fd);
}

void Acceptor::Forget(const std::vector<pollfd>& polled) {
  pleg::MutexLock lock(mu_);
  for (size_t i = 2; i < polled.size(); ++i) {
    if (polled[i].revents == 0) continue;
    std::erase_if(open_, [&](const auto& entry) { return entry.second.get() == polled[i].fd; });
  }
}

void Acceptor::Drop(int fd) {
  pleg::MutexLock lock(mu_);
  const auto it = open_.find(fd);
  if (it != open_.end()) ::shutdown(it->second.get(), SHUT_RDWR);
}

size_t Acceptor::DropAll() {
  pleg::MutexLock lock(mu_);
  for (const auto& [number, duplicate] : open_) ::shutdown(duplicate.get(), SHUT_RDWR);
  return open_.size();
}

void Acceptor::SetPaused(bool paused) {
  {
    pleg::MutexLock lock(mu_);
    paused_ = paused;
  }
  Wake();
}

size_t Acceptor::connections() const {
  pleg::MutexLock lock(mu_);
  return open_.size();
}

uint64_t Acceptor::accepted() const {
  pleg::MutexLock lock(mu_);
  return accepted_;
}

}  // namespace sim
