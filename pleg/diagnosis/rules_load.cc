// Too much: bytes in a list, changes at a time, dead containers.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

constexpr absl::Duration kRelistedNow = absl::Seconds(10);
constexpr double kNearLimit = 0.8;
constexpr double kHalf = 0.5;
constexpr absl::Duration kForecast = absl::Hours(24);
constexpr uint64_t kLargeLabels = 16384;  // bytes an object, on average; usual is one KiB
constexpr uint32_t kFarTooManyExited = 10000;

const ListSizeEvidence* Largest(const Facts& facts) {
  const ListSizeEvidence* largest = nullptr;
  for (const ListSizeEvidence& list : facts.e.list_sizes) {
    if (largest == nullptr || Share(list) > Share(*largest)) largest = &list;
  }
  return largest;
}

// One pod has most of the dead.
bool OfOnePod(const CountEvidence& counts) {
  return counts.exited_of_one_pod >= kManyExitedOfOne &&
         counts.exited_of_one_pod >= counts.exited / 2;
}

std::string PodName(const ObjectRef& pod) {
  return absl::StrCat(Printable(pod.pod_namespace), "/", Printable(pod.pod_name));
}

std::string SizeText(const ListSizeEvidence& list) {
  std::string text = absl::StrCat(
      list.method, ": ", FormatBytes(list.bytes), " of ", FormatBytes(list.limit_bytes), " (",
      FormatPercent(Share(list) * 100), "), ", list.objects, " objects");
  if (list.objects > 0) {
    absl::StrAppend(&text, " of ", FormatBytes(list.bytes / list.objects), " each");
  }
  return text;
}

const ListSizeEvidence* LargestExcess(const Facts& facts) {
  const ListSizeEvidence* largest = nullptr;
  for (const ListSizeEvidence& list : facts.e.list_sizes) {
    if (!list.excess.has_value()) continue;
    if (largest == nullptr || list.excess->bytes > largest->excess->bytes) largest = &list;
  }
  return largest;
}

// Of the last list that was read, if only in part; null if that was not a large one.
const ListMakeup* MakeupOf(const ListSizeEvidence& list) {
  const ListMakeup* makeup = list.excess.has_value() ? &list.excess->makeup : &list.makeup;
  return makeup->items > 0 ? makeup : nullptr;
}

// More than the dead, labels and annotations make it large.
bool LabelsAreLarge(const ListMakeup* makeup) {
  if (makeup == nullptr || makeup->items == 0) return false;
  return makeup->label_bytes > kLargeLabels * makeup->items &&
         makeup->label_bytes > makeup->dead_bytes;
}

std::string PodShareName(const ListMakeup::PodShare& pod) {
  return absl::StrCat(Printable(pod.pod_namespace), "/", Printable(pod.name));
}

// The pod that has half of the list or more; empty if none has.
std::string MostOf(const ListMakeup* makeup, uint64_t bytes) {
  if (makeup == nullptr || makeup->largest_pod.name.empty()) return "";
  if (makeup->largest_pod.bytes < bytes / 2) return "";
  return Shorten(PodShareName(makeup->largest_pod), 60);
}

void SayMakeup(const ListMakeup& makeup, uint64_t bytes, Draft& draft) {
  draft.For(absl::StrCat("of ", makeup.items, " objects read: ", makeup.dead, " dead, ",
                         FormatBytes(makeup.dead_bytes), "; labels and annotations ",
                         FormatBytes(makeup.label_bytes)));
  const ListMakeup::PodShare& pod = makeup.largest_pod;
  if (pod.name.empty()) return;
  draft.For(absl::StrCat("the most are of ", PodShareName(pod), ": ", pod.items,
                         pod.items == 1 ? " object, " : " objects, ", FormatBytes(pod.bytes)));
  if (pod.bytes < bytes / 2) return;
  ObjectRef culprit;
  culprit.pod_uid = pod.uid;
  culprit.pod_namespace = pod.pod_namespace;
  culprit.pod_name = pod.name;
  draft.Blame(culprit);
}

// As far as is known, so that there is nothing to remove.
bool NothingIsDead(const Facts& facts, const ListMakeup* makeup) {
  const CountEvidence& counts = facts.e.counts;
  const bool any_listed = makeup != nullptr && makeup->dead > 0;
  return !any_listed && counts.exited == 0 && counts.sandboxes_notready == 0;
}

