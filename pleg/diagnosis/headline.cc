#include "pleg/diagnosis/headline.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/surroundings.h"
#include "pleg/diagnosis/text.h"
#include "pleg/go_duration.h"

namespace pleg {
namespace {

constexpr size_t kMaxHeadline = 360;

std::string Generation(const GenerationReport& twin) {
  return absl::StrCat("a kubelet ", KubeletGenerationName(twin.generation));
}

// Some kubelets would be NotReady and others not.
bool Differ(const Facts& facts) {
  const auto& twins = facts.e.twins;
  return facts.outlook.not_ready &&
         std::any_of(twins.begin(), twins.end(),
                     [](const GenerationReport& twin) { return twin.report.healthy; });
}

// Those of the runtime, in the kubelet's words; empty if there are none.
std::string RuntimeErrors(const Facts& facts) {
  for (const GenerationReport& twin : facts.e.twins) {
    if (twin.report.healthy || twin.report.condition.empty()) continue;
    absl::string_view condition = twin.report.condition;
    // The list goes on with the network's.
    if (absl::ConsumePrefix(&condition, "[")) absl::ConsumeSuffix(&condition, "]");
    return std::string(condition);
  }
  const RelistEvidence& relist = facts.e.relist;
  if (!relist.last_good_ago.has_value() || *relist.last_good_ago <= relist.threshold) return "";
  return absl::StrCat("PLEG is not healthy: pleg was last seen active ",
                      FormatGoDuration(absl::Trunc(*relist.last_good_ago, absl::Milliseconds(100))),
                      " ago; threshold is ", FormatGoDuration(relist.threshold));
}

// As the kubelet posts them in the node's Ready condition.
std::vector<std::string> NodeErrors(const Facts& facts) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  std::vector<std::string> errors;
  if (facts.outlook.not_ready) {
    std::string error = RuntimeErrors(facts);
    errors.push_back(error.empty() ? "PLEG is not healthy" : std::move(error));
  } else if (runtime.runtime_ready == false) {
    errors.push_back(absl::StrCat("container runtime not ready: ", runtime.runtime_ready_text));
  }
  if (runtime.network_ready == false) {
    errors.push_back(
        absl::StrCat("container runtime network not ready: ", runtime.network_ready_text));
  }
  return errors;
}

// What keeps the kubelet itself from relisting, whatever the runtime answers.
struct KubeletTrouble {
  std::string what;   // empty if nothing is known to
  bool over = false;  // for longer than it may last
};

KubeletTrouble FindKubeletTrouble(const Facts& facts) {
  const auto& kubelet = facts.e.kubelet;
  const KubeletAge age = JudgeKubeletAge(facts);
  if (age.never) return {"the kubelet has never relisted", true};
  if (age.over) {
    return {absl::StrCat("the kubelet relisted ", FormatAge(*kubelet->last_seen_ago), " ago"),
            true};
  }
  const HostEvidence* const host = facts.fresh_host();
  if (host == nullptr) return {};
  if (kubelet.has_value() && IsRefused(kubelet->error) && KubeletIsMissing(facts)) {
    return {"the kubelet does not run", false};
  }
  const auto& process = host->kubelet_process;
  const bool stopped =
      process.has_value() && process->stopped() && process->state_for >= kSilentAfter;
  return {stopped ? "the kubelet's process is stopped" : "", false};
}

// A generation's future, apart from its name; empty if it stays Ready and its events are in time.
std::string Fate(const TwinReport& twin) {
  const std::string turns = twin.flapping.has_value()
                                ? absl::StrCat(" for ", FormatAge(twin.flapping->unhealthy_for),
                                               " of every ", FormatAge(twin.flapping->period))
                                : "";
  if (!twin.healthy) return turns.empty() ? "" : absl::StrCat("is NotReady", turns);
  if (twin.to_not_ready != absl::InfiniteDuration()) {
    return absl::StrCat("goes NotReady ", twin.older_than_observed ? "within " : "in ",
                        FormatAge(twin.to_not_ready), turns.empty() ? "" : ", then", turns);
  }
  if (!twin.silent) return "";
  return absl::StrCat("stays Ready, its events up to ", FormatAge(twin.lag.worst), " late");
}

std::string WithoutModel(const Facts& facts) {
  if (!facts.outlook.breaks() || facts.outlook.not_ready) return "";
  return absl::StrCat("the kubelet goes NotReady in ", FormatAge(facts.outlook.to_not_ready));
}

// Whether a status hangs that no kubelet asks for yet.
bool IsLatent(const Facts& facts) {
  const auto& twins = facts.e.twins;
  return !facts.silent.empty() && !facts.lists_silent() &&
         std::any_of(twins.begin(), twins.end(),
                     [](const GenerationReport& twin) { return twin.report.latent_pods > 0; });
}

std::string Fates(const std::vector<GenerationReport>& twins) {
  if (twins.size() == 1) {
    const std::string fate = Fate(twins[0].report);
    return fate.empty() ? "" : absl::StrCat("the kubelet ", fate);
  }
  std::vector<std::string> fates;
  bool same = true;
  for (const GenerationReport& twin : twins) {
    const std::string fate = Fate(twin.report);
    same &= fate == Fate(twins[0].report);
    if (!fate.empty()) fates.push_back(absl::StrCat(Generation(twin), " ", fate));
  }
  if (fates.empty()) return "";
  return same ? absl::StrCat("a kubelet ", Fate(twins[0].report)) : absl::StrJoin(fates, "; ");
}

std::string NotReadyKubelets(const Facts& facts) {
  for (const GenerationReport& twin : facts.e.twins) {
    if (!twin.report.healthy) return absl::StrCat(Generation(twin), " is NotReady now");
  }
  return "";
}

// A call that has just begun is no forecast while nothing is wrong.
bool Matters(const Facts& facts, Severity worst) {
  return worst == Severity::kPage || facts.outlook.not_ready || facts.troubled();
}

std::string Headline(const Facts& facts, Severity worst, bool starting) {
  const std::vector<std::string> errors = NodeErrors(facts);
  const std::string why = absl::StrJoin(errors, ", ");
  if (!errors.empty() && ReadinessOf(facts) == Readiness::kNotReady) {
    return absl::StrCat("the node is NotReady: ", why);
  }
  if (!errors.empty()) return absl::StrCat(NotReadyKubelets(facts), ": ", why);
  if (const KubeletTrouble trouble = FindKubeletTrouble(facts); !trouble.what.empty()) {
    return absl::StrCat(
        trouble.over ? "the node is NotReady: " : "the node is or will be NotReady: ",
        trouble.what);
  }
  if (starting) return "it is too early to say whether PLEG is healthy";
  if (!facts.e.relist.last_good_ago.has_value()) {
    return absl::StrCat("no relist has succeeded since plegd started ",
                        FormatAge(facts.e.observed_for), " ago");
  }
  return facts.outlook.breaks() && Matters(facts, worst) ? "PLEG is still healthy"
                                                         : "PLEG is healthy";
}

}  // namespace

