#include "cmd/plegd/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "pleg/utf8.h"

namespace plegd {
namespace {

std::string TakeVariable(const char* name) {
  const char* value = getenv(name);
  std::string taken = value == nullptr ? "" : value;
  unsetenv(name);
  return taken;
}

// A sockaddr_un without the unused end, as its length matters for abstract names. Empty if `socket`
// is none that AF_UNIX has.
std::string AddressOf(absl::string_view socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool abstract = !socket.empty() && socket[0] == '@';
  if (socket.size() < 2 || (!abstract && socket[0] != '/') ||
      socket.size() >= sizeof(address.sun_path)) {
    return "";
  }
  std::memcpy(address.sun_path, socket.data(), socket.size());
  if (abstract) address.sun_path[0] = '\0';
  const size_t length = offsetof(sockaddr_un, sun_path) + socket.size() + (abstract ? 0 : 1);
  return std::string(reinterpret_cast<const char*>(&address), length);
}

// One line of valid UTF-8; systemd drops others.
std::string CleanStatus(absl::string_view text) {
  std::string clean = pleg::ToValidUtf8(text.substr(0, ServiceManager::kMaxStatusBytes));
  for (char& c : clean) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  return clean;
}

// MONOTONIC_USEC, which must accompany RELOADING=1 (Type=notify-reload).
std::string ReloadingMessage() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t micros = int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  return absl::StrCat("RELOADING=1\nMONOTONIC_USEC=", micros);
}

}  // namespace

NotifyEnvironment TakeNotifyEnvironment() {
  NotifyEnvironment environment{.socket = TakeVariable("NOTIFY_SOCKET")};
  const std::string micros_text = TakeVariable("WATCHDOG_USEC");
  const std::string pid_text = TakeVariable("WATCHDOG_PID");
  int64_t micros = 0;
  int64_t pid = 0;
  const bool ours = pid_text.empty() || (absl::SimpleAtoi(pid_text, &pid) && pid == getpid());
  if (ours && absl::SimpleAtoi(micros_text, &micros) && micros > 0) {
    environment.watchdog_timeout = absl::Microseconds(micros);
  }
  return environment;
}

ServiceManager::ServiceManager(const NotifyEnvironment& environment)
    : address_(AddressOf(environment.socket)),
      watchdog_period_(environment.watchdog_timeout > absl::ZeroDuration()
                           ? environment.watchdog_timeout / 2
                           : absl::InfiniteDuration()) {
  if (environment.socket.empty()) return;
  if (address_.empty()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat("NOTIFY_SOCKET \"", environment.socket, "\" is no unix socket"));
    return;
  }
  fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) {
    status_ = absl::UnavailableError(absl::StrCat("cannot make a socket to tell systemd: ",
                                                  std::generic_category().message(errno)));
  }
}

ServiceManager::~ServiceManager() {
  if (fd_ >= 0) close(fd_);
}

void ServiceManager::Ready() {
  const pleg::MutexLock lock(mu_);
  EnterLocked(Phase::kReady);
}

void ServiceManager::Reloading() {
  const pleg::MutexLock lock(mu_);
  EnterLocked(Phase::kReloading);
}

void ServiceManager::Stopping() {
  const pleg::MutexLock lock(mu_);
  EnterLocked(Phase::kStopping);
}

void ServiceManager::SetStatus(absl::string_view text) {
  std::string clean = CleanStatus(text);
  const pleg::MutexLock lock(mu_);
  if (clean == status_text_) return;
  status_text_ = std::move(clean);
  status_sent_ = false;
  FlushLocked();
}

void ServiceManager::Tick(pleg::MonoTime now) {
  const pleg::MutexLock lock(mu_);
  FlushLocked();
  const bool due = !fed_at_.has_value() || now - *fed_at_ >= watchdog_period_;
  if (due && watchdog_period_ < absl::InfiniteDuration() && SendLocked("WATCHDOG=1")) {
    fed_at_ = now;
  }
}

void ServiceManager::EnterLocked(Phase phase) {
  if (phase_ == phase || phase_ == Phase::kStopping) return;
  phase_ = phase;
  phase_message_ = phase == Phase::kReady      ? "READY=1"
                   : phase == Phase::kStopping ? "STOPPING=1"
                                               : ReloadingMessage();
  FlushLocked();
}

void ServiceManager::FlushLocked() {
  std::string message = phase_message_;
  if (!status_sent_)
    absl::StrAppend(&message, message.empty() ? "" : "\n", "STATUS=", status_text_);
  if (message.empty() || !SendLocked(message)) return;
  phase_message_.clear();
  status_sent_ = true;
}

bool ServiceManager::SendLocked(const std::string& message) {
  if (fd_ < 0) return false;
  const ssize_t sent = sendto(fd_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                              reinterpret_cast<const sockaddr*>(address_.data()),
                              static_cast<socklen_t>(address_.size()));
  return sent == static_cast<ssize_t>(message.size());
}

}  // namespace plegd
