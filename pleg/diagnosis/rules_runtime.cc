// The runtime as a whole: there, and answering.

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/owner.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/since.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

// plegd looks every two seconds whether somebody listens at a socket that it has no connection to.
constexpr absl::Duration kBetweenLooks = absl::Seconds(2);
// A few relists of the kubelet's period.
constexpr absl::Duration kSettled = absl::Seconds(5);

const ProcessEvidence* Process(const Facts& facts) {
  if (facts.host == nullptr || !facts.host->runtime_process.has_value()) return nullptr;
  return &*facts.host->runtime_process;
}

// By its name: what listens at the socket, if somebody does, may be anything.
bool IsRuntime(const Facts& facts, const ProcessEvidence& process) {
  return !facts.runtime.process.empty() && process.name == facts.runtime.process;
}

bool IsStopped(const ProcessEvidence* process) { return process != nullptr && process->stopped(); }

std::string Reason(const Facts& facts) {
  const MethodEvidence* list = facts.Method("ListPodSandbox");
  absl::string_view reason = facts.e.runtime.disconnected_reason;
  if (reason.empty() && list != nullptr && list->failing.has_value()) reason = list->failing->text;
  return reason.empty() ? "no connection" : Shorten(Printable(reason), 80);
}

size_t SilentMethods(const Facts& facts) {
  absl::flat_hash_set<absl::string_view> methods;
  for (const UnansweredEvidence* call : facts.silent) methods.insert(call->method);
  return methods.size();
}

// Nothing is answered any more.
bool AllSilent(const Facts& facts) {
  if (!facts.e.runtime.connected || facts.silent.empty()) return false;
  if (facts.AnsweredWithin(facts.oldest_silence) != nullptr) return false;
  return facts.silent_probe != nullptr ||
         (SilentMethods(facts) > 1 && facts.oldest_silence >= 2 * kSilentAfter);
}

// A list or Status is silent, others answer, and it is not a container's lock that it waits for.
const UnansweredEvidence* SilentInProcess(const Facts& facts) {
  const bool others_answer = facts.AnsweredWithin(facts.oldest_silence) != nullptr;
  if (!others_answer || !facts.e.runtime.connected) return nullptr;
  if (facts.silent_sandbox_list != nullptr) {
    return facts.silent_sandboxes.empty() ? facts.silent_sandbox_list : nullptr;
  }
  const bool locks_by_container =
      facts.runtime.kind == RuntimeKind::kContainerd ||
      (facts.runtime.kind == RuntimeKind::kOther && !facts.silent_containers.empty());
  if (facts.silent_container_list != nullptr && !locks_by_container) {
    return facts.silent_container_list;
  }
  return facts.silent_probe;
}

// Who listens does not speak: stopped, or hung before its first word.
bool IsMute(const Facts& facts) {
  // The door is looked at now and then: a call that is silent already was there before.
  const absl::Duration silent = facts.silent.empty() ? kSilentAfter : kSilentAfter - kBetweenLooks;
  return facts.e.runtime.mute_for >= (IsStopped(Process(facts)) ? kGone : silent);
}

// Between the runtime's return and plegd's connection to it there is a moment; plegd's own first
// seconds are no such moment.
bool IsAtTheDoor(const Facts& facts) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  return runtime.mute_for.has_value() && !IsMute(facts) && facts.e.relist.last_good_ago.has_value();
}

// Nobody listens, or somebody has just begun to.
bool IsAway(const Facts& facts) {
  if (!IsGone(facts) || LosesConnectionsItself(facts)) return false;
  return !facts.e.runtime.mute_for.has_value() || IsAtTheDoor(facts);
}

// After its return the lists are good again, and the pods that changed with it are inspected.
bool HasSettled(const Facts& facts) {
  const RelistEvidence& relist = facts.e.relist;
  const absl::Duration back = facts.e.runtime.reconnected_ago.front();
  const absl::Duration wait = facts.e.counts.pods_pending == 0 ? kSettled : 2 * kSettled;
  return back >= wait && facts.silent.empty() && relist.last_good_ago.has_value() &&
         *relist.last_good_ago < std::min(back, kSettled);
}

bool CameBack(const Facts& facts) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  return runtime.connected && !runtime.reconnected_ago.empty() && !LosesConnectionsItself(facts) &&
         runtime.reconnected_ago.front() < kJustNow && !HasSettled(facts);
}

