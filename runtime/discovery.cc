#include "runtime/discovery.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace runtime {
namespace {

constexpr absl::string_view kDockerContainerd =
    "Docker's own containerd, whose CRI is disabled; a kubelet on Docker uses cri-dockerd";

CandidateState StateOfSocket(const absl::Status& check) {
  switch (check.code()) {
    case absl::StatusCode::kNotFound:
      return CandidateState::kMissing;
    case absl::StatusCode::kFailedPrecondition:
      return CandidateState::kNotSocket;
    case absl::StatusCode::kPermissionDenied:
      return CandidateState::kDenied;
    default:
      return CandidateState::kNoAccept;
  }
}

CandidateState StateOfProbe(const absl::Status& probe) {
  switch (probe.code()) {
    case absl::StatusCode::kOk:
      return CandidateState::kAnswers;
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      return CandidateState::kSilent;
    case absl::StatusCode::kUnimplemented:
      return CandidateState::kNoCri;
    default:
      return CandidateState::kFails;
  }
}

std::string Explain(CandidateState state, const absl::Status& probe) {
  if (state == CandidateState::kNoCri) return ExplainHandshakeError(probe);
  return absl::StrCat(CandidateStateText(state), ": ", probe.message());
}

CandidateReport LookAt(const Endpoint& endpoint, const DiscoverySeams& seams) {
  CandidateReport report{.endpoint = endpoint};
  const std::string& path = endpoint.path();
  if (const absl::Status check = seams.check_socket(path); !check.ok()) {
    report.state = StateOfSocket(check);
    report.line = std::string(check.message());
    return report;
  }
  absl::StatusOr<pleg::RuntimeVersion> identity = seams.probe(endpoint);
  report.state = StateOfProbe(identity.status());
  if (identity.ok()) {
    report.line = absl::StrCat(path, ": answers Version: ", identity->name, " ", identity->version,
                               ", CRI ", identity->api_version);
    report.identity = *std::move(identity);
    return report;
  }
  report.line = absl::StrCat(path, ": ", Explain(report.state, identity.status()));
  return report;
}

// Docker's own containerd among the reports, if it is there and was not looked at already.
void TellOfDocker(const DiscoverySeams& seams, std::vector<CandidateReport>& reports) {
  const std::string& path = seams.docker_containerd;
  const bool known = std::any_of(reports.begin(), reports.end(), [&](const CandidateReport& r) {
    return r.endpoint.path() == path;
  });
  if (path.empty() || known || absl::IsNotFound(seams.check_socket(path))) return;
  reports.push_back({.endpoint = Endpoint(path),
                     .state = CandidateState::kNoCri,
                     .line = absl::StrCat(path, ": ", kDockerContainerd)});
}

std::string ReasonFor(CandidateState state) {
  if (state == CandidateState::kAnswers) return "first socket that answers Version";
  return absl::StrCat("no socket answers Version, and this is the first that ",
                      CandidateStateText(state));
}

void Probe(const DiscoverySeams& seams, DiscoveryResult& result) {
  std::vector<CandidateReport>& reports = result.candidates;
  for (const Endpoint& candidate : seams.candidates) {
    reports.push_back(LookAt(candidate, seams));
    if (reports.back().state == CandidateState::kAnswers) break;
  }
  const auto best = std::min_element(
      reports.begin(), reports.end(),
      [](const CandidateReport& a, const CandidateReport& b) { return a.state < b.state; });
  if (best != reports.end() && best->state <= CandidateState::kDenied) {
    result.endpoint = best->endpoint;
    result.reason = ReasonFor(best->state);
  } else {
    result.reason = "no socket of a runtime found";
  }
  if (best == reports.end() || best->state != CandidateState::kAnswers) {
    TellOfDocker(seams, reports);
  }
}

}  // namespace

absl::string_view CandidateStateText(CandidateState state) {
  switch (state) {
    case CandidateState::kAnswers:
      return "answers Version";
    case CandidateState::kSilent:
      return "accepts connections but does not answer";
    case CandidateState::kFails:
      return "accepts connections but fails";
    case CandidateState::kNoAccept:
      return "exists but accepts no connections";
    case CandidateState::kDenied:
      return "exists but is denied to plegd";
    case CandidateState::kNoCri:
      return "does not speak CRI v1";
    case CandidateState::kNotSocket:
      return "is no stream socket";
    case CandidateState::kMissing:
      return "is missing";
  }
  return "is in an unknown state";
}

absl::StatusOr<DiscoveryResult> Discover(const DiscoverySettings& settings,
                                         const DiscoverySeams& seams) {
  absl::StatusOr<FoundSetting> setting = FindSetting(settings, seams.read_file);
  if (!setting.ok()) return setting.status();
  DiscoveryResult result;
  result.notes = std::move(setting->notes);
  if (!setting->endpoint.has_value()) {
    Probe(seams, result);
    return result;
  }
  result.asked_for = true;
  result.reason = std::move(setting->reason);
  result.candidates.push_back(LookAt(*setting->endpoint, seams));
  result.endpoint = *std::move(setting->endpoint);
  return result;
}

}  // namespace runtime
