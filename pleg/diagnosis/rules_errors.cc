// A runtime that answers, and what it answers is no use.

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/since.h"
#include "pleg/diagnosis/text.h"
#include "pleg/utf8.h"

namespace pleg {
namespace {

// A plugin that fails to load (a snapshotter, its configuration) leaves containerd running without.
void LookAtPlugins(const Facts& facts, Draft& draft) {
  const std::string log = facts.runtime.unit.Log();
  const std::string socket =
      ShellWord(absl::StrReplaceAll(facts.e.runtime.endpoint, {{"unix://", ""}}));
  if (!log.empty()) {
    draft.Do("See whether the CRI plugin failed to load, and why",
             absl::StrCat(log, " --no-pager | grep -i 'failed to load plugin' | tail"));
  }
  if (!socket.empty()) {
    draft.Do("See the state of its plugins",
             absl::StrCat("ctr -a ", socket, " plugins ls | grep cri"));
  }
  draft.Do("See whether the CRI plugin is disabled (Docker's package does that)",
           "grep -n disabled_plugins /etc/containerd/config.toml");
}

}  // namespace

std::optional<Ranked> CriUnsupported(const Facts& facts) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  if (!runtime.unsupported) return std::nullopt;
  const bool containerd = facts.runtime.kind == RuntimeKind::kContainerd;
  Draft draft(VerdictCode::kCriUnsupported, Tier::kBlocksPleg, Confidence::kHigh);
  draft.Since(runtime.connection_for)
      .Say(absl::StrCat(facts.runtime.title, " at ", Shorten(Printable(runtime.endpoint), 60),
                        " answers, but does not offer CRI v1"),
           "no kubelet can use it",
           absl::StrCat(containerd ? "See whether its CRI plugin failed to load or is disabled, or "
                                   : "Update it, or ",
                        "give plegd the kubelet's own endpoint"))
      .For(absl::StrCat("it answers UNIMPLEMENTED: ", runtime.unsupported_text));
  if (containerd) LookAtPlugins(facts, draft);
  draft.Do("See which endpoint the kubelet uses",
           "ps -o args= -C kubelet | tr ' ' '\\n' | grep endpoint; grep -si endpoint "
           "/var/lib/kubelet/kubeadm-flags.env /var/lib/kubelet/config.yaml");
  return draft.Done();
}