// A runtime that starts asks every shim it finds, and a stopped one does not answer.
const ShimEvidence* NameStoppedShims(const Facts& facts, Draft& draft) {
  const ShimEvidence* first = nullptr;
  if (facts.host == nullptr) return first;
  for (const ShimEvidence& shim : facts.host->shims) {
    if (!shim.shim.has_value() || !IsStopped(&*shim.shim)) continue;
    draft
        .For(absl::StrCat(ObjectName(shim.object), ": ", StoppedShim(*shim.shim).detail,
                          "; the runtime waits for it while it starts"))
        .Blame(shim.object);
    if (first != nullptr && first->shim->pid == shim.shim->pid) continue;
    for (const Action& action : Proceed(*shim.shim, "the stopped shim").actions) draft.Do(action);
    if (first == nullptr) first = &shim;
  }
  return first;
}

void RestartedText(const Facts& facts, const ShimEvidence* stopped, Draft& draft) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  const auto advice = [stopped](absl::string_view otherwise) {
    if (stopped == nullptr) return std::string(otherwise);
    return absl::StrCat(
        "It waits for a shim. ",
        Proceed(*stopped->shim, absl::StrCat("that of ", ObjectName(stopped->object))).advice);
  };
  if (Loops(facts)) {
    draft.Say(absl::StrCat(facts.runtime.title, " restarts again and again: ", Reconnects(runtime),
                           " times in 10 minutes", runtime.connected ? "" : ", and it is away now"),
              facts.outlook.text, advice(LogSays(facts, "Its log says why it ends")));
  } else if (!CameBack(facts)) {
    draft.Say(absl::StrCat(facts.runtime.title, " is starting and does not serve yet"),
              facts.outlook.text, advice("Wait a minute, then read its log"));
  } else {
    draft.Say(absl::StrCat(facts.runtime.title, " came back ",
                           FormatAge(runtime.reconnected_ago.front()), " ago"),
              facts.outlook.text, advice("Nothing to do if it stays; its log says why it ended"));
  }
}

// systemd calls such a unit active: to start it does nothing.
bool LivesWithoutSocket(const Facts& facts, const ProcessEvidence& process) {
  return IsRuntime(facts, process) && process.age >= kJustNow && process.state != 'Z';
}

void TellSocketLost(const Facts& facts, const ProcessEvidence& process, const Since& since,
                    Draft& draft) {
  draft
      .Say(absl::StrCat(facts.runtime.title, " runs (pid ", process.pid,
                        ") but has not served its socket ", since.text, " (", Reason(facts), ")"),
           facts.outlook.text,
           MayRestartRuntime(facts)
               ? absl::StrCat("Restart it: ", facts.runtime.restarts.front().command)
               : "Its log says why")
      .For(absl::StrCat(ProcessName(process), " started ", FormatAge(process.age), " ago",
                        ProcessState(process)))
      .Doubt("it may be another runtime of that name, and this one's socket elsewhere");
  LookAtLog(facts, "See why it does not serve", draft);
  KeepGoroutines(facts, draft);
  RestartRuntime(facts, draft);
}

void TellEnded(const Facts& facts, const Since& since, Draft& draft) {
  const std::string start = facts.runtime.unit.Start();
  draft.Say(
      facts.e.runtime.endpoint.empty() ? std::string("No container runtime was found on this node")
                                       : absl::StrCat(facts.runtime.title, " has been down ",
                                                      since.text, " (", Reason(facts), ")"),
      facts.outlook.text, start.empty() ? "Start the runtime" : absl::StrCat("Start it: ", start));
  LookAtLog(facts, "See why it ended", draft);
  if (!start.empty()) draft.Do("Start it", start);
}

}  // namespace

std::optional<Ranked> RuntimeRestarting(const Facts& facts) {
  if (IsMute(facts)) return std::nullopt;
  const RuntimeEvidence& runtime = facts.e.runtime;
  const int reconnects = Reconnects(runtime);
  const ProcessEvidence* process = Process(facts);
  const bool loop = Loops(facts);
  const bool starting = IsAway(facts) && process != nullptr && process->age < kJustNow;
  if (!loop && !starting && !CameBack(facts)) return std::nullopt;
  const Tier tier = IsGone(facts) || facts.outlook.breaks() ? Tier::kBlocksPleg
                    : loop                                  ? Tier::kHurtsPods
                                                            : Tier::kThreatens;
  Draft draft(VerdictCode::kRuntimeRestarting, tier,
              loop || !starting ? Confidence::kHigh : Confidence::kMedium);
  draft.Since(
      starting ? process->age
      : loop && !runtime.reconnected_ago.empty()
          ? *std::max_element(runtime.reconnected_ago.begin(), runtime.reconnected_ago.end())
          : runtime.connection_for);
  if (reconnects > 0) {
    draft.For(absl::StrCat("connections made anew: ", reconnects, " in 10 minutes, the last ",
                           FormatAge(runtime.reconnected_ago.front()), " ago"));
  }
  if (process != nullptr) {
    draft.For(absl::StrCat(ProcessName(*process), " started ", FormatAge(process->age), " ago"));
    if (process->age > kLoopWindow) draft.Doubt("its process is older than its connections");
  }
  const ShimEvidence* stopped = NameStoppedShims(facts, draft);
  RestartedText(facts, stopped, draft);
  // Nothing else holds it up then.
  if (starting && stopped != nullptr) draft.Sure();
  LookAtLog(facts, "See why it ended", draft);
  return draft.Done();
}

