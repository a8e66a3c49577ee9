// Calls without an answer, while the runtime as a whole answers.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/owner.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/since.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

using Silent = std::vector<const UnansweredEvidence*>;

constexpr size_t kCulprits = 20;
constexpr size_t kFew = 3;
constexpr absl::string_view kFindOci = "ps -eo pid,etimes,stat,args | grep -E '[r]unc|[c]run'";
constexpr absl::Duration kSlowAnswer = absl::Milliseconds(200);

Silent Where(const Facts& facts, const Silent& calls, bool pending) {
  Silent result;
  for (const UnansweredEvidence* call : calls) {
    // plegd has every pod to inspect when it has just started, the kubelet has not.
    const bool waited_for = call->pod_pending && !facts.KubeletPasses(*call);
    // If nothing was answered since, or no such call, it is the runtime and not this object.
    const bool others_answer =
        facts.AnsweredWithin(call->age) != nullptr && !MuteFor(facts, call->method).has_value();
    if (waited_for == pending && others_answer) {
      result.push_back(call);
    }
  }
  return result;
}

std::string CallText(const UnansweredEvidence& call) {
  return absl::StrCat(call.method, " of ", ObjectName(call.object), " unanswered for ",
                      FormatAge(call.age), ", ", call.attempts,
                      call.attempts == 1 ? " attempt" : " attempts",
                      call.object.image.empty() ? "" : absl::StrCat(", image ", call.object.image));
}

void Blame(const Silent& calls, Draft& draft) {
  for (size_t i = 0; i < calls.size() && i < kCulprits; ++i) {
    if (i < kFew) draft.For(CallText(*calls[i]));
    draft.Blame(calls[i]->object);
  }
}

std::string AndMore(size_t count) {
  return count > 1 ? absl::StrCat(" and ", count - 1, " more") : "";
}

void OthersAnswer(const Facts& facts, absl::Duration age, Draft& draft) {
  if (const MethodEvidence* method = facts.AnsweredWithin(age)) {
    draft.For(absl::StrCat(method->method,
                           " is answered meanwhile: ", FormatAge(*method->answered_ago),
                           " ago, in ", FormatLatency(method->last_duration)));
  }
}

// Who holds it, and everything there is to do about it.
void ActOn(const Facts& facts, const Owner& owner, const ObjectRef& object, Draft& draft) {
  draft.For(owner.detail);
  // To look is first, to keep what a cure destroys is second.
  for (size_t i = 0; i < owner.actions.size(); ++i) {
    draft.Do(owner.actions[i]);
    if (i == 0) KeepGoroutines(facts, draft);
  }
  if (!owner.found() && facts.host == nullptr) {
    draft.Against("the host could not be looked at: who holds it is not known");
  }
  if (owner.actions.empty()) {
    FindByHand(object, draft);
    KeepGoroutines(facts, draft);
  }
  // What is stopped or frozen has a cure, and no restart is one.
  if (!owner.certain) RestartRuntime(facts, draft);
}

std::string AdviceOf(const Owner& owner, absl::string_view otherwise) {
  return owner.advice.empty() ? std::string(otherwise) : owner.advice;
}

// A kubelet that is restarted asks for the status of everything.
std::string FreeIt(const Owner& owner) {
  return absl::StrCat("Do not restart the kubelet. ",
                      AdviceOf(owner, "Free its runc or shim first"));
}

std::string HeldBy(const Owner& owner) {
  return owner.found() ? absl::StrCat(": ", Shorten(owner.text, 60)) : "";
}

// A node that starves explains no process that is stopped, and no object that is silent alone; but
// with a disk that starves, one write may hold the lock that all wait for.
Basis BasisOf(const Facts& facts, const Owner& owner) {
  const bool alone = facts.selective && facts.io != Facts::Strain::kSevere;
  return owner.certain || alone ? Basis::kSeen : Basis::kTiming;
}