namespace {

constexpr size_t kCulprits = 20;
constexpr size_t kFew = 3;
// Objects that fail, and none of them is answered well: the method does.
constexpr int64_t kMany = 4;
constexpr absl::Duration kTold = absl::Seconds(1);  // what a relist loses, from there on
constexpr size_t kLeastQuote = 40;
constexpr size_t kMostQuote = 120;
constexpr size_t kLongQuote = 280;

std::string Quote(absl::string_view text, size_t bytes) {
  return text.empty() ? "" : absl::StrCat(": ", Abridge(Printable(text), bytes));
}

// What the runtime says is given the room that the rest of the sentence leaves. Of the ways to end
// it, best first, the first that leaves enough is taken.
struct Ending {
  std::string meaning;
  std::string advice;
};

void SayQuoting(absl::string_view what, absl::string_view text, const std::vector<Ending>& endings,
                Draft& draft) {
  const size_t least = text.empty() ? 0 : 2 + std::min(text.size(), kLeastQuote);
  const Ending* ending = nullptr;
  size_t used = 0;
  for (const Ending& candidate : endings) {
    ending = &candidate;
    used = what.size() + 2 + candidate.meaning.size() + 2 + candidate.advice.size() + 1;
    if (used + least <= kMaxSentence) break;
  }
  const size_t room = used + 2 < kMaxSentence ? kMaxSentence - used - 2 : 0;
  draft.Say(absl::StrCat(what, Quote(text, std::clamp(room, kLeastQuote, kMostQuote))),
            ending->meaning, ending->advice);
}

std::vector<Ending> Endings(const Facts& facts, const std::string& meaning,
                            const std::string& advice) {
  return {{meaning, LogSays(facts, advice)}, {meaning, advice}};
}

std::string Times(uint32_t in_a_row) {
  return in_a_row > 1 ? absl::StrCat(", ", in_a_row, " times in a row") : "";
}

// Of an answer that comes late, to a second: it is about as late each time.
std::string Took(absl::Duration duration) {
  if (duration < kLateAnswer) return FormatLatency(duration);
  return FormatAge(absl::Floor(duration + absl::Milliseconds(500), absl::Seconds(1)));
}

std::string Code(absl::string_view code) { return Shorten(Printable(code), 24); }

// Beside these codes there are verdicts that say more.
bool IsOther(absl::string_view code) {
  static constexpr absl::string_view kOthers[] = {"RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "OK"};
  return std::count(std::begin(kOthers), std::end(kOthers), code) > 0;
}

// Of a list or Status: the one that has failed longest.
const MethodEvidence* FailingMethod(const Facts& facts) {
  const MethodEvidence* failing = nullptr;
  for (const MethodEvidence& method : facts.e.methods) {
    if (!method.is_list() && method.method != "Status") continue;
    if (!Fails(method) || !method.failing->of_runtime() || IsOther(method.failing->code)) continue;
    if (failing == nullptr || method.failing->since > failing->failing->since) failing = &method;
  }
  return failing;
}

// Of the same, the one that failed last among those that fail now and then.
const MethodEvidence* FlickeringMethod(const Facts& facts) {
  const MethodEvidence* last = nullptr;
  for (const MethodEvidence& method : facts.e.methods) {
    if (!method.is_list() && method.method != "Status") continue;
    if (!FailsNowAndThen(facts, method) || !method.last_error.has_value()) continue;
    if (IsOther(method.last_error->code)) continue;
    if (last == nullptr || method.last_error->ago < last->last_error->ago) last = &method;
  }
  return last;
}

bool IsNotFound(const FailingEvidence& row) { return row.code == "NOT_FOUND"; }

// A kubelet whose relists end sooner does not ask for it.
bool KubeletAsks(const Facts& facts, const FailingEvidence& row) {
  const auto& kubelet = facts.e.kubelet;
  const bool quicker = kubelet.has_value() && !kubelet->evented && !kubelet->never_relisted &&
                       kubelet->relist_mean.has_value() && *kubelet->relist_mean < row.duration;
  return row.pod_pending && !(quicker && row.duration >= kTold);
}

// What a relist of the kubelet loses by those that it asks for, one call of each pod: the first
// that fails ends the inspection.
absl::Duration Loss(const Facts& facts) {
  absl::flat_hash_map<PodUid, absl::Duration> of_pods;
  for (const FailingEvidence* row : facts.failing) {
    if (!KubeletAsks(facts, *row)) continue;
    absl::Duration& longest = of_pods[row->object.pod_uid];
    longest = std::max(longest, row->duration);
  }
  absl::Duration sum;
  for (const auto& [uid, duration] : of_pods) sum += duration;
  return sum;
}

bool MayBeOf(const Facts& facts, KubeletGeneration generation) {
  return facts.e.twins.empty() ||
         std::any_of(facts.e.twins.begin(), facts.e.twins.end(),
                     [=](const auto& twin) { return twin.generation == generation; });
}

// "each relist of the kubelet takes 9s longer (up to 1.31: 18s)"; empty if that is nothing.
std::string LossText(const Facts& facts) {
  const absl::Duration loss = Loss(facts);
  if (loss < kTold) return "";
  const bool once = MayBeOf(facts, KubeletGeneration::kOnce);
  const bool twice = MayBeOf(facts, KubeletGeneration::kTwice);
  return absl::StrCat("each relist of the kubelet takes ", Took(once ? loss : 2 * loss), " longer",
                      once && twice ? absl::StrCat(" (up to 1.31: ", Took(2 * loss), ")") : "");
}

// How many objects fail, if there are many and no answer of the method was good since, whatever was
// asked for; else 0.
int64_t WholeMethod(const Facts& facts, const FailingEvidence& worst) {
  const MethodEvidence* method = facts.Method(worst.method);
  const bool all =
      method != nullptr && method->failing.has_value() && method->failing->since >= kFailsAfter;
  const auto same = std::count_if(facts.failing.begin(), facts.failing.end(),
                                  [&](const auto* row) { return row->method == worst.method; });
  return all && same >= kMany ? same : 0;
}

std::string Whose(const Facts& facts, const FailingEvidence& worst) {
  const std::string name = ObjectName(worst.object);
  const std::string method = Shorten(Printable(worst.method), 24);
  const size_t others = facts.failing.size() - 1;
  if (const int64_t objects = WholeMethod(facts, worst)) {
    return absl::StrCat("every ", method, " (of ", objects, " objects, such as ", name, ")");
  }
  return absl::StrCat(method, " of ", name,
                      others > 0 ? absl::StrCat(" and ", others, " more") : "");
}

std::string EventsText(const Facts& facts, bool asked) {
  const bool several = facts.failing.size() > 1;
  if (IsNotFound(*facts.failing.front())) {
    return several ? "a kubelet takes them for gone, and may make them a second time"
                   : "a kubelet takes it for gone, and may make it a second time";
  }
  const std::string events =
      several ? "none of their pods' events comes" : "none of its pod's events comes";
  return asked ? events : absl::StrCat("once it changes, ", events);
}

// What follows, and the same in less words.
std::vector<Ending> StatusEndings(const Facts& facts) {
  const std::string advice = "Its log may say why";
  const bool asked = std::any_of(facts.failing.begin(), facts.failing.end(),
                                 [&](const auto* row) { return KubeletAsks(facts, *row); });
  if (facts.outlook.breaks() && asked) return Endings(facts, facts.outlook.text, advice);
  const std::string events = EventsText(facts, asked);
  const std::string loss = LossText(facts);
  if (loss.empty()) return Endings(facts, events, advice);
  const std::string both = absl::StrCat(events, ", and ", loss);
  return {{both, LogSays(facts, advice)}, {both, advice}, {loss, advice}};
}

// Each object that fails, and what follows: beside whatever else fails.
void TellStatuses(const Facts& facts, Draft& draft) {
  for (size_t i = 0; i < facts.failing.size() && i < kCulprits; ++i) {
    const FailingEvidence& row = *facts.failing[i];
    draft.Blame(row.object);
    if (i >= kFew) continue;
    draft.For(absl::StrCat(
        row.method, " of ", ObjectName(row.object), " ends with ", Code(row.code), " after ",
        Took(row.duration), Times(row.in_a_row), ", ", SinceSeen(facts, row.since).text,
        row.object.image.empty() ? "" : absl::StrCat(", image ", row.object.image),
        Quote(row.text, kLongQuote)));
  }
  if (std::none_of(facts.failing.begin(), facts.failing.end(),
                   [&](const auto* row) { return KubeletAsks(facts, *row); })) {
    return;
  }
  draft.For(
      "the kubelet keeps the old status of such a pod, in which it may be Terminating or "
      "ContainerCreating, and asks again in each relist");
  draft.For(LossText(facts));
}

// Where its pod may go, its record may, too; unless none is to blame.
void ActOnObject(const Facts& facts, const FailingEvidence& row, Draft& draft) {
  const std::string id = IdWord(row.object.id);
  if (id.empty()) return;
  const bool sandbox = row.object.container.empty();
  const std::string start = ShellWord(row.object.id.value().substr(0, 13));
  if (!facts.runtime.unit.Log().empty()) {
    draft.Do("See what the runtime's log says of this object",
             absl::StrCat(facts.runtime.unit.Log(), " --no-pager | grep ", start, " | tail"));
  }
  draft.Do("Ask for it as the kubelet does",
           Crictl(facts, absl::StrCat(sandbox ? "inspectp " : "inspect ", id)));
  if (WholeMethod(facts, row) > 0) return;
  draft.DoDisruptive(absl::StrCat("If its pod is to go, or may be made anew: remove the ",
                                  sandbox ? "sandbox with its containers" : "container"),
                     Crictl(facts, absl::StrCat(sandbox ? "rmp -f " : "rm -f ", id)));
}

void SayStatuses(const Facts& facts, Draft& draft) {
  const FailingEvidence& worst = *facts.failing.front();
  draft.Since(worst.since);
  SayQuoting(
      absl::StrCat(facts.runtime.title, " has failed ", Whose(facts, worst), " with ",
                   Code(worst.code),
                   worst.duration >= kTold ? absl::StrCat(" after ", Took(worst.duration)) : "",
                   WholeMethod(facts, worst) > 0 ? "" : Times(worst.in_a_row), " ",
                   SinceSeen(facts, worst.since).text),
      worst.text, StatusEndings(facts), draft);
}

void SayMethod(const Facts& facts, const MethodEvidence& method, Draft& draft) {
  const auto& failure = *method.failing;
  draft.Since(failure.since);
  SayQuoting(absl::StrCat(facts.runtime.title, " has failed ", method.method, " with ",
                          Code(failure.code), " ", SinceSeen(facts, failure.since).text),
             failure.text, Endings(facts, facts.outlook.text, "Its log names the object"), draft);
}

void TellMethod(const MethodEvidence& method, Draft& draft) {
  draft.For(absl::StrCat(method.method, ": ", Code(method.failing->code),
                         Times(method.failing->in_a_row), Quote(method.failing->text, kLongQuote)));
}

void SayFlickering(const Facts& facts, const MethodEvidence& method, Draft& draft) {
  const auto& error = *method.last_error;
  draft.Since(error.ago);
  SayQuoting(absl::StrCat(facts.runtime.title, " fails ", method.method, " now and then, ",
                          method.error_rows, " times in 5 minutes, the last ", FormatAge(error.ago),
                          " ago with ", Code(error.code)),
             error.text,
             Endings(facts,
                     method.is_list() ? "such a relist sees no change of any pod"
                                      : "the node is NotReady once it fails for 30s in a row",
                     "Its log may say why"),
             draft);
}

void TellFlickering(const MethodEvidence& method, Draft& draft) {
  draft.For(absl::StrCat(method.method, " failed ", method.error_rows,
                         " times in 5 minutes and was answered well between; the last error: ",
                         Code(method.last_error->code),
                         Quote(method.last_error->text, kLongQuote)));
}

void SayNotReady(const Facts& facts, Draft& draft) {
  draft.Say(absl::StrCat(facts.runtime.title, " says of itself that it is not ready: ",
                         Abridge(Printable(facts.e.runtime.runtime_ready_text), 80)),
            "the node is NotReady", LogSays(facts, "Its log says why"));
}

// Whom the statuses hurt that fail.
Tier TierOfStatuses(const Facts& facts) {
  const bool hurts = std::any_of(facts.failing.begin(), facts.failing.end(), [&](const auto* row) {
    return KubeletAsks(facts, *row) || IsNotFound(*row);
  });
  if (!hurts) return Tier::kThreatens;
  return facts.outlook.breaks() ? Tier::kBlocksPleg : Tier::kHurtsPods;
}

// An error that comes at once is the runtime's own; one that comes late may be the node's.
Basis BasisOfStatuses(const Facts& facts) {
  const bool late = facts.failing.front()->duration >= kLateAnswer;
  return late ? Basis::kTiming : Basis::kSeen;
}

}  // namespace

std::optional<Ranked> RuntimeErrors(const Facts& facts) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  const MethodEvidence* method = FailingMethod(facts);
  const MethodEvidence* flickering = FlickeringMethod(facts);
  const bool not_ready = runtime.connected && runtime.runtime_ready == false;
  const bool blocks = method != nullptr || not_ready;
  if (!blocks && facts.failing.empty() && flickering == nullptr) return std::nullopt;
  const Tier tier = blocks                  ? Tier::kBlocksPleg
                    : facts.failing.empty() ? Tier::kThreatens
                                            : TierOfStatuses(facts);
  Draft draft(VerdictCode::kRuntimeErrors, tier, Confidence::kHigh);
  if (method != nullptr) {
    SayMethod(facts, *method, draft);
  } else if (not_ready) {
    SayNotReady(facts, draft);
  } else if (!facts.failing.empty()) {
    SayStatuses(facts, draft);
    draft.RestsOn(BasisOfStatuses(facts));
  } else {
    SayFlickering(facts, *flickering, draft);
  }
  if (method != nullptr) TellMethod(*method, draft);
  if (not_ready) draft.For(absl::StrCat("RuntimeReady=false: ", runtime.runtime_ready_text));
  TellStatuses(facts, draft);
  if (flickering != nullptr && flickering != method) TellFlickering(*flickering, draft);
  if (!facts.failing.empty()) ActOnObject(facts, *facts.failing.front(), draft);
  LookAtLog(facts, "See what its log says of the error", draft);
  const bool waits = !facts.failing.empty() && facts.failing.front()->duration >= kTold;
  if (blocks || waits) KeepGoroutines(facts, draft);
  RestartRuntime(facts, draft);
  return draft.Done();
}

}  // namespace pleg