std::string Advice(bool labels, bool none_dead, const ListMakeup* makeup,
                   const ListSizeEvidence* list) {
  if (!labels && none_dead) return "No container is known to be dead: find the large pod as shown";
  if (!labels) return "Remove dead containers and sandboxes as shown";
  const std::string pod =
      MostOf(makeup, list->excess.has_value() ? list->excess->bytes : list->bytes);
  return absl::StrCat("Shorten the labels and annotations of ",
                      pod.empty() ? std::string("its pods") : pod, " as shown");
}

std::string ForKubelet(const Outlook& outlook) {
  const bool soon =
      outlook.known && !outlook.not_ready && outlook.to_not_ready != absl::InfiniteDuration();
  return absl::StrCat(soon ? "node NotReady in " + FormatAge(outlook.to_not_ready)
                           : std::string("the node is NotReady"),
                      ", and a restarted kubelet never becomes Ready");
}

// "ListContainers is longer than 29.3 MiB, all that plegd takes"
std::string ExcessText(const Facts& facts, const ListSizeEvidence& list) {
  const ListExcessEvidence& excess = *list.excess;
  const std::string method = Shorten(Printable(list.method), 40);
  if (excess.by_runtime) {
    return absl::StrCat(facts.runtime.title, " refuses ", method, ": its reply is too large");
  }
  const std::string kubelet = absl::StrCat("; the kubelet takes ", FormatBytes(list.limit_bytes));
  if (excess.limit_bytes == 0) {
    return absl::StrCat(method, " has more than ", excess.limit_items,
                        " objects, all that plegd takes");
  }
  return excess.given_up
             ? absl::StrCat(method, " is longer than ", FormatBytes(excess.limit_bytes),
                            ", all that plegd takes", kubelet)
             : absl::StrCat(method, " is ", FormatBytes(excess.bytes), ", plegd takes at most ",
                            FormatBytes(excess.limit_bytes), kubelet);
}

void SayExcess(const ListSizeEvidence& list, Draft& draft) {
  const ListExcessEvidence& excess = *list.excess;
  draft.Since(excess.age);
  if (excess.bytes > 0) {
    draft.For(absl::StrCat(list.method, excess.given_up ? ": at least " : ": ",
                           FormatBytes(excess.bytes),
                           excess.given_up           ? " had come when plegd gave it up"
                           : excess.makeup.items > 0 ? " received, and not used"
                           : excess.by_runtime       ? ", not sent"
                                                     : ", not received"));
  }
  if (excess.makeup.items > 0) return;
  draft.For("what is in it is not known");
  if (list.bytes > 0) draft.For(absl::StrCat("before, ", SizeText(list)));
}

void BlameDead(const Facts& facts, Draft& draft) {
  const CountEvidence& counts = facts.e.counts;
  draft.For(absl::StrCat(counts.exited, " exited and ", counts.running, " running containers, ",
                         counts.sandboxes_notready, " sandboxes not ready"));
  if (counts.exited_of_one_pod >= kManyExitedOfOne) {
    draft.For(absl::StrCat(counts.exited_of_one_pod, " exited containers are of ",
                           PodName(counts.most_exited_pod)));
    draft.Blame(counts.most_exited_pod);
  }
  if (counts.oldest_exited.has_value()) {
    draft.For(
        absl::StrCat("the oldest of them was created ", FormatAge(*counts.oldest_exited), " ago"));
  }
}

bool IsExhausted(const MethodEvidence* method) {
  return method != nullptr && method->failing.has_value() &&
         method->failing->code == "RESOURCE_EXHAUSTED";
}

const MethodEvidence* Exhausted(const Facts& facts) {
  for (absl::string_view name : {"ListContainers", "ListPodSandbox"}) {
    if (IsExhausted(facts.Method(name))) return facts.Method(name);
  }
  return nullptr;
}

// crictl's limit is the kubelet's.
bool SandboxesFit(const Facts& facts) {
  const ListSizeEvidence* list = SizeOf(facts, "ListPodSandbox");
  return !IsExhausted(facts.Method("ListPodSandbox")) && (list == nullptr || Share(*list) < 1);
}

// The containers of each pod alone.
bool EachPodFits(const Facts& facts) {
  const ListSizeEvidence* list = SizeOf(facts, "ListContainers");
  if (list == nullptr || list->objects == 0) return true;
  const double of_one = static_cast<double>(facts.e.counts.exited_of_one_pod) / list->objects;
  return of_one * Share(*list) < kNearLimit;
}

constexpr absl::string_view kRemoveAllButNewest =
    "Remove all but the newest of each container; the kubelet's garbage collection should have, "
    "its log says why not. Their logs and exit codes are lost";

