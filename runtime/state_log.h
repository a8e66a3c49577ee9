// The story of the runtime and of PLEG in the log: one line when something begins or ends to be
// wrong, however often it is tried meanwhile.
//
//   StateLog story(clock, log);
//   story.OnConnection(false, "/run/x.sock: no such socket");   …   once a second:
//   story.Tick(facts);
//
// Who has gone, is back, answers wrongly; lists and Status that fail; calls without an answer;
// PLEG's verdict and the node's Ready condition. The kubelet's words where it has some. A cause is
// told once: while there is no connection, that no list succeeds is no news.

#ifndef PLEGD_RUNTIME_STATE_LOG_H_
#define PLEGD_RUNTIME_STATE_LOG_H_

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/call_stats.h"
#include "pleg/health.h"
#include "pleg/log.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"
#include "pleg/runtime_state.h"
#include "runtime/handshake.h"
#include "runtime/state_line.h"

namespace runtime {

// Confined to the core's thread, apart from Connection.
class StateLog {
 public:
  // A connection on which Version is not answered or fails, and what is bad from the start, is told
  // after so long.
  static constexpr absl::Duration kPatience = absl::Seconds(5);
  // A target without an answer.
  static constexpr absl::Duration kUnansweredAfter = absl::Seconds(30);
  // Targets told one by one; further ones are counted.
  static constexpr size_t kMaxUnanswered = 5;

  struct Facts {
    pleg::Verdict verdict;
    pleg::NodeReady node;
    pleg::CallSnapshot calls;
  };

  // Both outlive the object.
  StateLog(const pleg::Clock& clock, pleg::Log& log)
      : clock_(clock), log_(log), connection_since_(clock.Now()) {}

  void OnEndpoint(std::string url) { endpoint_ = std::move(url); }
  // `reason` of a connection that is lost or was never made; empty if only a failed call will tell.
  void OnConnection(bool connected, absl::string_view reason);
  void OnIdentity(const absl::StatusOr<pleg::RuntimeVersion>& identity);
  // Outcome of a list of everything.
  void OnList(const absl::Status& status);
  // Outcome of the RPC Status.
  void OnStatus(const absl::StatusOr<pleg::RuntimeConditions>& conditions);
  void Tick(const Facts& facts);

  // "up for 3m0s", or since when it is not and why. Thread-safe.
  std::string Connection() const;

 private:
  using Target = std::pair<std::string, std::string>;  // method, id

  // Whether the failure is one of the connection, which has a line of its own.
  bool IsOfConnection(const absl::Status& status);
  void EnterConnection(absl::string_view state);
  bool IsUp() const { return up_since_.has_value(); }
  bool IsUpFor(absl::Duration duration) const {
    return IsUp() && clock_.Now() - *up_since_ >= duration;
  }
  void TellConnection();
  void NoteConnection();
  void TellAway();
  void TellList();
  void TellStatus();
  void FollowVerdict(const Facts& facts);
  void FollowNode(const pleg::NodeReady& node);
  void FollowUnanswered(const pleg::CallSnapshot& calls);

  const pleg::Clock& clock_;
  pleg::Log& log_;
  std::string endpoint_;

  StateLine connection_;  // "away", "silent", "failing", "stranger", "up"
  std::optional<pleg::MonoTime> up_since_;
  bool away_untold_ = false;  // the reason is not known yet
  pleg::MonoTime away_at_;
  std::string away_reason_;
  bool version_known_ = false;  // on this connection
  std::string wrong_;           // why not, if it was answered
  std::optional<pleg::RuntimeVersion> identity_;
  bool returned_ = false;  // it had said who it is before it was away

  mutable pleg::Mutex mu_;
  std::string connection_text_ ABSL_GUARDED_BY(mu_) = "nothing tried yet";
  pleg::MonoTime connection_since_ ABSL_GUARDED_BY(mu_);

  StateLine list_;  // "OK" or the code
  absl::Status list_error_;
  StateLine status_;
  absl::Status status_error_;
  StateLine conditions_;
  StateLine verdict_;
  StateLine node_;
  std::map<Target, pleg::MonoTime> unanswered_;  // told of
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_STATE_LOG_H_
