#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/sign.h"
#include "pleg/diagnosis/sign_table.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

constexpr size_t kMaxValue = 200;
constexpr absl::Duration kFirstLook = absl::Seconds(15);

// Why the host's figures are missing: a probe that may not look says so.
Ignorance WhyNoHost(const Facts& facts) {
  if (facts.last_host != nullptr) return Ignorance::kTooOld;
  return facts.e.observed_for < kFirstLook ? Ignorance::kNotYet : Ignorance::kByChoice;
}

}  // namespace

void SignJudge::Good(absl::string_view value) {
  signs_ = {Sign{.id = id_,
                 .state = SignState::kGood,
                 .why = Ignorance::kNone,
                 .value = Shorten(Printable(value), kMaxValue)}};
}

Sign& SignJudge::Bad(absl::string_view value, std::optional<absl::Duration> since,
                     const ObjectRef& object) {
  if (!signs_.empty() && signs_.front().state != SignState::kBad) signs_.clear();
  if (signs_.size() == kMaxBadObjects) {
    ++more_;
    return spare_;
  }
  Sign& sign = signs_.emplace_back();
  sign.id = id_;
  sign.state = SignState::kBad;
  sign.why = Ignorance::kNone;
  sign.value = Shorten(Printable(value), kMaxValue);
  sign.since = since;
  sign.object = object;
  sign.severity = MeaningOf(id_).severity;
  return sign;
}

void SignJudge::Unknown(Ignorance why, absl::string_view text) {
  signs_ = {Sign{.id = id_,
                 .state = SignState::kUnknown,
                 .why = why,
                 .value = Shorten(Printable(text), kMaxValue)}};
}

void SignJudge::Soften(Severity severity) {
  for (Sign& sign : signs_) sign.severity = std::min(sign.severity, severity);
}

void SignJudge::Judge(bool bad, absl::string_view value, std::optional<absl::Duration> since) {
  if (bad) {
    Bad(value, since);
  } else {
    Good(value);
  }
}

const HostEvidence* SignJudge::Host() {
  by_host_ = true;
  if (facts_.host == nullptr) Unknown(WhyNoHost(facts_));
  return facts_.host;
}

const HostEvidence* SignJudge::FreshHost() {
  if (facts_.fresh_host() == nullptr) Unknown(WhyNoHost(facts_));
  return facts_.fresh_host();
}

const KubeletEvidence* SignJudge::Kubelet() {
  if (facts_.e.kubelet.has_value()) return &*facts_.e.kubelet;
  Unknown(Ignorance::kByChoice, "the kubelet is not asked (--kubelet.metrics-url)");
  return nullptr;
}

std::vector<Sign> SignJudge::Done() {
  if (signs_.empty()) Unknown(Ignorance::kNotYet);
  if (by_host_ && facts_.host_is_stale() && signs_.front().state == SignState::kGood) {
    Unknown(Ignorance::kTooOld, signs_.front().value);
  }
  if (by_host_ && facts_.host != nullptr && facts_.host_is_past()) {
    const std::string ago = absl::StrCat(" (", FormatAge(facts_.host->sampled_ago), " ago)");
    for (Sign& sign : signs_) {
      if (!sign.value.empty()) sign.value += ago;
    }
  }
  if (more_ > 0) absl::StrAppend(&signs_.back().value, "; and ", more_, " more");
  return std::move(signs_);
}

const std::vector<SignRow>& SignTable() {
  static const auto& table = *[] {
    auto* rows = new std::vector<SignRow>();
    for (const absl::Span<const SignRow> theme :
         {CallSigns(), StatusSigns(), ObjectSigns(), KubeletSigns(), HostSigns(), SelfSigns()}) {
      rows->insert(rows->end(), theme.begin(), theme.end());
    }
    return rows;
  }();
  return table;
}

std::vector<Sign> ReadSigns(const Facts& facts) {
  std::vector<Sign> signs;
  signs.reserve(kSignIds);
  for (const SignRow& row : SignTable()) {
    SignJudge judge(facts, row.id);
    row.judge(facts, judge);
    for (Sign& sign : judge.Done()) signs.push_back(std::move(sign));
  }
  return signs;
}

absl::string_view SignLabel(SignId id) {
  const auto index = static_cast<size_t>(id);
  return index < SignTable().size() ? SignTable()[index].label : "";
}

std::optional<SignId> ParseSignLabel(absl::string_view label) {
  for (const SignRow& row : SignTable()) {
    if (row.label == label) return row.id;
  }
  return std::nullopt;
}

const SignMeaning& MeaningOf(SignId id) { return SignTable()[static_cast<size_t>(id)].meaning; }

absl::string_view SignStateName(SignState state) {
  switch (state) {
    case SignState::kGood:
      return "good";
    case SignState::kBad:
      return "bad";
    case SignState::kUnknown:
      break;
  }
  return "unknown";
}

absl::string_view IgnoranceName(Ignorance why) {
  switch (why) {
    case Ignorance::kNone:
      return "";
    case Ignorance::kByChoice:
      return "by choice";
    case Ignorance::kNotAllowed:
      return "not allowed";
    case Ignorance::kTooOld:
      return "too old";
    case Ignorance::kNotYet:
      break;
  }
  return "not yet";
}

absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kNone:
      return "none";
    case Severity::kInfo:
      return "info";
    case Severity::kWarn:
      return "warn";
    case Severity::kPage:
      break;
  }
  return "page";
}

}  // namespace pleg
