#include "runtime/state_log.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pleg/go_duration.h"
#include "runtime/grpc_status.h"

namespace runtime {
namespace {

using pleg::FormatGoDuration;
using pleg::LogLevel;

constexpr char kWaiting[] = "tries to connect every half second and when the socket appears";
constexpr char kKeeps[] =
    "keeps what it knows; tries to connect every half second and when the socket appears";

std::string Short(absl::Duration duration) {
  return FormatGoDuration(absl::Trunc(duration, absl::Milliseconds(1)));
}

// Makes each line of a state one of its own to the limiter of repeats: StateLine limits already.
pleg::LogField Number(const StateLine& line) {
  return {"change", absl::StrCat(line.number()), true};
}

std::string Code(const absl::Status& status) { return absl::StatusCodeToString(status.code()); }

std::string Text(const std::optional<pleg::RuntimeCondition>& condition, absl::string_view type) {
  return condition.has_value() ? condition->ToString() : absl::StrCat(type, " not told");
}

// "ListContainers for 12s": lists first, which the verdict is about, then the oldest.
std::string DescribeUnanswered(const pleg::CallSnapshot& calls) {
  std::vector<pleg::UnansweredTarget> rows = calls.unanswered;
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::make_pair(!a.target.empty(), a.since) < std::make_pair(!b.target.empty(), b.since);
  });
  if (rows.size() > StateLog::kMaxUnanswered) rows.resize(StateLog::kMaxUnanswered);
  std::string text = absl::StrJoin(rows, ", ", [&calls](std::string* out, const auto& row) {
    absl::StrAppend(out, row.method, row.target.empty() ? "" : " of ", row.target, " for ",
                    Short(calls.taken_at - row.since));
  });
  const size_t more = calls.unanswered.size() - rows.size();
  if (more > 0) absl::StrAppend(&text, " and ", more, " more");
  return text.empty() ? "nothing" : text;
}

}  // namespace

void StateLog::EnterConnection(absl::string_view state) {
  const bool tell = connection_.Enter(state, clock_.Now());
  NoteConnection();
  if (tell) TellConnection();
}

void StateLog::NoteConnection() {
  const std::string& state = connection_.state();
  std::string text = state == "up"       ? "up"
                     : state == "silent" ? "connected, Version is not answered"
                     : state == "away"   ? absl::StrCat("none: ", away_reason_)
                                         : wrong_;
  pleg::MutexLock lock(mu_);
  if (text == connection_text_) return;
  connection_text_ = std::move(text);
  connection_since_ = clock_.Now();
}

std::string StateLog::Connection() const {
  pleg::MutexLock lock(mu_);
  return absl::StrCat(connection_text_, ", for ", Short(clock_.Now() - connection_since_));
}

void StateLog::OnConnection(bool connected, absl::string_view reason) {
  version_known_ = false;
  wrong_.clear();
  if (connected) {
    up_since_ = clock_.Now();
    return;
  }
  up_since_.reset();
  away_at_ = clock_.Now();
  away_reason_ = std::string(reason);
  away_untold_ = reason.empty();
  if (!away_untold_) EnterConnection("away");
}

void StateLog::OnIdentity(const absl::StatusOr<pleg::RuntimeVersion>& identity) {
  const bool same = identity.ok() && identity_ == *identity;
  if (identity.ok()) {
    version_known_ = true;
    away_untold_ = false;
    returned_ = identity_.has_value();
    identity_ = *identity;
    const bool told = connection_.state() == "up";
    EnterConnection("up");
    if (!told || same) return;
    log_.Write(LogLevel::kInfo, "the container runtime reports another name or version",
               {{"name", identity->name, true},
                {"version", identity->version, true},
                {"api_version", identity->api_version}});
    return;
  }
  if (!WasAnswered(identity.status())) return;
  wrong_ = ExplainHandshakeError(identity.status());
  // A runtime that is starting may answer with errors for a while. A stranger stays one until it
  // answers otherwise.
  if (absl::IsUnimplemented(identity.status())) {
    EnterConnection("stranger");
  } else if (connection_.state() == "stranger") {
    EnterConnection("failing");
  }
}