// The newest of each name stays: a kubelet that finds no container of a name runs it, also one that
// has done its work (ShouldContainerBeRestarted in pkg/kubelet/container/helpers.go).
//
// crictl lists the newest first, in columns at least three spaces apart.
void RemovePodByPod(const Facts& facts, const std::string& sandboxes, Draft& draft) {
  const auto of_each = [&](absl::string_view options, absl::string_view filter) {
    return absl::StrCat(sandboxes, " | while read -r p; do ",
                        Crictl(facts, absl::StrCat("--timeout 60s ps -a ", options,
                                                   " --state Exited --pod \"$p\"")),
                        filter, "; done");
  };
  draft.Do("Count the exited containers", absl::StrCat(of_each("-q", ""), " | wc -l"))
      .DoDisruptive(
          kRemoveAllButNewest,
          absl::StrCat(
              of_each("--no-trunc", " | awk -F '   +' '$4 == \"Exited\" && seen[$5]++ {print $1}'"),
              " | xargs -r -n 50 ", Crictl(facts, "rm")));
}

void RemoveOneByOne(const Facts& facts, Draft& draft) {
  const std::string& all = facts.runtime.list_containers;
  draft.Do("Count the containers", absl::StrCat(all, " | wc -l"))
      .DoDisruptive(
          absl::StrCat(kRemoveAllButNewest, ". No list of them fits: this takes minutes"),
          absl::StrCat(all, " | xargs -n 1 -P 4 ",
                       Crictl(facts,
                              "inspect -q -o go-template --template '{{.status.state}} "
                              "{{index .status.labels \"io.kubernetes.pod.uid\"}}/"
                              "{{.status.metadata.name}} {{.status.createdAt}} "
                              "{{.status.id}}'"),
                       " | LC_ALL=C sort -k 2,2 -k 3,3r | awk '$1 == \"CONTAINER_EXITED\" && "
                       "seen[$2]++ {print $4}' | xargs -r -n 50 ",
                       Crictl(facts, "rm")));
}

void RemoveDead(const Facts& facts, Draft& draft) {
  const bool fit = SandboxesFit(facts);
  const std::string all = fit ? Crictl(facts, "pods -q") : facts.runtime.list_sandboxes;
  const std::string dead = fit ? Crictl(facts, "pods -q --state NotReady") : all;
  if (all.empty()) return;
  if (EachPodFits(facts) || facts.runtime.list_containers.empty()) {
    RemovePodByPod(facts, all, draft);
  } else {
    RemoveOneByOne(facts, draft);
  }
  draft.DoDisruptive(
      "Remove the sandboxes that are not ready, and all that is left in them; crictl refuses the "
      "ready ones. Should the pod of one still be wanted, what it had finished runs again",
      absl::StrCat(dead, " | xargs -r -n 50 ", Crictl(facts, "rmp")));
}

void DoubtIfKubeletRelists(const Facts& facts, Draft& draft) {
  const std::optional<KubeletEvidence>& kubelet = facts.e.kubelet;
  if (!kubelet.has_value() || kubelet->never_relisted || !kubelet->last_seen_ago.has_value())
    return;
  if (*kubelet->last_seen_ago >= kRelistedNow) return;
  draft.Doubt(absl::StrCat("the kubelet relisted ", FormatAge(*kubelet->last_seen_ago),
                           " ago: it may stream its lists"));
}

void SeeLabels(const ListMakeup::PodShare& pod, Draft& draft) {
  constexpr size_t kLongestName = 253;  // of Kubernetes
  if (std::max(pod.name.size(), pod.pod_namespace.size()) > kLongestName) return;
  const std::string name = ShellWord(pod.name);
  const std::string pod_namespace = ShellWord(pod.pod_namespace);
  if (name.empty() || pod_namespace.empty()) return;
  draft.Do("From where kubectl works: see what its labels and annotations are",
           absl::StrCat("kubectl -n ", pod_namespace, " get pod ", name,
                        " -o jsonpath='{.metadata}' | head -c 4096"));
}

void FindLargePods(Draft& draft) {
  draft.Do("From where kubectl works: the pods with the largest metadata, the largest last",
           "kubectl get pods -A -o go-template='{{range .items}}{{len (print .metadata)}} "
           "{{.metadata.namespace}}/{{.metadata.name}}{{\"\\n\"}}{{end}}' | sort -n | tail");
}

// What is known of the list was known before the runtime's present trouble.
bool IsOfBefore(const Facts& facts, const ListSizeEvidence* list) {
  if (facts.lists_silent()) return true;
  if (LosesConnectionsItself(facts)) return false;
  if (IsGone(facts) || facts.e.runtime.mute_for.has_value()) return true;
  const MethodEvidence* method = list == nullptr ? nullptr : facts.Method(list->method);
  return method != nullptr && method->failing.has_value() && !IsExhausted(method);
}