std::optional<Ranked> RuntimeDown(const Facts& facts) {
  if (!IsAway(facts)) return std::nullopt;
  const RuntimeEvidence& runtime = facts.e.runtime;
  const ProcessEvidence* process = Process(facts);
  const bool denied = absl::StrContains(runtime.disconnected_reason, "ermission denied");
  Draft draft(VerdictCode::kRuntimeDown, Tier::kBlocksPleg,
              denied ? Confidence::kLow : Confidence::kHigh);
  const absl::Duration age =
      runtime.connected ? facts.Method("ListPodSandbox")->failing->since : runtime.connection_for;
  const Since since = SinceSeen(facts, age);
  draft.Since(age).For(absl::StrCat(runtime.endpoint, ": ", Reason(facts)));
  if (denied) {
    draft
        .Say(absl::StrCat("plegd may not open the runtime's socket ",
                          Shorten(Printable(runtime.endpoint), 60)),
             "the runtime itself may be well", "Run plegd as root or in the socket's group")
        .Against("a refused permission says nothing of the runtime")
        .Do("See who may", absl::StrCat("ls -l ", ShellWord(absl::StrReplaceAll(
                                                      runtime.endpoint, {{"unix://", ""}}))));
    return draft.Done();
  }
  if (process != nullptr && LivesWithoutSocket(facts, *process)) {
    TellSocketLost(facts, *process, since, draft);
  } else {
    TellEnded(facts, since, draft);
    if (process != nullptr && process->state != 'Z') {
      draft.Doubt(absl::StrCat(ProcessName(*process), ProcessState(*process), ", lives"));
    }
  }
  return draft.Done();
}