bool StateLog::IsOfConnection(const absl::Status& status) {
  if (absl::IsUnavailable(status) && !WasAnswered(status)) {
    if (away_untold_ && !IsUp()) {
      away_reason_ = ExplainBrokenConnection(status);
      away_untold_ = false;
      EnterConnection("away");
    }
    return true;
  }
  // Whoever does not know Version either is no runtime: the handshake tells.
  return absl::IsUnimplemented(status) && !version_known_;
}

void StateLog::TellConnection() {
  const std::string& state = connection_.state();
  if (state == "away") return TellAway();
  if (state == "up") {
    log_.Write(LogLevel::kInfo,
               returned_ ? "the container runtime is back" : "the container runtime is there",
               {{"endpoint", endpoint_},
                {returned_ ? "away" : "waited", Short(connection_.lasted())},
                {"name", identity_->name},
                {"version", identity_->version},
                {"api_version", identity_->api_version},
                Number(connection_)});
    return;
  }
  if (state == "silent") {
    log_.Write(
        LogLevel::kWarning, "the container runtime is connected but does not answer Version",
        {{"endpoint", endpoint_},
         {"since", Short(up_since_.has_value() ? clock_.Now() - *up_since_ : absl::ZeroDuration())},
         {"plegd", "waits for its answer"},
         Number(connection_)});
    return;
  }
  log_.Write(LogLevel::kError,
             state == "stranger" ? "what listens there is not a container runtime"
                                 : "the container runtime answers Version with an error",
             {{"endpoint", endpoint_},
              {"reason", wrong_},
              {"plegd", "asks again every second"},
              Number(connection_)});
}

void StateLog::TellAway() {
  log_.Write(
      LogLevel::kWarning,
      identity_.has_value() ? "the container runtime is lost" : "waiting for the container runtime",
      {{"endpoint", endpoint_},
       {"reason", away_reason_},
       {"plegd", identity_.has_value() ? kKeeps : kWaiting},
       Number(connection_)});
}

void StateLog::OnList(const absl::Status& status) {
  if (!status.ok() && IsOfConnection(status)) return;
  if (status.ok() && list_.state().empty()) list_.Enter("OK", clock_.Now());
  list_error_ = status;
  if (list_.Enter(Code(status), clock_.Now())) TellList();
}

void StateLog::TellList() {
  if (list_error_.ok()) {
    log_.Write(LogLevel::kInfo, "GenericPLEG: pods are retrieved again",
               {{"after", Short(list_.lasted())}, Number(list_)});
    return;
  }
  log_.Write(LogLevel::kError, "GenericPLEG: Unable to retrieve pods",
             {{"code", Code(list_error_)},
              {"error", std::string(list_error_.message())},
              {"plegd", "keeps the last good state and lists again every period"},
              Number(list_)});
}

void StateLog::OnStatus(const absl::StatusOr<pleg::RuntimeConditions>& conditions) {
  const absl::Status& status = conditions.status();
  if (!status.ok() && IsOfConnection(status)) return;
  if (status.ok() && status_.state().empty()) status_.Enter("OK", clock_.Now());
  status_error_ = status;
  if (status_.Enter(Code(status), clock_.Now())) TellStatus();
  if (!status.ok()) return;
  const std::string text = absl::StrCat(Text(conditions->runtime_ready, "RuntimeReady"), "; ",
                                        Text(conditions->network_ready, "NetworkReady"));
  if (!conditions_.Enter(text, clock_.Now())) return;
  log_.Write(LogLevel::kInfo, "the container runtime's conditions are",
             {{"conditions", text}, Number(conditions_)});
}

void StateLog::TellStatus() {
  if (status_error_.ok()) {
    log_.Write(LogLevel::kInfo, "the container runtime answers Status again",
               {{"after", Short(status_.lasted())}, Number(status_)});
    return;
  }
  log_.Write(LogLevel::kError, "Container runtime sanity check failed",
             {{"code", Code(status_error_)},
              {"error", std::string(status_error_.message())},
              Number(status_)});
}

