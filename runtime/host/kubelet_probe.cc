#include "runtime/host/kubelet_probe.h"

#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/host/kubelet_metrics.h"
#include "runtime/host/proc_file.h"

namespace runtime::host {
namespace {

constexpr char kThreadName[] = "pleg-kubelet";
constexpr size_t kMaxText = 200;

// As the kubelet answered, in a line.
std::string Describe(const FetchReply& reply) {
  std::string text(absl::StripAsciiWhitespace(reply.body.substr(0, kMaxText)));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return absl::StrCat("HTTP ", reply.code, text.empty() ? "" : ": ", text);
}

}  // namespace

KubeletProbe::KubeletProbe(Options options, const pleg::Clock& clock)
    : options_(std::move(options)), clock_(clock) {}

void KubeletProbe::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    prctl(PR_SET_NAME, kThreadName);
    while (!stop.stop_requested()) {
      Ask();
      pleg::MutexLock lock(mu_);
      wake_.wait_for(mu_, stop, absl::ToChronoMilliseconds(options_.period), [] { return false; });
    }
  });
}

void KubeletProbe::Ask() {
  pleg::KubeletEvidence evidence;
  if (!options_.metrics_url.empty()) AskMetrics(evidence);
  if (!options_.healthz_url.empty()) AskHealthz(evidence);
  pleg::MutexLock lock(mu_);
  evidence_ = std::move(evidence);
  asked_at_ = clock_.Now();
}

std::optional<pleg::KubeletEvidence> KubeletProbe::Latest() const {
  pleg::MutexLock lock(mu_);
  std::optional<pleg::KubeletEvidence> evidence = evidence_;
  if (evidence.has_value() && evidence->last_seen_ago.has_value()) {
    *evidence->last_seen_ago += clock_.Now() - asked_at_;
  }
  return evidence;
}

absl::StatusOr<FetchReply> KubeletProbe::Fetch(const std::string& url) {
  FetchRequest request;
  request.url = url;
  request.ca_file = options_.ca_file;
  request.skip_verification = options_.skip_verification;
  request.timeout = options_.timeout;
  if (!options_.token_file.empty()) {
    const absl::StatusOr<std::string> token = ReadSmallFile(options_.token_file);
    if (!token.ok()) return token.status();
    request.bearer_token = std::string(absl::StripAsciiWhitespace(*token));
  }
  if (options_.fetch) return options_.fetch(request);
  if (!fetcher_.has_value()) fetcher_ = Fetcher::Load();
  if (!fetcher_->ok()) return fetcher_->status();
  return (*fetcher_)->Get(request);
}

void KubeletProbe::AskMetrics(pleg::KubeletEvidence& evidence) {
  const absl::StatusOr<FetchReply> reply = Fetch(options_.metrics_url);
  if (!reply.ok()) {
    evidence.error = std::string(reply.status().message());
    return;
  }
  if (reply->code != 200) {
    evidence.error = absl::StrCat("GET ", options_.metrics_url, ": ", Describe(*reply));
    return;
  }
  const KubeletMetrics metrics = ParseKubeletMetrics(reply->body);
  evidence.version = metrics.version;
  evidence.evented = metrics.event_streams > 0;
  if (!metrics.last_seen.has_value()) {
    evidence.error =
        absl::StrCat("GET ", options_.metrics_url, ": no kubelet_pleg_last_seen_seconds");
    return;
  }
  evidence.never_relisted = *metrics.last_seen <= 0;
  if (evidence.never_relisted) return;
  // A clock that was set back must not make it younger than now.
  evidence.last_seen_ago =
      std::max(clock_.WallNow() - absl::UnixEpoch() - absl::Seconds(*metrics.last_seen),
               absl::ZeroDuration());
}

void KubeletProbe::AskHealthz(pleg::KubeletEvidence& evidence) {
  const absl::StatusOr<FetchReply> reply = Fetch(options_.healthz_url);
  evidence.healthz_ok = reply.ok() && reply->code == 200;
  if (!*evidence.healthz_ok) {
    evidence.healthz_text = reply.ok() ? Describe(*reply) : std::string(reply.status().message());
  }
}

}  // namespace runtime::host
