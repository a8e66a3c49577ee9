// A list that is answered, and so late that every event of the kubelet is.

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

constexpr absl::Duration kQuick = absl::Milliseconds(200);

// " for 4 objects, 2.1 KiB"; empty if that is not known.
std::string ListedText(const Facts& facts, absl::string_view method) {
  const ListSizeEvidence* size = SizeOf(facts, method);
  if (size == nullptr || size->bytes == 0) return "";
  return absl::StrCat(" for ", size->objects, size->objects == 1 ? " object, " : " objects, ",
                      FormatBytes(size->bytes));
}

std::string UsuallyText(const MethodEvidence& method) {
  return method.median_hour.has_value()
             ? absl::StrCat(", in the last hour ", FormatLatency(*method.median_hour))
             : "";
}

std::string MakeupText(const Facts& facts) {
  const CountEvidence& counts = facts.e.counts;
  return absl::StrCat("listed are ", counts.running, " running and ", counts.exited,
                      " exited containers, ", counts.sandboxes_ready, " ready sandboxes and ",
                      counts.sandboxes_notready, " that are not");
}

// What is answered at once meanwhile: neither CPU nor socket is the cause.
std::string QuickText(const Facts& facts) {
  for (const MethodEvidence& method : facts.e.methods) {
    if (!method.answered_ago.has_value() || *method.answered_ago > absl::Minutes(1)) continue;
    if (method.last_duration >= kQuick || method.failing.has_value()) continue;
    return absl::StrCat(Shorten(Printable(method.method), 40), " is answered in ",
                        FormatLatency(method.last_duration));
  }
  return "";
}

// A kubelet that streams its lists, or has another runtime, does not wait for this one.
void CompareWithKubelet(const Facts& facts, const SlowList& slow, Draft& draft) {
  if (!facts.e.kubelet.has_value() || !facts.e.kubelet->relist_mean.has_value()) return;
  const absl::Duration mean = *facts.e.kubelet->relist_mean;
  const std::string text = absl::StrCat("the kubelet's own relists take ", FormatLatency(mean));
  mean < slow.takes / 2 ? draft.Doubt(text) : draft.For(text);
}

}  // namespace

std::optional<Ranked> ListsAreSlow(const Facts& facts) {
  const SlowList slow = FindSlowList(facts);
  // With so many dead, or with everything slow, that is the cause.
  if (slow.method == nullptr || facts.lists_silent() || facts.outlook.any_silent ||
      facts.slowdown >= kSlowdown || facts.e.counts.exited >= kManyExited) {
    return std::nullopt;
  }
  const std::string method = Shorten(Printable(slow.method->method), 40);
  const bool breaks = facts.outlook.breaks();
  Draft draft(VerdictCode::kLagsSilently, breaks ? Tier::kBlocksPleg : Tier::kHurtsPods,
              Confidence::kHigh);
  if (slow.since.has_value()) draft.Since(*slow.since);
  draft.RestsOn(Basis::kTiming)
      .Say(absl::StrCat(method, " takes ", FormatLatency(slow.takes), ListedText(facts, method),
                        ", so that the kubelet's events of all pods are up to ",
                        FormatAge(slow.events_late), " late"),
           breaks ? absl::string_view(facts.outlook.text) : "the node stays Ready",
           "See what the runtime does meanwhile, as shown")
      .For(absl::StrCat(method, " takes ", FormatLatency(slow.takes), UsuallyText(*slow.method)))
      .For("a kubelet that has just missed a change sees it two lists later");
  draft.For(MakeupText(facts)).For(QuickText(facts));
  CompareWithKubelet(facts, slow, draft);
  const absl::string_view own = method == "ListPodSandbox" ? "pods -q" : "ps -a -q";
  draft.Do("See how long it takes, and of how many objects",
           absl::StrCat("time ", Crictl(facts, absl::StrCat("--timeout 120s ", own)), " | wc -l"));
  draft.Do("See what the node waits for",
           "head /proc/pressure/io /proc/pressure/cpu /proc/pressure/memory");
  KeepGoroutines(facts, draft);
  LookAtLog(facts, "See what the runtime says of it", draft);
  if (const std::string why = WhyNotRestartKubelet(facts); !why.empty()) draft.Against(why);
  RestartRuntime(facts, draft);
  return draft.Done();
}

}  // namespace pleg
