#include "pleg/diagnosis/diagnosis.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/facts.h"
#include "pleg/diagnosis/headline.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/sign_memory.h"
#include "pleg/diagnosis/sign_table.h"
#include "pleg/diagnosis/surroundings.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

// In the order of triage.
constexpr Rule kRules[] = {
    CriUnsupported,    RuntimeStopped,   MessageTooLarge,
    RuntimeRestarting, RuntimeDown,      RuntimeErrors,
    NodeMemoryStarved, NodeIoStarved,    NodeCpuStarved,
    FrozenCgroupFound, CniStuck,         SystemdOverloaded,
    RuntimeHung,       ListLockConvoy,   SilentLag,
    ListsAreSlow,      SandboxStuck,     ContainerStuck,
    StateStale,        ShimUnresponsive, MountExplosion,
    OciHangs,          TooManyChanges,   KubeletOperationsFail,
    KubeletSide,       LatentHang,       MessageTooLargeSoon,
    SandboxesPileUp,   TooManyDead,
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

// Says in the sentence that it is of then, since it alone is what many read.
void DateSentence(absl::Duration ago, Finding& finding) {
  std::string dated = absl::StrCat("Seen ", FormatAge(ago), " ago: ", finding.sentence);
  finding.sentence = FitSentence(std::move(dated));
}

// What a rule concludes from an old look at the host alone: that is, otherwise without one.
class OldLook {
 public:
  explicit OldLook(const Facts& facts) {
    if (facts.host == nullptr || !facts.host_is_past()) return;
    ago_ = facts.host->sampled_ago;
    blind_ = facts.e;
    blind_.host.reset();
    facts_.emplace(blind_);
  }
  void Date(Rule rule, Ranked& ranked) const {
    if (!facts_.has_value()) return;
    const std::optional<Ranked> blind = rule(*facts_);
    if (blind.has_value() && blind->finding.sentence == ranked.finding.sentence) return;
    DateSentence(ago_, ranked.finding);
  }

 private:
  absl::Duration ago_;
  Evidence blind_;
  std::optional<Facts> facts_;
};

// Of rules with one code the one speaks that hurts most, else the first; what the others rest on
// stands beside.
void Add(Ranked ranked, std::vector<Ranked>& found) {
  const auto same = std::find_if(found.begin(), found.end(), [&ranked](const Ranked& other) {
    return other.finding.code == ranked.finding.code;
  });
  if (same == found.end()) {
    found.push_back(std::move(ranked));
    return;
  }
  if (ranked.tier < same->tier) std::swap(ranked, *same);
  for (std::string& line : ranked.finding.supports) {
    same->finding.supports.push_back(std::move(line));
  }
}

std::vector<Ranked> ApplyRules(const Facts& facts) {
  std::vector<Ranked> found;
  const OldLook old_look(facts);
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
    old_look.Date(rule, *ranked);
    Add(*std::move(ranked), found);
  }
  return found;
}

void Rank(const Facts& facts, std::vector<Ranked>& found) {
  YieldToWhatWasSeen(facts, found);
  std::stable_sort(found.begin(), found.end(), [](const Ranked& a, const Ranked& b) {
    if (a.tier != b.tier) return a.tier < b.tier;
    if (a.yields != b.yields) return b.yields;
    return a.finding.confidence > b.finding.confidence;
  });
}

std::string RelistText(const Facts& facts) {
  const RelistEvidence& relist = facts.e.relist;
  if (!relist.last_good_ago.has_value()) return "no relist has succeeded yet";
  return absl::StrCat(
      "last good relist ", FormatAge(*relist.last_good_ago), " ago",
      relist.recent.empty() ? "" : absl::StrCat(" in ", FormatLatency(relist.recent.front())));
}

bool IsForecast(SignId id) {
  return id == SignId::kNodeReady || id == SignId::kEventLag || id == SignId::kRestartCost;
}

std::string WhereToLook(const Facts& facts, const Sign& sign) {
  const SignMeaning& meaning = MeaningOf(sign.id);
  if (!sign.command.empty()) return sign.command;
  if (!meaning.command.empty()) return std::string(meaning.command);
  return meaning.theme == "calls" ? LogCommand(facts) : "";
}

std::string WithLimit(const Sign& sign) {
  return absl::StrCat(sign.value, " (limit ", MeaningOf(sign.id).limit, ")");
}

// Names every one of them, and says where to look. The first is the worst.
void TellSigns(const Facts& facts, const std::vector<const Sign*>& signs, Draft& draft) {
  for (const Sign* sign : signs) {
    draft.For(absl::StrCat(SignLabel(sign->id), ": ", WithLimit(*sign)));
    if (!sign->object.id.empty() || !sign->object.pod_uid.empty()) draft.Blame(sign->object);
    draft.Do(MeaningOf(sign->id).look, WhereToLook(facts, *sign));
    if (!sign->cure.empty()) draft.DoDisruptive("Remove it, if nobody needs it", sign->cure);
  }
}

std::string AndMore(const std::vector<const Sign*>& signs) {
  return signs.size() > 1 ? absl::StrCat("; and ", signs.size() - 1, " more") : "";
}

