// Signs of the runtime's socket, of its calls that have no target, and of its conditions.

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/sign_table.h"
#include "pleg/diagnosis/text.h"
#include "pleg/utf8.h"

namespace pleg {
namespace {

// A list that takes so long, and kSlowdown times what it took over the hour, has become slow.
constexpr absl::Duration kSlowerList = absl::Seconds(1);
constexpr absl::Duration kSlowProbe = absl::Seconds(5);  // of Status: as silence
constexpr absl::Duration kFirstRelist = absl::Seconds(15);
constexpr size_t kErrorText = 110;

enum class Call : uint8_t { kListPodSandbox, kListContainers, kStatus, kVersion };
constexpr absl::string_view kMethods[] = {"ListPodSandbox", "ListContainers", "Status", "Version"};
constexpr absl::string_view NameOf(Call call) { return kMethods[static_cast<size_t>(call)]; }

std::string Elided(absl::string_view text, size_t bytes) { return Shorten(Printable(text), bytes); }

void JudgeConnection(const Facts& facts, SignJudge& judge) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  if (runtime.connected) {
    judge.Good(absl::StrCat("connected for ", FormatAge(runtime.connection_for)));
  } else if (runtime.mute_for.has_value()) {
    judge.Unknown(Ignorance::kNotYet, "somebody listens at the socket");
  } else if (runtime.connection_for >= kGone) {
    judge.Bad(absl::StrCat("no connection to the runtime for ", FormatAge(runtime.connection_for),
                           runtime.disconnected_reason.empty() ? "" : ": ",
                           Elided(runtime.disconnected_reason, kErrorText)),
              runtime.connection_for);
  }
}

void JudgeListener(const Facts& facts, SignJudge& judge) {
  const auto& mute = facts.e.runtime.mute_for;
  if (!mute.has_value()) {
    if (facts.e.runtime.connected) judge.Good("the runtime takes the connection and speaks");
    return;
  }
  judge.Judge(*mute >= kSilentAfter,
              absl::StrCat("somebody listens at the runtime's socket and has said nothing for ",
                           FormatAge(*mute)),
              *mute);
}

void JudgeCriVersion(const Facts& facts, SignJudge& judge) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  if (runtime.unsupported) {
    judge.Bad(absl::StrCat("the runtime offers no CRI v1: ",
                           Elided(runtime.unsupported_text, kErrorText)));
  } else if (!runtime.name.empty()) {
    judge.Good(absl::StrCat(Elided(runtime.name, 24), " ", Elided(runtime.version, 24)));
  }
}

void JudgeRestarts(const Facts& facts, SignJudge& judge) {
  const int reconnects = Reconnects(facts.e.runtime);
  judge.Judge(Loops(facts), absl::StrCat(reconnects, " connections made anew in 10 minutes"));
}

void JudgeRelist(const Facts& facts, SignJudge& judge) {
  const RelistEvidence& relist = facts.e.relist;
  const std::string error =
      relist.error.empty() ? "" : absl::StrCat(": ", Elided(relist.error, kErrorText));
  if (!relist.last_good_ago.has_value()) {
    if (facts.e.observed_for < kFirstRelist) return;
    judge.Bad(
        absl::StrCat("no relist has succeeded yet, in ", FormatAge(facts.e.observed_for), error),
        facts.e.observed_for);
    return;
  }
  judge.Judge(!facts.relists_in_time(),
              absl::StrCat("last good relist ", FormatAge(*relist.last_good_ago), " ago", error),
              *relist.last_good_ago);
}

const UnansweredEvidence* SilentCall(const Facts& facts, absl::string_view method) {
  const auto found = std::find_if(facts.silent.begin(), facts.silent.end(),
                                  [method](const auto* c) { return c->method == method; });
  return found == facts.silent.end() ? nullptr : *found;
}

template <Call call>
void JudgeSilence(const Facts& facts, SignJudge& judge) {
  const absl::string_view method = NameOf(call);
  if (const UnansweredEvidence* silent = SilentCall(facts, method)) {
    judge.Bad(absl::StrCat(method, " unanswered for ", FormatAge(silent->age)), silent->age);
  } else if (const MethodEvidence* known = facts.Method(method);
             known != nullptr && known->answered_ago.has_value()) {
    judge.Good(absl::StrCat(method, " was answered ", FormatAge(*known->answered_ago), " ago"));
  }
}

