// A runtime that answers, and what it answers is no use.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/since.h"
#include "pleg/diagnosis/text.h"

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

std::optional<Ranked> RuntimeErrors(const Facts& facts) {
  static constexpr absl::string_view kOthers[] = {"RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "OK"};
  const MethodEvidence* failing = nullptr;
  for (absl::string_view name : {"ListPodSandbox", "ListContainers", "Status"}) {
    const MethodEvidence* method = facts.Method(name);
    if (method == nullptr || !method->failing.has_value()) continue;
    if (method->failing->since < kSilentAfter || !method->failing->of_runtime()) continue;
    if (std::count(std::begin(kOthers), std::end(kOthers), method->failing->code) > 0) continue;
    if (failing == nullptr || method->failing->since > failing->failing->since) failing = method;
  }
  const RuntimeEvidence& runtime = facts.e.runtime;
  const bool not_ready = runtime.connected && runtime.runtime_ready == false;
  if (failing == nullptr && !not_ready) return std::nullopt;
  Draft draft(VerdictCode::kRuntimeErrors, Tier::kBlocksPleg, Confidence::kHigh);
  if (failing != nullptr) {
    const auto& failure = *failing->failing;
    draft.Since(failure.since)
        .Say(absl::StrCat(facts.runtime.title, " has failed ", failing->method, " with ",
                          Shorten(Printable(failure.code), 24), " ",
                          SinceSeen(facts, failure.since).text, failure.text.empty() ? "" : ": ",
                          Shorten(Printable(failure.text), 90)),
             facts.outlook.text, LogSays(facts, "Its log names the object"))
        .For(absl::StrCat(failing->method, ": ", failure.code, ": ", failure.text));
  } else {
    draft.Say(absl::StrCat(facts.runtime.title, " says of itself that it is not ready: ",
                           Shorten(Printable(runtime.runtime_ready_text), 80)),
              "the node is NotReady", LogSays(facts, "Its log says why"));
  }
  if (not_ready) draft.For(absl::StrCat("RuntimeReady=false: ", runtime.runtime_ready_text));
  LookAtLog(facts, "See what it says of the error", draft);
  KeepGoroutines(facts, draft);
  RestartRuntime(facts, draft);
  return draft.Done();
}

}  // namespace pleg