Readiness ReadinessOf(const Facts& facts) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  if (runtime.network_ready == false || runtime.runtime_ready == false) return Readiness::kNotReady;
  if (Differ(facts)) return Readiness::kUnknown;
  if (facts.outlook.not_ready || FindKubeletTrouble(facts).over) {
    return Readiness::kNotReady;
  }
  const bool seen = !runtime.endpoint.empty() && facts.e.relist.last_good_ago.has_value();
  return seen && FindKubeletTrouble(facts).what.empty() ? Readiness::kReady : Readiness::kUnknown;
}

std::string HeadlineOf(const Facts& facts, Severity worst, bool starting) {
  return Shorten(Printable(Headline(facts, worst, starting)), kMaxHeadline);
}

std::string ForecastOf(const Facts& facts, Severity worst) {
  if (!Matters(facts, worst) || FindKubeletTrouble(facts).over) return "";
  std::string forecast;
  if (facts.e.twins.empty()) {
    forecast = WithoutModel(facts);
  } else if (facts.outlook.breaks() || facts.outlook.any_silent) {
    // Else the real kubelet has passed what the model would wait for.
    forecast = Fates(facts.e.twins);
  }
  if (forecast.empty() && IsLatent(facts)) {
    forecast = "no harm until the pod that hangs changes, or the kubelet restarts";
  }
  return Shorten(Printable(forecast), kMaxHeadline);
}

}  // namespace pleg
