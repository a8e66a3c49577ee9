// Sandboxes that are over and that nobody removes.

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

std::string PodName(const ObjectRef& pod) {
  return absl::StrCat(Shorten(Printable(pod.pod_namespace), 24), "/",
                      Shorten(Printable(pod.pod_name), 36, true));
}

std::string Whose(const NotReadySandboxes& found) {
  if (found.most == nullptr) return "";
  return found.of_one
             ? absl::StrCat(", ", found.most->count, " of them of ", PodName(found.most->object),
                            ", the oldest ", FormatAge(found.most->age), " old")
             : absl::StrCat("; one is of ", PodName(found.most->object), " and ",
                            FormatAge(found.most->age), " old");
}

// A finished pod that nobody has deleted keeps its newest sandbox, and its containers with it.
bool NobodyWants(const NotReadySandboxes& found) { return found.empty >= kManyNotReady; }

std::string Meaning(const Facts& facts, const NotReadySandboxes& found) {
  if (found.of_one) return "it is made again and again, and the old ones are not removed";
  const absl::Duration cost = facts.outlook.restart_cost;
  return absl::StrCat(
      NobodyWants(found) ? "the kubelet's garbage collection does not get rid of them" : "",
      NobodyWants(found) && facts.outlook.known ? ", and " : "",
      facts.outlook.known ? absl::StrCat("a kubelet that restarts inspects them all, which takes ",
                                         cost == absl::InfiniteDuration() ? std::string("forever")
                                                                          : FormatAge(cost))
                          : "");
}

// crictl lists the newest first, and removes no ready one without --force.
void LookAndRemove(const Facts& facts, const NotReadySandboxes& found, Draft& draft) {
  draft.Do("See the oldest of them, and their ids",
           absl::StrCat(Crictl(facts, "--timeout 60s pods --state NotReady"), " | tail -n 20"));
  if (found.most != nullptr) {
    draft.Do("From where kubectl works: see whether such a pod still exists",
             KubectlPod("get", found.most->object));
  }
  draft.Do("See why the kubelet does not remove them",
           absl::StrCat(facts.runtime.kubelet_unit.Log(),
                        " --since -15min --no-pager | grep -iE 'sandbox|garbage' | tail -n 20"));
  draft.DoDisruptive(
      "Remove one of them by its id, as a trial: its logs and exit codes are lost; "
      "should its pod still exist, what it had finished may run again",
      Crictl(facts, "--timeout 60s rmp SANDBOX-ID"));
  draft.DoDisruptive(
      "If that works: remove the 50 oldest, one after another, then the next 50",
      absl::StrCat(Crictl(facts, "--timeout 60s pods -q --state NotReady"),
                   " | tail -n 50 | xargs -r -n 1 ", Crictl(facts, "--timeout 60s rmp")));
}

}  // namespace

std::optional<Ranked> SandboxesPileUp(const Facts& facts) {
  const NotReadySandboxes found = FindNotReady(facts);
  // Where so many containers have exited, those are to be removed first, and sandboxes with them.
  if (!found.many || facts.e.counts.exited >= kManyExited) return std::nullopt;
  const CountEvidence& counts = facts.e.counts;
  const bool hurts = found.of_one || NobodyWants(found);
  Draft draft(VerdictCode::kTooManyDead, hurts ? Tier::kHurtsPods : Tier::kThreatens,
              hurts ? Confidence::kHigh : Confidence::kMedium);
  draft
      .Say(absl::StrCat(counts.sandboxes_notready, " sandboxes are not ready, ",
                        counts.sandboxes_ready, " are", Whose(found)),
           Meaning(facts, found),
           hurts ? "See why the kubelet does not remove them, then remove them as shown"
                 : "See whether their pods still exist: delete finished ones")
      .For(absl::StrCat(counts.sandboxes_notready, " sandboxes are not ready, and the node has ",
                        counts.exited, " exited containers: at least ", found.empty,
                        " have none left"));
  if (found.of_one) draft.Blame(found.most->object);
  if (!hurts) {
    draft.Against(
        "each finished pod that nobody deletes keeps one: that is no defect of this node");
  }
  LookAndRemove(facts, found, draft);
  return draft.Done();
}

}  // namespace pleg