std::optional<Ranked> Stuck(const Facts& facts, VerdictCode code, const Silent& calls,
                            absl::string_view call_name) {
  if (calls.empty()) return std::nullopt;
  const UnansweredEvidence& worst = *calls.front();
  const Owner owner = FindOwner(facts, worst.object);
  const Since since = SinceCall(facts, worst, owner);
  Draft draft(code, facts.outlook.breaks() ? Tier::kBlocksPleg : Tier::kHurtsPods,
              calls.size() <= kFew ? Confidence::kHigh : Confidence::kMedium);
  draft.RestsOn(BasisOf(facts, owner))
      .Since(since.age)
      .Say(absl::StrCat(call_name, " of ", ObjectName(worst.object), AndMore(calls.size()),
                        " unanswered ", since.text, HeldBy(owner)),
           facts.outlook.text,
           AdviceOf(owner, "Find its runc or shim and free it; do not restart the kubelet"));
  Blame(calls, draft);
  OthersAnswer(facts, worst.age, draft);
  if (calls.size() > kFew) {
    draft.Against(absl::StrCat(calls.size(), " do not answer: what they share may be to blame"));
  }
  ActOn(facts, owner, worst.object, draft);
  return draft.Done();
}

// Silent statuses that cost the kubelet something, oldest first.
Silent PendingStatuses(const Facts& facts) {
  Silent calls = Where(facts, facts.silent_containers, true);
  const Silent sandboxes = Where(facts, facts.silent_sandboxes, true);
  calls.insert(calls.end(), sandboxes.begin(), sandboxes.end());
  std::stable_sort(calls.begin(), calls.end(),
                   [](const auto* a, const auto* b) { return a->age > b->age; });
  return calls;
}

// The model of the kubelet takes a call for silent after a second, which alone is no finding.
bool AnswersAreSlow(const Facts& facts) {
  if (facts.e.predicted_status_phase >= kSilentLag && facts.e.counts.pods_pending >= kCrowd) {
    return true;
  }
  return std::any_of(
      facts.e.methods.begin(), facts.e.methods.end(), [](const MethodEvidence& method) {
        return method.median_recent.has_value() && *method.median_recent >= kSlowAnswer;
      });
}

void TellSlow(const Facts& facts, const std::string& late, Draft& draft) {
  const bool silent = facts.outlook.any_silent;
  draft.Say(silent ? absl::StrCat(late, ": answers are slow")
                   : absl::StrCat("Every call takes at least ", WholeNumber(facts.slowdown),
                                  " times what it usually does, no single object is stuck"),
            silent ? "no single object is stuck" : facts.outlook.text,
            "See the slowest method below, and the node's disk and CPU");
  for (const MethodEvidence& method : facts.e.methods) {
    if (!method.median_recent.has_value()) continue;
    if (*method.median_recent < kSlowAnswer) continue;
    draft.For(absl::StrCat(method.method, " takes ", FormatLatency(*method.median_recent),
                           method.median_hour.has_value()
                               ? absl::StrCat(", usually ", FormatLatency(*method.median_hour))
                               : ""));
  }
  draft.Do("See what the node waits for",
           "head /proc/pressure/io /proc/pressure/cpu /proc/pressure/memory");
}

// Before the sweep has met the container: a runc that works on one for long. While it holds the
// lock no list succeeds: what is older than the last one that did holds none.
const ProcessEvidence* Suspect(const Facts& facts) {
  if (facts.host == nullptr) return nullptr;
  const absl::Duration last_good = facts.e.relist.last_good_ago.value_or(absl::InfiniteDuration());
  for (const ProcessEvidence& process : facts.host->oci_processes) {
    if (MayHoldLock(process) && !process.container_id.empty() &&
        process.age <= last_good + kSilentAfter) {
      return &process;
    }
  }
  return nullptr;
}

struct Convoy {
  ObjectRef culprit;
  Owner owner;
  bool named = false;
};

Convoy FindConvoy(const Facts& facts) {
  Convoy convoy;
  if (!facts.silent_containers.empty()) {
    convoy.culprit = facts.silent_containers.front()->object;
    convoy.owner = FindOwner(facts, convoy.culprit);
    convoy.named = true;
  } else if (const ProcessEvidence* suspect = Suspect(facts)) {
    convoy.culprit.id = suspect->container_id;
    convoy.owner = StuckProcess(facts, *suspect);
  }
  return convoy;
}