void SayConnections(const Facts& facts, Draft& draft) {
  const int reconnects = Reconnects(facts.e.runtime);
  if (reconnects == 0 || !LosesConnectionsItself(facts)) return;
  draft.For(absl::StrCat("connections made anew: ", reconnects,
                         " in 10 minutes: gRPC may close one with a list that plegd gives up"));
}

}  // namespace

std::optional<Ranked> MessageTooLarge(const Facts& facts) {
  const ListSizeEvidence* excess = LargestExcess(facts);
  const ListSizeEvidence* list = excess != nullptr ? excess : Largest(facts);
  const MethodEvidence* exhausted = Exhausted(facts);
  const bool over = excess == nullptr && list != nullptr && Share(*list) >= 1;
  if (!over && excess == nullptr && exhausted == nullptr) return std::nullopt;
  const ListMakeup* makeup = list != nullptr ? MakeupOf(*list) : nullptr;
  const bool labels = LabelsAreLarge(makeup);
  const bool none_dead = NothingIsDead(facts, makeup);
  const bool blinds_kubelet = excess == nullptr || excess->excess->by_runtime ||
                              excess->excess->bytes >= excess->limit_bytes;
  Draft draft(VerdictCode::kMessageTooLarge, Tier::kBlocksPleg, Confidence::kHigh);
  draft.Say(
      excess != nullptr ? ExcessText(facts, *excess)
      : over ? absl::StrCat(Shorten(Printable(list->method), 40), " is ", FormatBytes(list->bytes),
                            ", the kubelet takes at most ", FormatBytes(list->limit_bytes))
             : absl::StrCat(facts.runtime.title, " refuses ",
                            Shorten(Printable(exhausted->method), 40), ": its reply is too large"),
      blinds_kubelet ? ForKubelet(facts.outlook)
                     : "plegd sees no change any more; the kubelet may still receive the list",
      Advice(labels, none_dead, makeup, list));
  if (excess != nullptr) {
    SayExcess(*excess, draft);
  } else if (list != nullptr) {
    draft.For(SizeText(*list));
  }
  if (makeup != nullptr) {
    SayMakeup(*makeup, excess != nullptr ? excess->excess->bytes : list->bytes, draft);
  }
  if (exhausted != nullptr) {
    draft.Since(exhausted->failing->since)
        .For(absl::StrCat(exhausted->method, ": RESOURCE_EXHAUSTED: ", exhausted->failing->text));
  }
  if (exhausted != nullptr && excess == nullptr && list != nullptr && Share(*list) < kHalf) {
    draft.Doubt("the last good reply was far below the limit");
  }
  if (IsOfBefore(facts, list)) draft.Doubt("no list has been answered since");
  SayConnections(facts, draft);
  DoubtIfKubeletRelists(facts, draft);
  BlameDead(facts, draft);
  if (labels) SeeLabels(makeup->largest_pod, draft);
  if (!labels && none_dead) {
    FindLargePods(draft);
  } else {
    RemoveDead(facts, draft);
  }
  return draft.Done();
}

std::optional<Ranked> MessageTooLargeSoon(const Facts& facts) {
  const ListSizeEvidence* soonest = nullptr;
  for (const ListSizeEvidence& list : facts.e.list_sizes) {
    if (Share(list) >= 1) return std::nullopt;
    if (!IsLarge(list)) continue;
    if (soonest == nullptr || UntilFull(list) < UntilFull(*soonest)) soonest = &list;
  }
  if (soonest == nullptr || Exhausted(facts) != nullptr) return std::nullopt;
  if (LargestExcess(facts) != nullptr) return std::nullopt;
  const absl::Duration left = UntilFull(*soonest);
  const bool grows = left <= kForecast;
  Draft draft(VerdictCode::kMessageTooLargeSoon, Tier::kThreatens,
              grows ? Confidence::kHigh : Confidence::kMedium);
  draft
      .Say(absl::StrCat(Shorten(Printable(soonest->method), 40), " is at ",
                        FormatPercent(Share(*soonest) * 100), " of what the kubelet can receive",
                        left == absl::InfiniteDuration()
                            ? ""
                            : absl::StrCat(", and full in ", FormatAge(left))),
           "beyond it the node is NotReady, also after a restart of the kubelet",
           "Remove dead containers and sandboxes as shown")
      .For(SizeText(*soonest))
      .For(absl::StrCat("it grows by ", FormatBytes(WholeNumber(soonest->slope_bytes_per_hour)),
                        " an hour"));
  BlameDead(facts, draft);
  RemoveDead(facts, draft);
  return draft.Done();
}

