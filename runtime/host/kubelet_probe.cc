#include "runtime/host/kubelet_probe.h"

#include <sys/prctl.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/host/kubelet_metrics.h"
#include "runtime/host/proc_file.h"

namespace runtime::host {
namespace {

constexpr char kThreadName[] = "pleg-kubelet";
constexpr size_t kMaxText = 200;
constexpr size_t kMaxTold = 5;
// It takes two looks to tell how long relists take.
constexpr absl::Duration kSecondLook = absl::Seconds(3);
constexpr absl::Duration kSlowOperation = absl::Seconds(1);
// Two clocks of one node differ by less.
constexpr absl::Duration kFuture = absl::Minutes(1);

// As the kubelet answered, in a line.
std::string Describe(const FetchReply& reply) {
  std::string text(absl::StripAsciiWhitespace(reply.body.substr(0, kMaxText)));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return absl::StrCat("HTTP ", reply.code, text.empty() ? "" : ": ", text);
}

// Counters only rise, but for a kubelet that was restarted, or one that lies.
OperationCounters Since(const OperationCounters& before, const OperationCounters& now) {
  if (now.count < before.count || now.seconds < before.seconds || now.errors < before.errors) {
    return now;
  }
  return {now.count - before.count, now.seconds - before.seconds, now.errors - before.errors};
}

absl::Duration MeanOf(const OperationCounters& counters) {
  return counters.count > 0 ? absl::Seconds(counters.seconds / counters.count)
                            : absl::ZeroDuration();
}

// Nothing is an exact count beyond that, and nobody counts so far. 0 for what is no number: the
// difference of two sums of a kubelet that lies may be none.
uint64_t Whole(double count) {
  return count >= 1 ? static_cast<uint64_t>(std::min(count, 1e15)) : 0;
}

void TellOperations(const KubeletMetrics& before, const KubeletMetrics& now,
                    pleg::KubeletEvidence& evidence) {
  for (const auto& [name, counters] : now.operations) {
    const auto known = before.operations.find(name);
    const OperationCounters ended =
        known == before.operations.end() ? counters : Since(known->second, counters);
    if (ended.errors < 1 && MeanOf(ended) < kSlowOperation) continue;
    evidence.operations.push_back({name, Whole(ended.count), Whole(ended.errors), MeanOf(ended)});
  }
  std::sort(evidence.operations.begin(), evidence.operations.end(),
            [](const auto& a, const auto& b) {
              return std::tie(a.errors, a.mean) > std::tie(b.errors, b.mean);
            });
  if (evidence.operations.size() > kMaxTold) evidence.operations.resize(kMaxTold);
}

void TellCounters(const KubeletMetrics& before, const KubeletMetrics& now,
                  pleg::KubeletEvidence& evidence) {
  const OperationCounters relists = Since(before.relists, now.relists);
  if (relists.count > 0) evidence.relist_mean = MeanOf(relists);
  evidence.discarded_events = Whole(now.discarded_events - before.discarded_events);
  TellOperations(before, now, evidence);
}

}  // namespace

absl::Status KubeletProbe::Check(const Options& options) {
  if (!options.token_file.empty() && options.metrics_url.empty()) {
    return absl::InvalidArgumentError(
        "--kubelet.token-file is for --kubelet.metrics-url, which is not given");
  }
  if (!options.token_file.empty() && !absl::StartsWith(options.metrics_url, "https://")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--kubelet.token-file: the token would go unencrypted to ",
                     options.metrics_url, "; use https:// in --kubelet.metrics-url"));
  }
  const int ways = (options.ca_file.empty() ? 0 : 1) + (options.pinned_cert.empty() ? 0 : 1) +
                   (options.skip_verification ? 1 : 0);
  if (ways > 1) {
    return absl::InvalidArgumentError(
        "--kubelet.ca-file, --kubelet.pinned-cert and --kubelet.insecure-skip-verify exclude one "
        "another");
  }
  return absl::OkStatus();
}

KubeletProbe::KubeletProbe(Options options, const pleg::Clock& clock)
    : options_(std::move(options)), clock_(clock) {}

void KubeletProbe::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    prctl(PR_SET_NAME, kThreadName);
    Ask();
    for (bool second = true; Wait(stop, second ? kSecondLook : options_.period); second = false) {
      Ask();
    }
  });
}

