#include "cmd/plegctl/headline.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/text.h"
#include "cmd/plegctl/verdict_line.h"

namespace plegctl {
namespace {

using plegd::v1::KubeletTwin;
using plegd::v1::Relist;
using plegd::v1::UnansweredTarget;

// node-problem-detector keeps 80 bytes of what a plugin says.
constexpr size_t kBriefBytes = 80;
constexpr absl::string_view kProblemWord = "PROBLEM: ";

// What is silent, the calls that matter to everybody first.
struct Silence {
  const UnansweredTarget* list = nullptr;
  const UnansweredTarget* status = nullptr;
  size_t others = 0;
  absl::Duration longest = absl::ZeroDuration();

  bool any() const { return list != nullptr || status != nullptr; }
};

void Take(const UnansweredTarget& target, const UnansweredTarget*& oldest, size_t& others) {
  if (oldest != nullptr) ++others;
  if (oldest == nullptr || target.age_seconds() > oldest->age_seconds()) oldest = &target;
}

Silence FindSilence(const Snapshot& snapshot) {
  Silence silence;
  if (!snapshot.calls.has_value()) return silence;
  for (const UnansweredTarget& target : snapshot.calls->unanswered()) {
    const absl::Duration age = Seconds(target.age_seconds());
    if (age < kSilence) continue;
    size_t other_lists = 0;
    if (target.target().id().empty()) {
      Take(target, silence.list, other_lists);
    } else {
      Take(target, silence.status, silence.others);
    }
    silence.longest = std::max(silence.longest, age);
  }
  return silence;
}

std::string UnansweredFor(const UnansweredTarget& target) {
  return absl::StrCat("unanswered for ", HumanDuration(Seconds(target.age_seconds())));
}

std::string Cause(const Silence& silence, const Terminal& terminal) {
  std::string cause;
  if (silence.list != nullptr) {
    cause =
        absl::StrCat(Visible(silence.list->method(), terminal), " ", UnansweredFor(*silence.list));
  }
  if (silence.status == nullptr) return cause;
  absl::StrAppend(
      &cause, cause.empty() ? "" : ", ", Visible(silence.status->method(), terminal), " of ",
      TargetName(silence.status->target(), terminal), " ",
      silence.list == nullptr
          ? UnansweredFor(*silence.status)
          : absl::StrCat("for ", HumanDuration(Seconds(silence.status->age_seconds()))));
  if (silence.others > 0) absl::StrAppend(&cause, ", and ", silence.others, " more");
  return cause;
}

// The pod matters more than which of its containers.
std::string FitTarget(plegd::v1::CallTarget target, size_t width, const Terminal& terminal) {
  std::string name = TargetName(target, terminal);
  if (Width(name) <= width) return name;
  target.clear_container();
  return FitMiddle(TargetName(target, terminal), width, terminal);
}

// What hangs, without since when.
std::string Subject(const Silence& silence, const Terminal& terminal) {
  std::string subject;
  if (silence.list != nullptr) {
    subject = absl::StrCat(Visible(silence.list->method(), terminal), " unanswered");
  }
  if (silence.status == nullptr) return subject;
  const std::string target = TargetName(silence.status->target(), terminal);
  return subject.empty() ? absl::StrCat(target, ": ", Visible(silence.status->method(), terminal),
                                        " unanswered")
                         : absl::StrCat(subject, " with ", target);
}

// With the level before it, what hangs and the pod's name are within kBriefBytes.
std::string Brief(const Silence& silence, const Terminal& terminal) {
  const size_t room = kBriefBytes - kProblemWord.size();
  if (silence.list != nullptr) {
    std::string brief =
        absl::StrCat(Visible(silence.list->method(), terminal), " ", UnansweredFor(*silence.list));
    if (silence.status == nullptr) return brief;
    absl::StrAppend(&brief, " with ");
    const size_t left = room - std::min(room, brief.size());
    return absl::StrCat(brief,
                        FitTarget(silence.status->target(), std::max<size_t>(left, 1), terminal));
  }
  const std::string what = absl::StrCat(": ", Visible(silence.status->method(), terminal), " ",
                                        UnansweredFor(*silence.status));
  const size_t left = room - std::min(room - 1, what.size());
  return absl::StrCat(FitTarget(silence.status->target(), left, terminal), what,
                      silence.others > 0 ? absl::StrCat(", and ", silence.others, " more") : "");
}

// What a kubelet of one generation is in for; the worst first.
enum class Fate { kNotReady, kGoesNotReady, kSilent, kFine };

Fate FateOf(const KubeletTwin& twin) {
  if (!twin.healthy()) return Fate::kNotReady;
  if (twin.has_seconds_to_not_ready()) return Fate::kGoesNotReady;
  return twin.silent() ? Fate::kSilent : Fate::kFine;
}

std::string ByTurns(const KubeletTwin& twin) {
  if (!twin.has_flapping_period_seconds()) return "";
  return absl::StrCat(HumanDuration(Seconds(twin.flapping_unhealthy_seconds())), " of every ",
                      HumanDuration(Seconds(twin.flapping_period_seconds())));
}

std::string FateText(const KubeletTwin& twin) {
  const std::string turns = ByTurns(twin);
  switch (FateOf(twin)) {
    case Fate::kNotReady:
      return absl::StrCat("is NotReady now", turns.empty() ? "" : ", for ", turns);
    case Fate::kGoesNotReady:
      return absl::StrCat("goes NotReady ", twin.older_than_observed() ? "within " : "in ",
                          HumanDuration(Seconds(twin.seconds_to_not_ready())));
    case Fate::kSilent:
      return absl::StrCat("stays Ready, its events up to ",
                          HumanDuration(Seconds(twin.event_lag_worst_seconds())), " late");
    case Fate::kFine:
      return "";
  }
  return "";
}

// Whether that comes at the same time, as far as anybody could tell.
bool SameFate(const KubeletTwin& a, const KubeletTwin& b) {
  return FateOf(a) == FateOf(b) &&
         (FateOf(a) == Fate::kGoesNotReady
              ? std::abs(a.seconds_to_not_ready() - b.seconds_to_not_ready()) < 1
              : FateText(a) == FateText(b));
}

const KubeletTwin* Worst(const Snapshot& snapshot) {
  const KubeletTwin* worst = nullptr;
  if (!snapshot.node.has_value()) return worst;
  for (const KubeletTwin& twin : snapshot.node->twins()) {
    if (worst == nullptr || FateOf(twin) < FateOf(*worst) ||
        (FateOf(twin) == FateOf(*worst) &&
         twin.seconds_to_not_ready() < worst->seconds_to_not_ready())) {
      worst = &twin;
    }
  }
  return worst;
}

std::string Forecast(const Snapshot& snapshot, const KubeletTwin& worst, const Terminal& terminal) {
  if (FateOf(worst) == Fate::kFine) return "";
  const auto& twins = snapshot.node->twins();
  std::string who = absl::StrCat("a kubelet ", Visible(worst.generation(), terminal));
  if (twins.size() == 1) {
    who = "the kubelet";
  } else if (std::all_of(twins.begin(), twins.end(),
                         [&](const KubeletTwin& twin) { return SameFate(twin, worst); })) {
    who = "a kubelet";
  }
  return absl::StrCat(who, " ", FateText(worst));
}

uint32_t LatentPods(const Snapshot& snapshot) {
  uint32_t latent = 0;
  if (!snapshot.node.has_value()) return latent;
  for (const KubeletTwin& twin : snapshot.node->twins()) {
    latent = std::max(latent, twin.latent_pods());
  }
  return latent;
}

// The last relist that ended well; null without one.
const Relist* LastGood(const Snapshot& snapshot) {
  if (!snapshot.relists.has_value()) return nullptr;
  const auto& relists = snapshot.relists->relists();
  for (auto relist = relists.rbegin(); relist != relists.rend(); ++relist) {
    if (relist->error().empty()) return &*relist;
  }
  return nullptr;
}

// Why the last relist failed; empty if it did not.
std::string RelistError(const Snapshot& snapshot, const Terminal& terminal) {
  if (!snapshot.relists.has_value() || snapshot.relists->relists().empty()) return "";
  return Visible(snapshot.relists->relists().rbegin()->error(), terminal, 300);
}

absl::Duration SinceGood(const Snapshot& snapshot) {
  const Relist* good = LastGood(snapshot);
  if (good != nullptr && snapshot.relists->has_time()) {
    return std::max(ToTime(snapshot.relists->time()) - ToTime(good->started_at()),
                    absl::ZeroDuration());
  }
  return snapshot.node.has_value() ? Seconds(snapshot.node->uptime_seconds())
                                   : absl::ZeroDuration();
}

bool NoRuntime(const Snapshot& snapshot) {
  return snapshot.health.has_value() && snapshot.health->runtime_endpoint().empty();
}

// plegd has not finished a relist, and says so.
bool NoRelistYet(const Snapshot& snapshot) {
  return snapshot.health.has_value() && !snapshot.health->pleg_healthy() &&
         snapshot.relists.has_value() && LastGood(snapshot) == nullptr;
}

std::string Uptime(const Snapshot& snapshot) {
  return snapshot.node.has_value() ? HumanDuration(Seconds(snapshot.node->uptime_seconds())) : "?";
}

std::string Now(const Snapshot& snapshot, const Headline& headline, const KubeletTwin* worst) {
  if (NoRuntime(snapshot)) return "No container runtime found";
  if (NoRelistYet(snapshot)) {
    return absl::StrCat("No relist has succeeded since plegd started ", Uptime(snapshot), " ago");
  }
  if (!snapshot.health.has_value()) return "plegd does not tell its verdict";
  if (!snapshot.health->pleg_healthy()) return "PLEG is not healthy";
  if (!snapshot.health->node_ready()) return "Node is NotReady";
  // What the kubelet itself goes through outranks what plegd sees.
  if (worst != nullptr && !worst->healthy()) return "";
  return headline.level == Level::kOk ? "PLEG healthy" : "PLEG healthy now";
}

std::string AllIsWell(const Snapshot& snapshot) {
  const Relist* good = LastGood(snapshot);
  if (good == nullptr) return "every call is answered";
  return absl::StrCat("relisted ", HumanDuration(SinceGood(snapshot)), " ago in ",
                      HumanDuration(Seconds(good->total_seconds())), ", every call is answered");
}

// Why, when no call is silent.
std::string OtherCause(const Snapshot& snapshot, Fate fate, const Terminal& terminal) {
  if (NoRuntime(snapshot)) {
    return Visible(snapshot.health->runtime_endpoint_reason(), terminal, 300);
  }
  if (const std::string error = RelistError(snapshot, terminal); !error.empty()) {
    return absl::StrCat(error, " (no good relist for ", HumanDuration(SinceGood(snapshot)), ")");
  }
  const bool not_ready = snapshot.health.has_value() && !snapshot.health->node_ready();
  if (not_ready && !snapshot.health->node_ready_message().empty()) {
    return Visible(snapshot.health->node_ready_message(), terminal, 300);
  }
  if (fate != Fate::kFine && snapshot.node.has_value()) {
    return absl::StrCat("inspecting the pods that changed takes a kubelet ",
                        HumanDuration(Seconds(snapshot.node->predicted_status_phase_seconds())));
  }
  return "";
}

// The same without any age.
std::string OtherSubject(const Snapshot& snapshot, const Headline& headline,
                         const Terminal& terminal) {
  if (NoRuntime(snapshot)) return headline.now;
  if (const std::string error = RelistError(snapshot, terminal); !error.empty()) {
    return absl::StrCat("relists fail: ", error);
  }
  if (NoRelistYet(snapshot)) return "no relist has succeeded since plegd started";
  if (snapshot.health.has_value() && !snapshot.health->node_ready()) return "Node is NotReady";
  if (!snapshot.missing.empty()) return headline.cause;
  return headline.forecast.empty() ? headline.now
                                   : "inspecting the pods that changed takes a kubelet too long";
}

absl::string_view LevelWord(Level level) {
  switch (level) {
    case Level::kOk:
    case Level::kNotice:
      return "OK: ";
    case Level::kProblem:
      return kProblemWord;
    case Level::kUnknown:
      return "UNKNOWN: ";
  }
  return "";
}

bool IsNotReady(const Snapshot& snapshot, const KubeletTwin* worst) {
  return (snapshot.health.has_value() &&
          (!snapshot.health->pleg_healthy() || !snapshot.health->node_ready())) ||
         (worst != nullptr && !worst->healthy());
}

Level Grade(const Snapshot& snapshot, const Silence& silence, const KubeletTwin* worst,
            absl::Duration patience, const Terminal& terminal) {
  const Fate fate = worst == nullptr ? Fate::kFine : FateOf(*worst);
  const absl::Duration period = snapshot.node.has_value()
                                    ? Seconds(snapshot.node->limits().relist_period_seconds())
                                    : absl::ZeroDuration();
  const absl::Duration silent_for = std::max(silence.longest, SinceGood(snapshot) - period);
  if (NoRuntime(snapshot) || NoRelistYet(snapshot)) {
    return silent_for >= patience ? Level::kProblem : Level::kUnknown;
  }
  if (!snapshot.health.has_value() || !snapshot.calls.has_value()) {
    return silence.longest >= patience ? Level::kProblem : Level::kUnknown;
  }
  if (IsNotReady(snapshot, worst) || silent_for >= patience) return Level::kProblem;
  if (fate == Fate::kGoesNotReady && Seconds(worst->seconds_to_not_ready()) < kSoon) {
    return Level::kProblem;
  }
  // Not silence, which may pass: the node is too slow for a kubelet.
  const bool failing = !RelistError(snapshot, terminal).empty();
  if (fate != Fate::kFine && !silence.any() && !failing) return Level::kProblem;
  return silence.any() || failing || fate != Fate::kFine ? Level::kNotice : Level::kOk;
}

}  // namespace

std::string TargetName(const plegd::v1::CallTarget& target, const Terminal& terminal) {
  if (target.pod_name().empty()) return ShortId(target.id(), terminal);
  std::string name = absl::StrCat(Visible(target.pod_namespace(), terminal, 63), "/",
                                  Visible(target.pod_name(), terminal, 253));
  if (!target.container().empty()) {
    absl::StrAppend(&name, " (", Visible(target.container(), terminal, 63), ")");
  }
  return name;
}

Headline Judge(const Snapshot& snapshot, absl::Duration patience, const Terminal& terminal) {
  const Silence silence = FindSilence(snapshot);
  const KubeletTwin* worst = Worst(snapshot);
  Headline headline;
  headline.level = Grade(snapshot, silence, worst, patience, terminal);
  headline.now = Now(snapshot, headline, worst);
  if (worst != nullptr) headline.forecast = Forecast(snapshot, *worst, terminal);
  if (headline.level == Level::kOk) {
    headline.cause = headline.brief = AllIsWell(snapshot);
    headline.subject = "every call is answered";
    ApplyVerdict(snapshot, patience, terminal, headline);
    return headline;
  }
  if (silence.any()) {
    headline.cause = Cause(silence, terminal);
    headline.brief = Brief(silence, terminal);
    headline.subject = Subject(silence, terminal);
  } else {
    headline.cause =
        OtherCause(snapshot, worst == nullptr ? Fate::kFine : FateOf(*worst), terminal);
    // Without a cause it matters what plegd did not tell.
    if (headline.cause.empty() && !snapshot.missing.empty()) {
      headline.cause = absl::StrCat(snapshot.missing[0].call, ": ",
                                    Visible(snapshot.missing[0].reason, terminal, 200));
    }
    headline.brief = headline.cause;
    headline.subject = OtherSubject(snapshot, headline, terminal);
  }
  if (headline.forecast.empty() && silence.status != nullptr && silence.list == nullptr &&
      LatentPods(snapshot) > 0) {
    headline.forecast = "no harm until it changes or the kubelet restarts";
  }
  ApplyVerdict(snapshot, patience, terminal, headline);
  return headline;
}

std::string Sentence(const Headline& headline) {
  std::string sentence = headline.now;
  if (!headline.forecast.empty()) {
    absl::StrAppend(&sentence, sentence.empty() ? "" : "; ", headline.forecast);
  }
  if (!headline.cause.empty()) absl::StrAppend(&sentence, ": ", headline.cause);
  if (absl::StartsWith(sentence, "a ") || absl::StartsWith(sentence, "the ")) {
    sentence[0] = absl::ascii_toupper(static_cast<unsigned char>(sentence[0]));
  }
  return sentence;
}

std::string CheckLine(const Headline& headline) {
  std::string line = absl::StrCat(LevelWord(headline.level), headline.brief);
  if (headline.brief.empty()) absl::StrAppend(&line, headline.now);
  if (!headline.forecast.empty()) absl::StrAppend(&line, "; ", headline.forecast);
  if (headline.level != Level::kOk && !headline.brief.empty() && !headline.now.empty()) {
    absl::StrAppend(&line, "; ", headline.now);
  }
  if (!headline.page.empty()) absl::StrAppend(&line, "; see ", headline.page);
  return line;
}

std::string StableCheckLine(const Headline& headline) {
  return absl::StrCat(LevelWord(headline.level), headline.subject);
}

int CheckExitCode(Level level) {
  switch (level) {
    case Level::kOk:
    case Level::kNotice:
      return 0;
    case Level::kProblem:
      return 1;
    case Level::kUnknown:
      return 2;
  }
  return 2;
}

}  // namespace plegctl