namespace {

struct Silence {
  std::string what;
  absl::Duration age;
  bool all = false;
};

Silence AllOf(const Facts& facts) {
  Since since = facts.silent.empty() ? Since{} : SinceCall(facts, *facts.silent.front(), Owner{});
  if (IsMute(facts)) {
    const absl::Duration mute = *facts.e.runtime.mute_for;
    since = SinceSeen(facts, std::max(mute, std::min(facts.oldest_silence, kSilentAfter)));
  }
  return {
      absl::StrCat(facts.runtime.title, " has taken connections but answered nothing ", since.text),
      since.age, true};
}

// The status of each object that is asked for.
std::optional<Silence> StatusesOfAll(const Facts& facts) {
  for (const absl::string_view method : {"PodSandboxStatus", "ContainerStatus"}) {
    const std::optional<Mute> mute = MuteFor(facts, method);
    if (!mute.has_value()) continue;
    return Silence{absl::StrCat(facts.runtime.title, " has not answered ", method, " of any of ",
                                mute->objects, " objects ", SinceSeen(facts, mute->age).text,
                                " but answers other calls: a lock or storage inside its process"),
                   mute->age, false};
  }
  return std::nullopt;
}

std::optional<Silence> FindSilence(const Facts& facts) {
  if (IsMute(facts) || AllSilent(facts)) return AllOf(facts);
  const UnansweredEvidence* one = SilentInProcess(facts);
  if (one == nullptr) return StatusesOfAll(facts);
  if (PluginOfStatus(facts) != nullptr) return std::nullopt;
  const Since since = SinceCall(facts, *one, Owner{});
  return Silence{
      absl::StrCat(facts.runtime.title, " has not answered ", one->method, " ", since.text,
                   " but answers other calls: a lock or storage inside its process"),
      since.age, false};
}

void WhatIsSilent(const Facts& facts, Draft& draft) {
  if (IsMute(facts)) {
    draft.For(
        absl::StrCat(facts.e.runtime.endpoint, ": connections are taken and nothing is said"));
  }
  for (size_t i = 0; i < facts.silent.size() && i < 4; ++i) {
    const UnansweredEvidence& call = *facts.silent[i];
    draft.For(absl::StrCat(call.method,
                           call.object.id.empty() ? "" : " of " + ObjectName(call.object),
                           " unanswered for ", FormatAge(call.age)));
  }
  if (const MethodEvidence* method = facts.AnsweredWithin(facts.oldest_silence)) {
    draft.Against(absl::StrCat(method->method, " was answered ", FormatAge(*method->answered_ago),
                               " ago in ", FormatLatency(method->last_duration)));
  }
}

// Against a hang: it may be no runtime, or not be done with its start.
void DoubtHang(const Facts& facts, const ProcessEvidence* process, Draft& draft) {
  const bool known = process != nullptr && IsRuntime(facts, *process);
  if (IsMute(facts) && !known) {
    draft.Doubt(
        absl::StrCat("what listens there",
                     process == nullptr ? "" : absl::StrCat(", ", ProcessName(*process), ","),
                     " may be no container runtime"));
  }
  if (process != nullptr && process->age < kJustNow) {
    draft.Doubt("it started a moment ago and may still load its containers");
  }
}

// Without the first step the second destroys the only evidence.
std::string Revival(const Facts& facts) {
  const std::string dump = GoroutineDump(facts);
  const std::string keep = dump.empty() ? "" : absl::StrCat("Keep its goroutines (", dump, ")");
  const auto& restarts = facts.runtime.restarts;
  if (!restarts.empty() && !MayRestartRuntime(facts)) {
    return keep.empty() ? LogSays(facts, "Its log may say what it waits for")
                        : absl::StrCat(keep, ": they say what it waits for");
  }
  const std::string what = restarts.size() > 1 ? restarts.front().what : std::string("it");
  return keep.empty() ? absl::StrCat("Restart ", what)
                      : absl::StrCat(keep, ", then restart ", what);
}

std::optional<Ranked> Hung(const Facts& facts) {
  const std::optional<Silence> silence = FindSilence(facts);
  if (!silence.has_value()) return std::nullopt;
  const ProcessEvidence* process = Process(facts);
  const bool stopped = IsStopped(process);
  const bool sure = silence->all && (stopped || IsMute(facts) || SilentMethods(facts) > 1);
  Draft draft(VerdictCode::kRuntimeHung, Tier::kBlocksPleg,
              sure ? Confidence::kHigh : Confidence::kMedium);
  draft.Since(silence->age);
  WhatIsSilent(facts, draft);
  if (process != nullptr) draft.For(absl::StrCat(ProcessName(*process), ProcessState(*process)));
  if (stopped) {
    const Remedy remedy = Proceed(*process);
    draft.Say(absl::StrCat(silence->what, ": its process ", process->pid, " is stopped"),
              facts.outlook.text, remedy.advice);
    for (const Action& action : remedy.actions) draft.Do(action);
  } else {
    if (!facts.selective) draft.RestsOn(Basis::kTiming);
    const ShimEvidence* shim = NameStoppedShims(facts, draft);
    const std::string restart = Revival(facts);
    draft.Say(shim == nullptr ? silence->what
                              : absl::StrCat(silence->what, ": it may wait for a stopped shim"),
              facts.outlook.text,
              shim == nullptr ? restart : Proceed(*shim->shim, "the shim").advice);
    DoubtHang(facts, process, draft);
  }
  KeepGoroutines(facts, draft);
  RestartRuntime(facts, draft);
  return draft.Done();
}

}  // namespace

// What is stopped answers nothing, however starved the node is.
std::optional<Ranked> RuntimeStopped(const Facts& facts) {
  return IsStopped(Process(facts)) ? Hung(facts) : std::nullopt;
}

std::optional<Ranked> RuntimeHung(const Facts& facts) {
  return IsStopped(Process(facts)) ? std::nullopt : Hung(facts);
}

// CRI-O and newer versions of containerd ask the network plugin whether it is ready, inside Status.
const ProcessEvidence* PluginOfStatus(const Facts& facts) {
  const UnansweredEvidence* status = facts.silent_probe;
  if (status == nullptr || facts.lists_silent() || facts.host == nullptr ||
      facts.AnsweredWithin(status->age) == nullptr) {
    return nullptr;
  }
  const bool version = std::any_of(facts.silent.begin(), facts.silent.end(),
                                   [](const auto* call) { return call->method == "Version"; });
  if (version) return nullptr;
  const ProcessEvidence* oldest = nullptr;
  for (const ProcessEvidence& plugin : facts.host->cni_processes) {
    const bool may_be = plugin.action.empty() ? !plugin.guessed : plugin.action == "STATUS";
    if (!may_be || plugin.age < kSilentAfter) continue;
    if (oldest == nullptr || plugin.age > oldest->age) oldest = &plugin;
  }
  return oldest;
}

}  // namespace pleg
