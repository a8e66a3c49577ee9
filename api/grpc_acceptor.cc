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
#include <ctime>
#include <iterator>
#include <utility>

#include "absl/strings/string_view.h"

namespace api {
namespace {

using pleg::MonoTime;

constexpr char kThreadName[] = "plegd-accept";
// Without a free descriptor, or memory, the listener stays readable: look again after a while.
constexpr int kCannotAcceptMillis = 100;
// A part of what is waited for keeps a socket readable: look again after a while.
constexpr int kPartMillis = 20;
// Nobody makes room who has only just come.
constexpr absl::Duration kGrace = absl::Milliseconds(100);

constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kFrameHead = 9;
constexpr size_t kFrameType = 3;  // where in the head
constexpr char kSettings = 4;

enum class Said { kNothing, kPart, kAll, kOther };

// What a client begins with (RFC 9113, section 3.4), without taking it out of the socket.
Said Beginning(int fd) {
  char bytes[kPreface.size() + kFrameHead];
  const ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? Said::kNothing : Said::kOther;
  if (n == 0) return Said::kOther;
  const absl::string_view said(bytes, static_cast<size_t>(n));
  if (said.substr(0, kPreface.size()) != kPreface.substr(0, said.size())) return Said::kOther;
  if (said.size() < sizeof(bytes)) return Said::kPart;
  return said[kPreface.size() + kFrameType] == kSettings ? Said::kAll : Said::kOther;
}

// Nobody is not root.
uid_t PeerUid(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  const bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  return known ? peer.uid : static_cast<uid_t>(-1);
}

MonoTime Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return MonoTime::FromNanos(now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec);
}

bool IsNotRoot(uid_t uid) { return uid != 0; }
bool IsAnybody(uid_t) { return true; }

}  // namespace

GrpcAcceptor::GrpcAcceptor(ListenSocket socket, const Limits& limits, OnConnection on_connection)
    : socket_(std::move(socket)),
      limits_(limits),
      on_connection_(std::move(on_connection)),
      stop_fd_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Run(); }) {}

void GrpcAcceptor::StopAccepting() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  while (write(stop_fd_, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread_.join();
  pleg::MutexLock lock(mu_);
  for (const Mute& client : mutes_) close(client.fd);
  mutes_.clear();
}

GrpcAcceptor::~GrpcAcceptor() {
  StopAccepting();
  pleg::MutexLock lock(mu_);
  for (const auto& [number, open] : open_) close(open.duplicate);
  close(stop_fd_);
}

void GrpcAcceptor::Run() {
  pthread_setname_np(pthread_self(), kThreadName);
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    std::vector<pollfd> polled = PollSet();
    if (poll(polled.data(), polled.size(), TimeoutMillis()) < 0) continue;
    if (polled[0].revents != 0) return;
    DropEnded(polled);
    ListenToMutes();
    if (polled[1].revents != 0) Accept();
  }
}

std::vector<pollfd> GrpcAcceptor::PollSet() const {
  pleg::MutexLock lock(mu_);
  // The first is the oldest.
  const bool full = CountAll() >= limits_.connections &&
                    (mutes_.empty() || mutes_.front().since + kGrace > Now());
  std::vector<pollfd> polled = {{stop_fd_, POLLIN, 0}, {full ? -1 : socket_.fd(), POLLIN, 0}};
  for (const Mute& client : mutes_) polled.push_back({client.partly ? -1 : client.fd, POLLIN, 0});
  for (const auto& [number, open] : open_) polled.push_back({open.duplicate, 0, 0});
  return polled;
}

int GrpcAcceptor::TimeoutMillis() const {
  pleg::MutexLock lock(mu_);
  if (mutes_.empty()) return -1;
  const bool partly =
      std::any_of(mutes_.begin(), mutes_.end(), [](const Mute& client) { return client.partly; });
  if (partly) return kPartMillis;
  const absl::Duration silent = Now() - mutes_.front().since;
  const bool full = CountAll() >= limits_.connections && silent < kGrace;
  const absl::Duration left = (full ? kGrace : limits_.preface) - silent;
  // Rounded up: not to turn until it is due.
  return static_cast<int>(std::max<int64_t>(absl::ToInt64Milliseconds(left) + 1, 0));
}

