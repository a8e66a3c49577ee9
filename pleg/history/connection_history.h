// How the connection to the runtime has been during the last hour.
//
//   history.OnConnection(false, "connection refused");   …   history.Now().reconnects

#ifndef PLEGD_PLEG_HISTORY_CONNECTION_HISTORY_H_
#define PLEGD_PLEG_HISTORY_CONNECTION_HISTORY_H_

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace pleg {

// Thread-safe. Bounded: the newest kMaxKept changes count.
class ConnectionHistory {
 public:
  static constexpr absl::Duration kKept = absl::Hours(1);
  static constexpr size_t kMaxKept = 100;

  struct View {
    bool connected = false;
    std::string reason;                      // why it is not; empty if unknown
    absl::Duration lasts;                    // it has been so
    std::vector<absl::Duration> reconnects;  // ages of connections made after one was lost, latest
                                             // first
  };

  // `clock` outlives the history.
  explicit ConnectionHistory(const Clock& clock) : clock_(clock), since_(clock.Now()) {}

  // A connection was made, or was lost or could not be made.
  void OnConnection(bool connected, absl::string_view reason);
  View Now() const;

 private:
  const Clock& clock_;
  mutable Mutex mu_;
  bool connected_ ABSL_GUARDED_BY(mu_) = false;
  bool was_connected_ ABSL_GUARDED_BY(mu_) = false;
  std::string reason_ ABSL_GUARDED_BY(mu_);
  MonoTime since_ ABSL_GUARDED_BY(mu_);
  std::deque<MonoTime> reconnects_ ABSL_GUARDED_BY(mu_);  // oldest first
};

}  // namespace pleg

#endif  // PLEGD_PLEG_HISTORY_CONNECTION_HISTORY_H_
