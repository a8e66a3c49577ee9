#include "pleg/diagnosis/diagnosis.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/facts.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/surroundings.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

// In the order of triage.
constexpr Rule kRules[] = {
    CriUnsupported,  RuntimeRestarting, RuntimeDown,   RuntimeStopped,      RuntimeErrors,
    MessageTooLarge, NodeMemoryStarved, NodeIoStarved, NodeCpuStarved,      FrozenCgroupFound,
    CniStuck,        SystemdOverloaded, RuntimeHung,   ListLockConvoy,      SilentLag,
    SandboxStuck,    ContainerStuck,    StateStale,    ShimUnresponsive,    MountExplosion,
    TooManyChanges,  KubeletSide,       LatentHang,    MessageTooLargeSoon, TooManyDead,
};

constexpr absl::Duration kStarting = absl::Seconds(15);

std::string Starvation(const Facts& facts) {
  using Strain = Facts::Strain;
  if (facts.memory == Strain::kSevere) return "the node starves of memory: calls may only be slow";
  if (facts.io == Strain::kSevere) return "the node starves of disk I/O: calls may only be slow";
  if (facts.cpu == Strain::kSevere) return "the node starves of CPU: calls may only be slow";
  if (facts.own_lag) {
    return absl::StrCat("plegd's own timer slips by ", FormatLatency(facts.e.self.worst_delay()));
  }
  return "";
}

void Doubt(absl::string_view why, Finding& finding) {
  finding.confidence = Lower(finding.confidence);
  finding.contradicts.emplace_back(why);
}

// A loaded node is no cause beside one that was seen; unless the node is about to turn NotReady,
// and what was seen does not account for that.
void YieldToWhatWasSeen(const Facts& facts, std::vector<Ranked>& found) {
  Tier seen = Tier::kNothing;
  for (const Ranked& ranked : found) {
    if (ranked.basis == Basis::kSeen) seen = std::min(seen, ranked.tier);
  }
  if (seen > Tier::kHurtsPods) return;
  bool yield = false;
  for (Ranked& ranked : found) {
    if (ranked.basis != Basis::kNode) continue;
    if (ranked.tier < seen && facts.outlook.breaks()) continue;
    ranked.tier = std::max(ranked.tier, seen);
    yield = true;
  }
  for (Ranked& ranked : found) ranked.yields = yield && ranked.basis != Basis::kSeen;
}

std::vector<Ranked> ApplyRules(const Facts& facts) {
  std::vector<Ranked> found;
  const std::string starvation = Starvation(facts);
  for (Rule rule : kRules) {
    std::optional<Ranked> ranked = rule(facts);
    if (!ranked.has_value()) continue;
    if (ranked->basis == Basis::kTiming && !starvation.empty()) {
      Doubt(starvation, ranked->finding);
    }
    if (ranked->of_host && facts.host_is_stale()) {
      Doubt(absl::StrCat("the host was last looked at ", FormatAge(facts.last_host->sampled_ago),
                         " ago"),
            ranked->finding);
    }
    found.push_back(*std::move(ranked));
  }
  YieldToWhatWasSeen(facts, found);
  std::stable_sort(found.begin(), found.end(), [](const Ranked& a, const Ranked& b) {
    if (a.tier != b.tier) return a.tier < b.tier;
    if (a.yields != b.yields) return b.yields;
    return a.finding.confidence > b.finding.confidence;
  });
  return found;
}

std::string RelistText(const Facts& facts) {
  const RelistEvidence& relist = facts.e.relist;
  if (!relist.last_good_ago.has_value()) return "no relist has succeeded yet";
  return absl::StrCat(
      "last good relist ", FormatAge(*relist.last_good_ago), " ago",
      relist.recent.empty() ? "" : absl::StrCat(" in ", FormatLatency(relist.recent.front())));
}