std::string ConvoyText(const Facts& facts, const Convoy& convoy, const Since& since) {
  const std::string blocked = absl::StrCat("ListContainers has been blocked ", since.text);
  if (convoy.culprit.id.empty()) {
    return absl::StrCat(blocked, " by the lock of one container, not found yet");
  }
  return absl::StrCat(blocked, " by the lock of ", ObjectName(convoy.culprit),
                      AndMore(facts.silent_containers.size()), HeldBy(convoy.owner));
}

// The kubelet's list waits for the same lock, since when plegd has seen it and before.
std::string ConvoyMeaning(const Facts& facts, const Since& since) {
  return since.age > facts.e.relist.threshold ? "node is NotReady" : facts.outlook.text;
}

Confidence ConvoyConfidence(const Facts& facts, const Convoy& convoy) {
  const bool containerd = facts.runtime.kind == RuntimeKind::kContainerd;
  if (containerd && convoy.named) return Confidence::kHigh;
  return containerd || convoy.named ? Confidence::kMedium : Confidence::kLow;
}

}  // namespace

std::optional<Ranked> ListLockConvoy(const Facts& facts) {
  const bool list_alone = facts.silent_container_list != nullptr &&
                          facts.silent_sandbox_list == nullptr && facts.silent_probe == nullptr;
  if (!list_alone || facts.runtime.kind == RuntimeKind::kCrio ||
      facts.runtime.kind == RuntimeKind::kCriDockerd) {
    return std::nullopt;
  }
  const absl::Duration age = facts.silent_container_list->age;
  const bool others_answer = facts.AnsweredWithin(age) != nullptr;
  const Convoy convoy = FindConvoy(facts);
  const bool other = facts.runtime.kind == RuntimeKind::kOther;
  if (!others_answer || (other && !convoy.named)) return std::nullopt;
  const bool known = !convoy.culprit.id.empty();
  Draft draft(VerdictCode::kListLockConvoy, Tier::kBlocksPleg, ConvoyConfidence(facts, convoy));
  const Since since = SinceCall(facts, *facts.silent_container_list, convoy.owner);
  draft.RestsOn(BasisOf(facts, convoy.owner))
      .Since(since.age)
      .Say(ConvoyText(facts, convoy, since), ConvoyMeaning(facts, since),
           AdviceOf(convoy.owner, known ? std::string("End its runc or shim, not the runtime")
                                        : absl::StrCat("Look for an old runc: ", kFindOci)));
  draft.For(
      absl::StrCat("ListContainers unanswered for ", FormatAge(age), "; ListPodSandbox is not"));
  Blame(facts.silent_containers, draft);
  if (known && !convoy.named) draft.Blame(convoy.culprit);
  OthersAnswer(facts, age, draft);
  if (facts.silent_containers.size() > kFew) {
    draft.Doubt(absl::StrCat(facts.silent_containers.size(),
                             " containers do not answer, a convoy has one: what do they share?"));
  }
  if (!convoy.named) draft.Against("no ContainerStatus is known to be silent yet");
  if (other) draft.Against("this runtime is not known to lock its list by container");
  if (facts.io != Facts::Strain::kNone) {
    draft.For(
        "the disk is saturated, and containerd syncs a container's state to it under the lock");
  }
  if (!known) draft.Do("See which runc or crun is old", std::string(kFindOci));
  ActOn(facts, convoy.owner, convoy.culprit, draft);
  return draft.Done();
}

std::optional<Ranked> ContainerStuck(const Facts& facts) {
  // With the list blocked, a container's lock is a convoy.
  const bool convoy = facts.lists_silent() && facts.runtime.kind != RuntimeKind::kCrio;
  if (convoy) return std::nullopt;
  return Stuck(facts, VerdictCode::kContainerStuck, Where(facts, facts.silent_containers, true),
               "ContainerStatus");
}

std::optional<Ranked> SandboxStuck(const Facts& facts) {
  Silent calls = Where(facts, facts.silent_sandboxes, true);
  if (calls.empty() && facts.silent_sandbox_list != nullptr) {
    calls = Where(facts, facts.silent_sandboxes, false);
  }
  return Stuck(facts, VerdictCode::kSandboxStuck, calls, "PodSandboxStatus");
}