void GrpcAcceptor::DropEnded(const std::vector<pollfd>& polled) {
  pleg::MutexLock lock(mu_);
  for (const pollfd& ended : polled) {
    if (ended.revents == 0) continue;
    const auto is_it = [&](const auto& entry) { return entry.second.duplicate == ended.fd; };
    if (std::erase_if(open_, is_it) > 0) close(ended.fd);
  }
}

void GrpcAcceptor::ListenToMutes() {
  std::vector<Mute> spoken;
  {
    pleg::MutexLock lock(mu_);
    const MonoTime now = Now();
    for (auto client = mutes_.begin(); client != mutes_.end();) {
      const Said said = Beginning(client->fd);
      client->partly = said == Said::kPart;
      const bool late = client->since + limits_.preface <= now;
      if (said == Said::kAll) {
        spoken.push_back(*client);
      } else if (said == Said::kOther || late) {
        close(client->fd);
      } else {
        ++client;
        continue;
      }
      client = mutes_.erase(client);
    }
  }
  for (const Mute& client : spoken) HandOut(client);
}

void GrpcAcceptor::HandOut(const Mute& client) {
  const int duplicate = fcntl(client.fd, F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) {
    close(client.fd);
    return;
  }
  {
    pleg::MutexLock lock(mu_);
    const auto [entry, added] = open_.emplace(client.fd, Open{duplicate, client.uid});
    // Of one that has just ended.
    if (!added) close(std::exchange(entry->second, Open{duplicate, client.uid}).duplicate);
  }
  on_connection_(client.fd);
}

void GrpcAcceptor::Accept() {
  const int fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    const bool gone = errno == EAGAIN || errno == ECONNABORTED || errno == EINTR;
    if (!gone) poll(nullptr, 0, kCannotAcceptMillis);
    return;
  }
  const uid_t uid = PeerUid(fd);
  pleg::MutexLock lock(mu_);
  if (Admit(uid)) {
    mutes_.push_back({fd, uid, Now()});
  } else {
    close(fd);
  }
}

bool GrpcAcceptor::Admit(uid_t uid) {
  const auto same = [uid](uid_t other) { return other == uid; };
  if (uid != 0) {
    if (Count(same) >= limits_.per_user && !Displace(same)) return false;
    const size_t for_root = limits_.connections / 8;
    const bool others_full = Count(&IsNotRoot) >= limits_.connections - for_root;
    if (others_full && !Displace(&IsNotRoot)) return false;
  }
  return CountAll() < limits_.connections || (uid == 0 && Displace(&IsNotRoot)) ||
         Displace(&IsAnybody);
}

bool GrpcAcceptor::Displace(const std::function<bool(uid_t uid)>& of) {
  const MonoTime before = Now() + -kGrace;
  const auto oldest = std::find_if(mutes_.begin(), mutes_.end(), [&](const Mute& client) {
    return client.since <= before && of(client.uid);
  });
  if (oldest == mutes_.end()) return false;
  close(oldest->fd);
  mutes_.erase(oldest);
  return true;
}

size_t GrpcAcceptor::Count(const std::function<bool(uid_t uid)>& of) const {
  const auto in_mutes = std::count_if(mutes_.begin(), mutes_.end(),
                                      [&](const Mute& client) { return of(client.uid); });
  const auto in_open = std::count_if(open_.begin(), open_.end(),
                                     [&](const auto& entry) { return of(entry.second.uid); });
  return static_cast<size_t>(in_mutes + in_open);
}

size_t GrpcAcceptor::connections() const {
  pleg::MutexLock lock(mu_);
  return CountAll();
}

std::optional<uid_t> GrpcAcceptor::UserOf(int fd) const {
  const pleg::MutexLock lock(mu_);
  const auto entry = open_.find(fd);
  return entry == open_.end() ? std::nullopt : std::optional(entry->second.uid);
}

void GrpcAcceptor::Drop(int fd) {
  pleg::MutexLock lock(mu_);
  const auto entry = open_.find(fd);
  if (entry != open_.end()) shutdown(entry->second.duplicate, SHUT_RDWR);
}

}  // namespace api