bool KubeletProbe::Wait(const std::stop_token& stop, absl::Duration pause) {
  pleg::MutexLock lock(mu_);
  const bool was_busy = busy_;
  if (was_busy) pause = std::min(pause, options_.busy_period);
  wake_.wait_for(mu_, stop, absl::ToChronoMilliseconds(std::min(pause, options_.period)),
                 [this, was_busy]()
                     ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return busy_ && !was_busy; });
  return !stop.stop_requested();
}

void KubeletProbe::SetBusy(bool busy) {
  pleg::MutexLock lock(mu_);
  if (busy == busy_) return;
  busy_ = busy;
  wake_.notify_all();
}

void KubeletProbe::Ask() {
  pleg::KubeletEvidence evidence;
  if (!options_.metrics_url.empty()) AskMetrics(evidence);
  if (!options_.healthz_url.empty()) AskHealthz(evidence);
  pleg::MutexLock lock(mu_);
  evidence_ = std::move(evidence);
  asked_at_ = clock_.Now();
}

pleg::MonoTime KubeletProbe::answered_at() const {
  pleg::MutexLock lock(mu_);
  return asked_at_;
}

std::optional<pleg::KubeletEvidence> KubeletProbe::Latest() const {
  pleg::MutexLock lock(mu_);
  std::optional<pleg::KubeletEvidence> evidence = evidence_;
  if (!evidence.has_value()) return evidence;
  evidence->asked_ago = clock_.Now() - asked_at_;
  if (evidence->last_seen_ago.has_value()) *evidence->last_seen_ago += evidence->asked_ago;
  return evidence;
}

absl::StatusOr<FetchReply> KubeletProbe::Fetch(const std::string& url,
                                               const std::string& token_file) {
  FetchRequest request;
  request.url = url;
  request.ca_file = options_.ca_file;
  request.pinned_cert = options_.pinned_cert;
  request.skip_verification = options_.skip_verification;
  request.timeout = options_.timeout;
  if (!token_file.empty()) {
    const absl::StatusOr<std::string> token = ReadSmallFile(token_file);
    if (!token.ok()) return token.status();
    request.bearer_token = std::string(absl::StripAsciiWhitespace(*token));
  }
  if (options_.fetch) return options_.fetch(request);
  if (!fetcher_.has_value()) fetcher_ = Fetcher::Load();
  if (!fetcher_->ok()) return fetcher_->status();
  return (*fetcher_)->Get(request);
}

void KubeletProbe::AskMetrics(pleg::KubeletEvidence& evidence) {
  if (before_.has_value()) evidence.version = before_->version;
  const absl::StatusOr<FetchReply> reply = Fetch(options_.metrics_url, options_.token_file);
  if (!reply.ok()) {
    evidence.error = std::string(reply.status().message());
    return;
  }
  if (reply->code != 200) {
    evidence.error = absl::StrCat("GET ", options_.metrics_url, ": ", Describe(*reply));
    return;
  }
  const KubeletMetrics metrics = ParseKubeletMetrics(reply->body);
  if (before_.has_value()) TellCounters(*before_, metrics, evidence);
  before_ = metrics;
  evidence.version = metrics.version;
  evidence.evented = metrics.event_streams > 0;
  if (!metrics.last_seen.has_value()) {
    evidence.error =
        absl::StrCat("GET ", options_.metrics_url, ": no kubelet_pleg_last_seen_seconds");
    return;
  }
  evidence.never_relisted = *metrics.last_seen <= 0;
  if (evidence.never_relisted) return;
  const absl::Duration ago =
      clock_.WallNow() - absl::UnixEpoch() - absl::Seconds(*metrics.last_seen);
  if (ago < -kFuture) {
    evidence.error = absl::StrCat("GET ", options_.metrics_url,
                                  ": kubelet_pleg_last_seen_seconds is in the future");
    return;
  }
  // A clock that was set back must not make it younger than now.
  evidence.last_seen_ago = std::max(ago, absl::ZeroDuration());
}

void KubeletProbe::AskHealthz(pleg::KubeletEvidence& evidence) {
  const absl::StatusOr<FetchReply> reply = Fetch(options_.healthz_url, /*token_file=*/"");
  evidence.healthz_ok = reply.ok() && reply->code == 200;
  if (!*evidence.healthz_ok) {
    evidence.healthz_text = reply.ok() ? Describe(*reply) : std::string(reply.status().message());
  }
}

}  // namespace runtime::host