std::optional<Ranked> TooManyChanges(const Facts& facts) {
  const Evidence& e = facts.e;
  const size_t silent = facts.silent_containers.size() + facts.silent_sandboxes.size();
  if (!facts.crowd || facts.lists_silent()) return std::nullopt;
  // They wait for a runtime that answers no such call: RUNTIME_HUNG.
  if (MuteFor(facts, "PodSandboxStatus").has_value() ||
      MuteFor(facts, "ContainerStatus").has_value()) {
    return std::nullopt;
  }
  const bool over = e.predicted_status_phase >= e.relist.threshold;
  Draft draft(VerdictCode::kTooManyChanges, over ? Tier::kBlocksPleg : Tier::kHurtsPods,
              over ? Confidence::kHigh : Confidence::kMedium);
  const MethodEvidence* status = facts.Method("ContainerStatus");
  draft.RestsOn(Basis::kTiming)
      .Say(absl::StrCat(e.counts.pods_pending,
                        " pods changed at once: the kubelet inspects one after another and needs ",
                        FormatAge(e.predicted_status_phase), " for one relist, its limit is ",
                        FormatAge(e.relist.threshold)),
           facts.outlook.text, "Slow the churn down: rollouts, crash loops, CronJobs")
      .For(absl::StrCat("predicted inspections: ", FormatAge(e.predicted_status_phase), " for ",
                        e.counts.pods_pending, " changed of ", e.counts.pods, " pods"))
      .For(absl::StrCat(WholeNumber(e.counts.changed_pods_per_minute), " pods change a minute"));
  if (status != nullptr && status->median_recent.has_value()) {
    draft.For(absl::StrCat("a ContainerStatus takes ", FormatLatency(*status->median_recent)));
  }
  if (silent > 0) {
    draft.Doubt(absl::StrCat(silent, " statuses do not answer at all: a hang rather than a crowd"));
  }
  if (facts.slowdown >= kSlowdown) {
    draft.Doubt("every call is many times slower than usual, whatever changes");
  }
  draft
      .Do("From where kubectl works: keep new pods away until it has caught up",
          "kubectl cordon NODE")
      .Do("See which pods restart most",
          absl::StrCat(Crictl(facts, "--timeout 60s ps -a -o json"),
                       " | jq -r '.containers[] | [.metadata.attempt, "
                       ".labels[\"io.kubernetes.pod.namespace\"] + \"/\" + "
                       ".labels[\"io.kubernetes.pod.name\"]] | @tsv' | sort -rn | head"));
  return draft.Done();
}

std::optional<Ranked> TooManyDead(const Facts& facts) {
  const CountEvidence& counts = facts.e.counts;
  const bool many = counts.exited >= kManyExited;
  if (!many && counts.exited_of_one_pod < kManyExitedOfOne) return std::nullopt;
  const MethodEvidence* list = facts.Method("ListContainers");
  const bool slow = list != nullptr && list->median_recent >= absl::Seconds(1);
  const SlowList late = FindSlowList(facts);
  Draft draft(VerdictCode::kTooManyDead, slow ? Tier::kHurtsPods : Tier::kThreatens,
              many ? Confidence::kHigh : Confidence::kMedium);
  if (slow) draft.RestsOn(Basis::kTiming);
  if (late.since.has_value()) draft.Since(*late.since);
  const absl::Duration cost = facts.outlook.restart_cost;
  const bool never_back = cost > facts.e.relist.threshold;
  draft
      .Say(
          absl::StrCat(counts.exited, " exited containers lie on the node beside ", counts.running,
                       " running ones",
                       OfOnePod(counts) ? absl::StrCat(", ", counts.exited_of_one_pod, " of ",
                                                       Shorten(PodName(counts.most_exited_pod), 60))
                                        : ""),
          late.method != nullptr ? absl::StrCat("lists take ", FormatLatency(late.takes),
                                                ", so that events of all pods are up to ",
                                                FormatAge(late.events_late), " late")
          : never_back && cost != absl::InfiniteDuration()
              ? absl::StrCat("a kubelet that restarts needs ", FormatAge(cost),
                             " for its first relist and is NotReady meanwhile")
              : "every list carries them",
          "Remove them as shown, and find out why the kubelet does not")
      .For(list != nullptr && list->median_recent.has_value()
               ? absl::StrCat("ListContainers takes ", FormatLatency(*list->median_recent))
               : "");
  BlameDead(facts, draft);
  if (counts.exited >= kFarTooManyExited) {
    draft.For("the kubelet's 16 MiB are reached near 11,000 containers");
  }
  RemoveDead(facts, draft);
  return draft.Done();
}

}  // namespace pleg