Ranked Unexplained(const Facts& facts) {
  Draft draft(VerdictCode::kUnexplained, Tier::kBlocksPleg, Confidence::kLow);
  const MethodEvidence* failing = nullptr;
  for (const MethodEvidence& method : facts.e.methods) {
    if (method.failing.has_value()) failing = &method;
  }
  const std::string sign =
      !facts.silent.empty() ? absl::StrCat(Shorten(Printable(facts.silent.front()->method), 40),
                                           " unanswered for ", FormatAge(facts.silent.front()->age))
      : failing != nullptr  ? absl::StrCat(Shorten(Printable(failing->method), 40), " fails with ",
                                           Shorten(Printable(failing->failing->code), 24))
                            : RelistText(facts);
  draft
      .Say(absl::StrCat("PLEG is not well and no known cause fits yet: ", sign), facts.outlook.text,
           "Ask again in 15 seconds, then keep the evidence")
      .For(RelistText(facts));
  if (failing != nullptr) {
    draft.For(
        absl::StrCat(failing->method, ": ", failing->failing->code, ": ", failing->failing->text));
  }
  for (size_t i = 0; i < facts.silent.size() && i < 5; ++i) {
    draft.For(
        absl::StrCat(facts.silent[i]->method, " ",
                     facts.silent[i]->object.id.empty() ? "" : ObjectName(facts.silent[i]->object),
                     " unanswered for ", FormatAge(facts.silent[i]->age)));
  }
  draft.Do("Keep the evidence, and report it: this is a gap in plegd",
           "plegctl explain --save evidence.textproto");
  KeepGoroutines(facts, draft);
  return draft.Done();
}

Ranked Starting(const Facts& facts) {
  Draft draft(VerdictCode::kStarting, Tier::kNothing, Confidence::kHigh);
  draft.Since(facts.e.observed_for)
      .Say(absl::StrCat("plegd started ", FormatAge(facts.e.observed_for),
                        " ago and has not seen a whole relist"),
           "", "Ask again in a few seconds")
      .For(RelistText(facts));
  return draft.Done();
}

Ranked Healthy(const Facts& facts) {
  const CountEvidence& counts = facts.e.counts;
  Draft draft(VerdictCode::kHealthy, Tier::kNothing, Confidence::kHigh);
  const std::vector<Concern> concerns = Concerns(facts);
  std::string what =
      absl::StrCat("PLEG is healthy: ", RelistText(facts), ", ", counts.pods, " pods, ",
                   counts.running, " running containers, no call is stuck");
  std::string advice = "Nothing to do";
  if (!concerns.empty()) {
    absl::StrAppend(&what, "; but ", concerns.front().text);
    advice = concerns.front().look.text;
  }
  draft.Say(what, "", advice).For(RelistText(facts)).For(facts.outlook.text);
  for (const Concern& concern : concerns) draft.Against(concern.text).Do(concern.look);
  return draft.Done();
}

Ranked Fallback(const Facts& facts) {
  if (facts.relists_well()) return Healthy(facts);
  const bool starting = !facts.e.relist.last_good_ago.has_value() &&
                        facts.e.observed_for < kStarting && facts.silent.empty();
  return starting ? Starting(facts) : Unexplained(facts);
}

}  // namespace

Diagnosis Diagnose(const Evidence& evidence) {
  const Facts facts(evidence);
  std::vector<Ranked> found = ApplyRules(facts);
  // A threat does not explain what is wrong already; but a runtime that has just come back does:
  // some calls are not tried again yet.
  const bool explained =
      !found.empty() && (found.front().tier != Tier::kThreatens || facts.relists_well() ||
                         found.front().finding.code == VerdictCode::kLatentHang ||
                         found.front().finding.code == VerdictCode::kRuntimeRestarting);
  if (!explained) {
    Ranked fallback = Fallback(facts);
    const bool first = found.empty() || fallback.tier < found.front().tier;
    if (first) found.insert(found.begin(), std::move(fallback));
  }
  Diagnosis diagnosis;
  diagnosis.recorded_at = evidence.recorded_at;
  for (Ranked& ranked : found) diagnosis.findings.push_back(std::move(ranked.finding));
  diagnosis.exclusions = Exclusions(facts);
  diagnosis.hints = Hints(facts);
  diagnosis.particulars = Particulars(facts);
  return diagnosis;
}

}  // namespace pleg