namespace {

// Of two generations of kubelets one may stay Ready and the other not. Empty if all do.
std::string WhoseNodeBreaks(const Facts& facts) {
  for (const GenerationReport& twin : facts.e.twins) {
    const bool stays = twin.report.healthy && twin.report.to_not_ready == absl::InfiniteDuration();
    if (stays) continue;
    return absl::StrCat("a kubelet ", KubeletGenerationName(twin.generation),
                        " does not stay Ready");
  }
  return "";
}

}  // namespace

std::optional<Ranked> SilentLag(const Facts& facts) {
  const Silent calls = PendingStatuses(facts);
  const bool all_slow = calls.empty() && facts.slowdown >= kSlowdown;
  if (facts.lists_silent() || !(facts.outlook.any_silent || all_slow)) return std::nullopt;
  if (calls.empty() && !all_slow && (facts.crowd || !AnswersAreSlow(facts))) return std::nullopt;
  Draft draft(VerdictCode::kLagsSilently,
              all_slow && facts.outlook.breaks() ? Tier::kBlocksPleg : Tier::kHurtsPods,
              facts.outlook.all_silent ? Confidence::kHigh : Confidence::kMedium);
  const std::string late =
      absl::StrCat(WhoseNodeBreaks(facts).empty() ? "The node stays Ready, but events" : "Events",
                   " of all pods are up to ", FormatAge(facts.outlook.lag), " late");
  draft.RestsOn(Basis::kTiming);
  if (!calls.empty()) {
    const UnansweredEvidence& worst = *calls.front();
    const Owner owner = FindOwner(facts, worst.object);
    draft.RestsOn(BasisOf(facts, owner))
        .Since(SinceCall(facts, worst, owner).age)
        .Say(absl::StrCat(late, ": the kubelet waits for the status of ", ObjectName(worst.object),
                          HeldBy(owner)),
             WhoseNodeBreaks(facts), FreeIt(owner));
    Blame(calls, draft);
    ActOn(facts, owner, worst.object, draft);
  } else {
    TellSlow(facts, late, draft);
  }
  for (const GenerationReport& twin : facts.e.twins) {
    const std::string line =
        absl::StrCat("a kubelet ", KubeletGenerationName(twin.generation),
                     twin.report.silent ? " stays Ready, events are up to "
                                        : " does not stay Ready, events are up to ",
                     FormatAge(twin.report.lag.worst), " late");
    twin.report.silent ? draft.For(line) : draft.Against(line);
  }
  return draft.Done();
}

std::optional<Ranked> LatentHang(const Facts& facts) {
  if (facts.lists_silent()) return std::nullopt;
  Silent calls = Where(facts, facts.silent_containers, false);
  const Silent sandboxes = Where(facts, facts.silent_sandboxes, false);
  calls.insert(calls.end(), sandboxes.begin(), sandboxes.end());
  if (calls.empty()) return std::nullopt;
  const UnansweredEvidence& worst = *calls.front();
  const Owner owner = FindOwner(facts, worst.object);
  const Since since = SinceCall(facts, worst, owner);
  Draft draft(VerdictCode::kLatentHang, Tier::kThreatens, Confidence::kHigh);
  draft.RestsOn(BasisOf(facts, owner))
      .Since(since.age)
      .Say(absl::StrCat("The status of ", ObjectName(worst.object), AndMore(calls.size()),
                        " has hung ", since.text, HeldBy(owner)),
           "harmless until it changes or the kubelet restarts", FreeIt(owner));
  Blame(calls, draft);
  draft.For(facts.KubeletPasses(worst)
                ? absl::StrCat("the kubelet has relisted since: ",
                               FormatAge(*facts.e.kubelet->last_seen_ago), " ago, in ",
                               FormatLatency(*facts.e.kubelet->relist_mean))
                : "its pod has no change that the kubelet would have to inspect");
  OthersAnswer(facts, worst.age, draft);
  const absl::Duration cost = facts.outlook.restart_cost;
  if (cost > absl::ZeroDuration()) {
    draft.For(absl::StrCat("the first relist of a kubelet restarted now takes ",
                           cost == absl::InfiniteDuration() ? "forever" : FormatAge(cost)));
  }
  ActOn(facts, owner, worst.object, draft);
  return draft.Done();
}

}  // namespace pleg
