// What systemd is told: the notify protocol of sd_notify(3), spoken directly. libsystemd's
// sd_notify blocks while the manager's queue is full, and a manager that does not read is among the
// things that plegd is there to diagnose.
//
//   ServiceManager manager(TakeNotifyEnvironment());   // before any thread
//   manager.Ready();  …  manager.SetStatus("healthy");  …  manager.Tick(clock.Now());

#ifndef PLEGD_CMD_PLEGD_SERVICE_MANAGER_H_
#define PLEGD_CMD_PLEGD_SERVICE_MANAGER_H_

#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace plegd {

// Thread-compatible.
struct NotifyEnvironment {
  std::string socket = {};               // NOTIFY_SOCKET: /path or @abstract; empty: no manager
  absl::Duration watchdog_timeout = {};  // WATCHDOG_USEC, if meant for us; zero: no watchdog
};

// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them, so that no child speaks for
// us. Call it before any thread starts.
NotifyEnvironment TakeNotifyEnvironment();

// Thread-safe; never blocks. A message that does not get through is kept, as the state that it
// tells, and sent again by Tick. Without a manager all calls do nothing.
class ServiceManager {
 public:
  // A status is cut off after so many bytes: systemd drops datagrams above 4 KiB.
  static constexpr size_t kMaxStatusBytes = 1024;

  explicit ServiceManager(const NotifyEnvironment& environment);
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // Why the manager that was named cannot be told anything; OK without one.
  absl::Status status() const { return status_; }
  // Whether there is one to tell.
  bool listens() const { return fd_ >= 0; }
  // Half of the watchdog's time-out: how much later than the last the next WATCHDOG=1 is due.
  // Infinite without a watchdog.
  absl::Duration watchdog_period() const { return watchdog_period_; }

  // Up, also after Reloading. Listeners are open; nothing is said about the runtime.
  void Ready();
  // For `systemctl status`. Control characters become spaces, so that a text cannot add lines of
  // its own to the message. Nothing is sent if it has not changed.
  void SetStatus(absl::string_view text);
  void Reloading();
  // On the way down; READY is not told any more.
  void Stopping();
  // WATCHDOG=1 when it is due, and what could not be sent before. To be called by the loop whose
  // life the watchdog guards, at least every half watchdog_period().
  void Tick(pleg::MonoTime now);

 private:
  enum class Phase { kStarting, kReady, kReloading, kStopping };

  void EnterLocked(Phase phase) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Sends what the manager does not know yet.
  void FlushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool SendLocked(const std::string& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string address_;  // a sockaddr_un as bytes; empty: none
  const absl::Duration watchdog_period_;
  int fd_ = -1;
  absl::Status status_;
  pleg::Mutex mu_;
  Phase phase_ ABSL_GUARDED_BY(mu_) = Phase::kStarting;
  std::string phase_message_ ABSL_GUARDED_BY(mu_);  // not sent yet; empty: nothing to send
  std::string status_text_ ABSL_GUARDED_BY(mu_);
  bool status_sent_ ABSL_GUARDED_BY(mu_) = true;
  std::optional<pleg::MonoTime> fed_at_ ABSL_GUARDED_BY(mu_);
};

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_SERVICE_MANAGER_H_