template <Call call>
void JudgeErrors(const Facts& facts, SignJudge& judge) {
  const absl::string_view method = NameOf(call);
  const MethodEvidence* known = facts.Method(method);
  if (known == nullptr) return;
  if (const auto& failing = known->failing; Fails(*known) && failing->code != "UNIMPLEMENTED") {
    judge.Bad(absl::StrCat(method, " fails with ", Elided(failing->code, 24),
                           failing->text.empty() ? "" : ": ",
                           Abridge(Printable(failing->text), kErrorText)),
              failing->since);
    return;
  }
  judge.Judge(FailsNowAndThen(facts, *known),
              known->error_rows == 0
                  ? absl::StrCat(method, " does not fail")
                  : absl::StrCat(method, " has failed ", known->error_rows,
                                 known->error_rows == 1 ? " time" : " times over",
                                 " in 5 minutes and then answered again"));
}

template <Call call>
void JudgeSlow(const Facts& facts, SignJudge& judge) {
  const MethodEvidence* known = facts.Method(NameOf(call));
  if (known == nullptr || !known->median_recent.has_value()) return;
  const absl::Duration recent = *known->median_recent;
  judge.Judge(recent >= kSlowProbe, absl::StrCat(NameOf(call), " takes ", FormatLatency(recent)));
}

// One that has become slow and is not late yet hurts nobody yet.
template <Call call>
void JudgeSlowList(const Facts& facts, SignJudge& judge) {
  const absl::string_view method = NameOf(call);
  const MethodEvidence* known = facts.Method(method);
  if (known == nullptr || !known->answered_ago.has_value()) return;
  if (IsSlowList(facts, *known)) {
    judge.Bad(absl::StrCat(method, " takes ", FormatLatency(known->last_duration)));
    return;
  }
  const absl::Duration recent = known->median_recent.value_or(known->last_duration);
  const bool slower = recent >= kSlowerList && known->median_hour.has_value() &&
                      recent >= kSlowdown * *known->median_hour;
  const std::string takes = absl::StrCat(method, " takes ", FormatLatency(recent));
  if (!slower) {
    judge.Good(takes);
  } else {
    judge.Bad(absl::StrCat(takes, ", usually ", FormatLatency(*known->median_hour))).severity =
        Severity::kWarn;
  }
}

template <Call call>
void JudgeSize(const Facts& facts, SignJudge& judge) {
  const ListSizeEvidence* list = SizeOf(facts, NameOf(call));
  if (list == nullptr) return;
  judge.Judge(IsLarge(*list),
              absl::StrCat(NameOf(call), " is ", FormatBytes(list->bytes), ", ",
                           FormatPercent(Share(*list) * 100), " of what the kubelet can receive"));
}

void JudgeCondition(absl::string_view name, const std::optional<bool>& ready,
                    absl::string_view text, bool connected, SignJudge& judge) {
  if (!ready.has_value() || !connected) return;
  judge.Judge(!*ready, *ready ? absl::StrCat(name, "=true")
                              : Elided(text.empty() ? absl::StrCat(name, "=false") : text, 180));
}

void JudgeRuntimeReady(const Facts& facts, SignJudge& judge) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  JudgeCondition("RuntimeReady", runtime.runtime_ready, runtime.runtime_ready_text,
                 runtime.connected, judge);
}

void JudgeNetworkReady(const Facts& facts, SignJudge& judge) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  JudgeCondition("NetworkReady", runtime.network_ready, runtime.network_ready_text,
                 runtime.connected, judge);
}

constexpr absl::string_view kNotReady = "the node is or will be NotReady";
constexpr absl::string_view kLate = "every relist of the kubelet takes as long, so events are late";
constexpr absl::string_view kLog = "See the runtime's log";
constexpr absl::string_view kSilentLimit = "5s and 10 times the usual";
constexpr absl::string_view kSilentList = "5s, twice the last, and 10 times the usual or 1m";
constexpr absl::string_view kErrorLimit = "errors for 5s, or 3 rows of them in 5m";
constexpr absl::string_view kStatusErrorLimit = "errors for 5s, or 2 rows of them in 5m";
constexpr absl::Duration kRelease = absl::Seconds(5);