// Signs that hurt, and no rule says why.
Ranked Unexplained(const Facts& facts, const std::vector<const Sign*>& signs) {
  const Sign& worst = *signs.front();
  const bool blocks = facts.outlook.breaks() || !facts.relists_in_time() || facts.lists_silent();
  Draft draft(VerdictCode::kUnexplained, blocks ? Tier::kBlocksPleg : Tier::kHurtsPods,
              Confidence::kLow);
  draft.RestsOn(Basis::kTiming);
  if (worst.since.has_value()) draft.Since(*worst.since);
  draft.Say(absl::StrCat(blocks ? "PLEG is not well and" : "Pods are not well and",
                         " no known cause fits yet: ", worst.value, AndMore(signs)),
            facts.outlook.breaks() && !IsForecast(worst.id) ? absl::string_view(facts.outlook.text)
                                                            : MeaningOf(worst.id).meaning,
            MeaningOf(worst.id).look);
  draft.Brief(worst.value);
  TellSigns(facts, signs, draft);
  draft.For(RelistText(facts));
  draft.Do("Keep the evidence, and report it: this is a gap in plegd",
           "plegctl explain --save evidence.textproto");
  KeepGoroutines(facts, draft);
  return draft.Done();
}

std::string WhatIsWell(const Facts& facts) {
  return absl::StrCat(RelistText(facts), ", ", facts.e.counts.pods, " pods, ",
                      facts.e.counts.running, " running containers, no call is stuck");
}

std::string PlegIsWell(const Facts& facts) {
  return absl::StrCat("PLEG is healthy: ", WhatIsWell(facts));
}

// Signs that hurt nobody yet.
Ranked Warning(const Facts& facts, const std::vector<const Sign*>& signs, bool alone) {
  const Sign& worst = *signs.front();
  const Tier tier = worst.severity == Severity::kInfo ? Tier::kNothing : Tier::kThreatens;
  Draft draft(VerdictCode::kWarning, tier, Confidence::kHigh);
  draft.RestsOn(Basis::kTiming);
  if (worst.since.has_value()) draft.Since(*worst.since);
  const std::string what = absl::StrCat(worst.value, AndMore(signs));
  draft.Say(alone && facts.relists_well() ? absl::StrCat(PlegIsWell(facts), "; but ", what) : what,
            "", MeaningOf(worst.id).look);
  draft.Brief(what);
  TellSigns(facts, signs, draft);
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
  Draft draft(VerdictCode::kHealthy, Tier::kNothing, Confidence::kHigh);
  draft.Say(PlegIsWell(facts), "", "Nothing to do")
      .Brief(WhatIsWell(facts))
      .For(RelistText(facts))
      .For(facts.outlook.text);
  return draft.Done();
}

bool IsStarting(const Facts& facts) {
  return !facts.e.relist.last_good_ago.has_value() && facts.e.observed_for < kStarting &&
         facts.silent.empty();
}

bool IsExplained(const std::vector<Ranked>& found, const Sign& sign) {
  return std::any_of(found.begin(), found.end(),
                     [&sign](const Ranked& ranked) { return Explains(ranked.finding, sign); });
}

// What explained a sign that is held is held with it.
void Recall(const SignMemory& memory, MonoTime now, const std::vector<Sign>& signs,
            std::vector<Ranked>& found) {
  for (const Sign& sign : signs) {
    if (!sign.held || IsExplained(found, sign)) continue;
    std::optional<Ranked> ranked = memory.Recall(now, sign);
    if (ranked.has_value()) found.push_back(*std::move(ranked));
  }
}

// Worst first, and what an object hurts before what it may.
bool Worse(const Sign* a, const Sign* b) { return a->severity > b->severity; }

// A bad sign that no finding explains makes one of its own.
void ExplainTheRest(const Facts& facts, const std::vector<Sign>& signs,
                    std::vector<Ranked>& found) {
  std::vector<const Sign*> hurting;
  std::vector<const Sign*> warning;
  for (const Sign& sign : signs) {
    if (sign.state != SignState::kBad || IsExplained(found, sign)) continue;
    (sign.severity == Severity::kPage ? hurting : warning).push_back(&sign);
  }
  // What follows from the others is named with them, and last.
  const auto follows = [](const Sign* sign) { return IsForecast(sign->id); };
  if (!hurting.empty()) {
    const auto forecast = std::stable_partition(warning.begin(), warning.end(),
                                                [&](const Sign* sign) { return !follows(sign); });
    hurting.insert(hurting.end(), forecast, warning.end());
    warning.erase(forecast, warning.end());
    std::stable_partition(hurting.begin(), hurting.end(),
                          [&](const Sign* sign) { return !follows(sign); });
  }
  std::stable_sort(warning.begin(), warning.end(), Worse);
  const bool alone = found.empty() && hurting.empty();
  if (!hurting.empty()) found.push_back(Unexplained(facts, hurting));
  if (!warning.empty()) found.push_back(Warning(facts, warning, alone));
  const bool quiet = std::all_of(found.begin(), found.end(), [](const Ranked& ranked) {
    return ranked.finding.code == VerdictCode::kWarning;
  });
  if (IsStarting(facts) && quiet) {
    found.insert(found.begin(), Starting(facts));
    found.front().tier = Tier::kHurtsPods;  // before what is known already
  }
  if (found.empty()) found.push_back(Healthy(facts));
}