void StateLog::Tick(const Facts& facts) {
  const pleg::MonoTime now = clock_.Now();
  if (away_untold_ && !IsUp() && now - away_at_ >= kPatience) {
    away_reason_ = "it accepts connections but does not answer them";
    away_untold_ = false;
    EnterConnection("away");
  }
  if (IsUpFor(kPatience) && !version_known_ && connection_.state() != "stranger") {
    EnterConnection(wrong_.empty() ? "silent" : "failing");
  }
  if (connection_.Settle(now)) TellConnection();
  if (list_.Settle(now)) TellList();
  if (status_.Settle(now)) TellStatus();
  FollowUnanswered(facts.calls);
  FollowVerdict(facts);
  FollowNode(facts.node);
}

void StateLog::FollowVerdict(const Facts& facts) {
  const pleg::Verdict& verdict = facts.verdict;
  // Before the first relist it is bad for everybody; that is news only if it stays so.
  if (verdict_.number() == 0 && !verdict.healthy && !IsUpFor(kPatience)) return;
  const pleg::MonoTime now = clock_.Now();
  if (!verdict_.Enter(verdict.healthy ? "healthy" : "unhealthy", now) && !verdict_.Settle(now)) {
    return;
  }
  if (verdict.healthy) {
    log_.Write(LogLevel::kInfo,
               verdict_.number() == 1 ? "PLEG is healthy" : "PLEG is healthy again",
               {{"after", Short(verdict_.lasted())}, Number(verdict_)});
    return;
  }
  log_.Write(LogLevel::kError, "PLEG is not healthy",
             {{"reason", verdict.reason},
              {"unanswered", DescribeUnanswered(facts.calls)},
              Number(verdict_)});
}

void StateLog::FollowNode(const pleg::NodeReady& node) {
  if (node_.number() == 0 && !node.ready && !IsUpFor(kPatience)) return;
  const pleg::MonoTime now = clock_.Now();
  if (!node_.Enter(node.ready ? "ready" : "not ready", now) && !node_.Settle(now)) return;
  log_.Write(node.ready ? LogLevel::kInfo : LogLevel::kError,
             node.ready ? "the kubelet would post the node as Ready"
                        : "the kubelet would post the node as NotReady",
             {{"reason", node.reason},
              {"message", node.message},
              {"after", Short(node_.lasted())},
              Number(node_)});
}

void StateLog::FollowUnanswered(const pleg::CallSnapshot& calls) {
  std::map<Target, pleg::MonoTime> silent;
  for (const pleg::UnansweredTarget& row : calls.unanswered) {
    silent.emplace(Target(row.method, row.target), row.since);
  }
  std::set<Target> waiting;
  for (const pleg::RunningCall& call : calls.running) {
    if (calls.taken_at - call.started_at < kPatience) continue;
    waiting.emplace(call.method, call.target);
  }
  for (auto told = unanswered_.begin(); told != unanswered_.end();) {
    const auto row = silent.find(told->first);
    if (row != silent.end() && row->second == told->second) {
      ++told;
      continue;
    }
    log_.Write(LogLevel::kInfo,
               "the container runtime has answered after all, or the object is gone",
               {{"method", told->first.first, true},
                {"target", told->first.second, true},
                {"after", Short(calls.taken_at - told->second)}});
    told = unanswered_.erase(told);
  }
  for (const auto& [target, since] : silent) {
    if (calls.taken_at - since < kUnansweredAfter || unanswered_.contains(target)) continue;
    // Without a connection, or between two tries, nobody waits for an answer.
    if (!waiting.contains(target)) continue;
    if (unanswered_.size() >= kMaxUnanswered) break;
    unanswered_.emplace(target, since);
    log_.Write(LogLevel::kWarning, "a call to the container runtime is not answered",
               {{"method", target.first, true},
                {"target", target.second, true},
                {"since", Short(calls.taken_at - since)},
                {"unanswered_targets", absl::StrCat(waiting.size())}});
  }
}

}  // namespace runtime