constexpr SignRow kRows[] = {
    {SignId::kConnection,
     "connection",
     {"calls", "the socket", "none for 1s", kNotReady, kLog, "", Severity::kPage, {}, kRelease},
     JudgeConnection},
    {SignId::kListener,
     "listener",
     {"calls",
      "the socket",
      "mute for 5s",
      kNotReady,
      "See who listens there",
      "ss -xlp",
      Severity::kPage,
      {},
      kRelease},
     JudgeListener},
    {SignId::kCriVersion,
     "cri_version",
     {"calls",
      "Version",
      "no CRI v1",
      "no kubelet can use it",
      kLog,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeCriVersion},
    {SignId::kRuntimeRestarts,
     "runtime_restarts",
     {"calls",
      "the socket",
      "3 in 10m",
      "pods start and end late",
      kLog,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeRestarts},
    {SignId::kRelist,
     "relist",
     {"calls",
      "ListPodSandbox and ListContainers",
      "10s or 5 periods",
      kNotReady,
      "Ask again in 15 seconds, then keep the evidence",
      "plegctl explain --save evidence.textproto",
      Severity::kPage,
      {},
      kRelease},
     JudgeRelist},
    {SignId::kListPodSandboxSilent,
     "list_pod_sandbox_silent",
     {"calls",
      "ListPodSandbox",
      kSilentList,
      kNotReady,
      "Ask again in 15 seconds, then keep the evidence",
      "plegctl explain --save evidence.textproto",
      Severity::kPage,
      {},
      kRelease},
     JudgeSilence<Call::kListPodSandbox>},
    {SignId::kListPodSandboxErrors,
     "list_pod_sandbox_errors",
     {"calls", "ListPodSandbox", kErrorLimit, kNotReady, kLog, "", Severity::kPage, {}, kRelease},
     JudgeErrors<Call::kListPodSandbox>},
    {SignId::kListPodSandboxSlow,
     "list_pod_sandbox_slow",
     {"calls",
      "ListPodSandbox",
      "10s time after time; a warning from 1s and 5 times the hour's median on",
      kLate,
      "See what it lists",
      "crictl pods -q | wc -l",
      Severity::kPage,
      {},
      kRelease},
     JudgeSlowList<Call::kListPodSandbox>},
    {SignId::kListPodSandboxSize,
     "list_pod_sandbox_size",
     {"calls",
      "ListPodSandbox",
      "80 %, or 50 % and full within 24h",
      "beyond the limit the node is NotReady",
      "Remove dead sandboxes",
      "",
      Severity::kWarn,
      {},
      kRelease},
     JudgeSize<Call::kListPodSandbox>},
    {SignId::kListContainersSilent,
     "list_containers_silent",
     {"calls",
      "ListContainers",
      kSilentList,
      kNotReady,
      "Ask again in 15 seconds, then keep the evidence",
      "plegctl explain --save evidence.textproto",
      Severity::kPage,
      {},
      kRelease},
     JudgeSilence<Call::kListContainers>},
    {SignId::kListContainersErrors,
     "list_containers_errors",
     {"calls", "ListContainers", kErrorLimit, kNotReady, kLog, "", Severity::kPage, {}, kRelease},
     JudgeErrors<Call::kListContainers>},
    {SignId::kListContainersSlow,
     "list_containers_slow",
     {"calls",
      "ListContainers",
      "10s time after time; a warning from 1s and 5 times the hour's median on",
      kLate,
      "See what it lists",
      "crictl --timeout 60s ps -a -q | wc -l",
      Severity::kPage,
      {},
      kRelease},
     JudgeSlowList<Call::kListContainers>},
    {SignId::kListContainersSize,
     "list_containers_size",
     {"calls",
      "ListContainers",
      "80 %, or 50 % and full within 24h",
      "beyond the limit the node is NotReady",
      "Remove dead containers",
      "",
      Severity::kWarn,
      {},
      kRelease},
     JudgeSize<Call::kListContainers>},
    {SignId::kStatusSilent,
     "status_silent",
     {"calls",
      "Status",
      kSilentLimit,
      "the node is NotReady after 30s",
      kLog,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeSilence<Call::kStatus>},
    {SignId::kStatusErrors,
     "status_errors",
     {"calls",
      "Status",
      kStatusErrorLimit,
      "the node is NotReady: container runtime is down",
      kLog,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeErrors<Call::kStatus>},
    {SignId::kStatusSlow,
     "status_slow",
     {"calls",
      "Status",
      "5s",
      "the node turns NotReady if it takes 30s",
      kLog,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeSlow<Call::kStatus>},
    {SignId::kVersionSilent,
     "version_silent",
     {"calls",
      "Version",
      kSilentLimit,
      "a kubelet that restarts does not come up",
      kLog,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeSilence<Call::kVersion>},
    {SignId::kVersionErrors,
     "version_errors",
     {"calls",
      "Version",
      kErrorLimit,
      "a kubelet that restarts does not come up",
      kLog,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeErrors<Call::kVersion>},
    {SignId::kRuntimeReady,
     "runtime_ready",
     {"calls",
      "Status",
      "RuntimeReady=false",
      "the node is NotReady",
      kLog,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeRuntimeReady},
    {SignId::kNetworkReady,
     "network_ready",
     {"calls",
      "Status",
      "NetworkReady=false",
      "the node is NotReady, new pods do not start",
      "See the network's configuration",
      "ls -l /etc/cni/net.d /opt/cni/bin",
      Severity::kPage,
      {},
      kRelease},
     JudgeNetworkReady},
};

}  // namespace

absl::Span<const SignRow> CallSigns() { return kRows; }

}  // namespace pleg