Severity SeverityOf(const Ranked& ranked, const std::vector<Sign>& signs) {
  switch (ranked.finding.code) {
    case VerdictCode::kHealthy:
      return Severity::kNone;
    case VerdictCode::kStarting:
      return Severity::kInfo;
    case VerdictCode::kWarning: {
      Severity worst = Severity::kInfo;
      for (const Sign& sign : signs) {
        const auto& named = ranked.finding.signs;
        if (std::find(named.begin(), named.end(), sign.id) == named.end()) continue;
        if (sign.severity != Severity::kPage) worst = std::max(worst, sign.severity);
      }
      return worst;
    }
    default:
      return ranked.tier < Tier::kThreatens ? Severity::kPage : Severity::kWarn;
  }
}

// Which of the bad signs each finding accounts for; those that none does belong to the fallbacks.
void AssignSigns(const std::vector<Sign>& signs, std::vector<Ranked>& found) {
  bool unexplained = false;
  for (Ranked& ranked : found) {
    ranked.finding.signs.clear();
    unexplained |= ranked.finding.code == VerdictCode::kUnexplained;
  }
  for (const Sign& sign : signs) {
    if (sign.state != SignState::kBad) continue;
    const bool explained = IsExplained(found, sign);
    const bool named_last = IsForecast(sign.id) && unexplained;
    const VerdictCode rest = sign.severity == Severity::kPage || named_last
                                 ? VerdictCode::kUnexplained
                                 : VerdictCode::kWarning;
    for (Ranked& ranked : found) {
      const bool mine = explained ? Explains(ranked.finding, sign) : ranked.finding.code == rest;
      auto& named = ranked.finding.signs;
      if (mine && (named.empty() || named.back() != sign.id)) named.push_back(sign.id);
    }
  }
}

// Where the rule cannot tell: for as long as one of its signs has been bad.
void TellSince(const std::vector<Sign>& signs, Finding& finding) {
  if (finding.since.has_value()) return;
  for (const Sign& sign : signs) {
    const bool named = std::count(finding.signs.begin(), finding.signs.end(), sign.id) > 0;
    if (!named || sign.state != SignState::kBad || !sign.since.has_value()) continue;
    finding.since = std::max(finding.since.value_or(*sign.since), *sign.since);
  }
}

// Nothing that a second look may make more of.
bool IsSettled(const Finding& finding) {
  if (finding.severity != Severity::kPage || finding.confidence != Confidence::kHigh) return false;
  if (finding.code == VerdictCode::kRuntimeRestarting) return false;
  const std::vector<SignId>& blames = ExplainedBy(finding.code).of_culprit;
  const bool by_object = std::count(blames.begin(), blames.end(), SignId::kContainerStatusSilent);
  return !by_object || (!finding.culprits.empty() && !finding.culprits.front().pod_name.empty());
}

Diagnosis Judge(const Evidence& evidence, MonoTime now, SignMemory* memory) {
  const Facts facts(evidence);
  Diagnosis diagnosis;
  diagnosis.signs = ReadSigns(facts);
  memory == nullptr ? SettleAlone(diagnosis.signs) : memory->Settle(now, diagnosis.signs);
  std::vector<Ranked> found = ApplyRules(facts);
  if (memory != nullptr) Recall(*memory, now, diagnosis.signs, found);
  ExplainTheRest(facts, diagnosis.signs, found);
  Rank(facts, found);
  if (memory != nullptr) memory->Keep(now, found);
  AssignSigns(diagnosis.signs, found);
  diagnosis.recorded_at = evidence.recorded_at;
  diagnosis.node = Printable(evidence.self.node);
  if (facts.host != nullptr && facts.host_is_past()) {
    diagnosis.host_seen_ago = facts.host->sampled_ago;
  }
  for (Ranked& ranked : found) {
    ranked.finding.severity = SeverityOf(ranked, diagnosis.signs);
    ranked.finding.settled = IsSettled(ranked.finding);
    TellSince(diagnosis.signs, ranked.finding);
    diagnosis.findings.push_back(std::move(ranked.finding));
  }
  const Finding& first = diagnosis.findings.front();
  diagnosis.starting = first.code == VerdictCode::kStarting;
  diagnosis.headline = HeadlineOf(facts, first.severity, diagnosis.starting);
  diagnosis.forecast = ForecastOf(facts, first.severity);
  diagnosis.readiness = ReadinessOf(facts);
  diagnosis.exclusions = Exclusions(facts);
  diagnosis.hints = Hints(facts);
  diagnosis.particulars = Particulars(facts);
  return diagnosis;
}

}  // namespace

Diagnosis Diagnose(const Evidence& evidence) { return Judge(evidence, MonoTime(), nullptr); }

Diagnosis Diagnose(const Evidence& evidence, MonoTime now, SignMemory& memory) {
  return Judge(evidence, now, &memory);
}

}  // namespace pleg
