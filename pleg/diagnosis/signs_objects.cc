// Signs of objects in states that do not last on a node that is well.

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/sign_table.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

// From a container's creation to its start it takes the runtime seconds, and a loaded node a
// minute.
constexpr absl::Duration kCreatedForLong = absl::Minutes(5);
constexpr absl::Duration kUnknownForLong = absl::Seconds(30);
constexpr absl::Duration kTwiceForLong = absl::Seconds(30);
constexpr absl::Duration kNotInspectedForLong = absl::Seconds(30);

std::string PodName(const ObjectRef& pod) {
  return absl::StrCat(Shorten(Printable(pod.pod_namespace), 40), "/",
                      Shorten(Printable(pod.pod_name), 60, true));
}

std::string NameOf(const ObjectRef& object) {
  return object.id.empty() ? PodName(object) : ObjectName(object);
}

// Every object that has been so for `limit`, worst first.
void JudgeLasting(const Facts& facts, Lasting lasting, absl::Duration limit, absl::string_view what,
                  SignJudge& judge) {
  judge.Good(absl::StrCat("no object is ", what));
  const LastingEvidence* evidence = FindLasting(facts, lasting);
  if (evidence == nullptr) return;
  for (const LastingObject& row : evidence->worst) {
    if (row.age < limit) continue;
    const std::string count = row.count > 1 ? absl::StrCat(" (", row.count, " instances)") : "";
    Sign& sign = judge.Bad(
        absl::StrCat(NameOf(row.object), " has been ", what, " for ", FormatAge(row.age), count),
        row.age, row.object);
    sign.command = KubectlPod("describe", row.object);
  }
}

void JudgeCreated(const Facts& facts, SignJudge& judge) {
  JudgeLasting(facts, Lasting::kCreated, kCreatedForLong, "Created and not started", judge);
}

void JudgeUnknown(const Facts& facts, SignJudge& judge) {
  JudgeLasting(facts, Lasting::kUnknown, {}, "in state Unknown", judge);
}

void JudgeReadyTwice(const Facts& facts, SignJudge& judge) {
  JudgeLasting(facts, Lasting::kReadyTwice, kTwiceForLong, "a pod of two ready sandboxes", judge);
}

void JudgeRunningTwice(const Facts& facts, SignJudge& judge) {
  JudgeLasting(facts, Lasting::kRunningTwice, kTwiceForLong, "running more than once", judge);
}

void JudgeAttemptOrder(const Facts& facts, SignJudge& judge) {
  judge.Good("later attempts were created later");
  const LastingEvidence* evidence = FindLasting(facts, Lasting::kAttemptOrder);
  if (evidence == nullptr) return;
  for (const LastingObject& row : evidence->worst) {
    judge.Bad(absl::StrCat("the clock went back: by its creation, a later attempt of ",
                           NameOf(row.object),
                           " is older than an earlier one, which a kubelet takes for the current"),
              row.age, row.object);
  }
}

// A container that is removed with a sandbox that is named already.
bool GoesWithSandbox(const LastingEvidence& evidence, const ObjectRef& object) {
  if (object.container.empty()) return false;
  return std::any_of(evidence.worst.begin(), evidence.worst.end(), [&](const LastingObject& row) {
    return row.object.container.empty() && row.object.pod_name == object.pod_name &&
           row.object.pod_namespace == object.pod_namespace;
  });
}

void JudgeNoUid(const Facts& facts, SignJudge& judge) {
  judge.Good("every pod has a UID");
  const LastingEvidence* evidence = FindLasting(facts, Lasting::kNoUid);
  if (evidence == nullptr) return;
  for (const LastingObject& row : evidence->worst) {
    if (GoesWithSandbox(*evidence, row.object)) continue;
    Sign& sign = judge.Bad(
        absl::StrCat(NameOf(row.object), " was made without a pod UID: no kubelet manages it"),
        row.age, row.object);
    const std::string id = IdWord(row.object.id);
    if (id.empty()) continue;
    const bool sandbox = row.object.container.empty();
    sign.command = Crictl(facts, absl::StrCat(sandbox ? "inspectp " : "inspect ", id));
    sign.cure = absl::StrCat(Crictl(facts, absl::StrCat(sandbox ? "stopp " : "stop ", id)), " && ",
                             Crictl(facts, absl::StrCat(sandbox ? "rmp " : "rm ", id)));
  }
}

// A status that fails or is silent says more.
bool HasFailingStatus(const Facts& facts, const ObjectRef& pod) {
  const auto of_it = [&pod](const ObjectRef& object) {
    return !pod.pod_uid.empty() && object.pod_uid == pod.pod_uid;
  };
  return std::any_of(facts.e.failing.begin(), facts.e.failing.end(),
                     [&](const FailingEvidence& row) { return of_it(row.object); }) ||
         std::any_of(facts.e.unanswered.begin(), facts.e.unanswered.end(),
                     [&](const UnansweredEvidence& call) { return of_it(call.object); });
}

void JudgeNotInspected(const Facts& facts, SignJudge& judge) {
  judge.Good("no inspection of a pod fails");
  const LastingEvidence* evidence = FindLasting(facts, Lasting::kNotInspected);
  if (evidence == nullptr) return;
  for (const LastingObject& row : evidence->worst) {
    if (row.age < kNotInspectedForLong || HasFailingStatus(facts, row.object)) continue;
    if (row.object.pod_uid.empty()) continue;  // see JudgeNoUid
    Sign& sign = judge.Bad(absl::StrCat("the inspection of ", NameOf(row.object),
                                        " has failed for ", FormatAge(row.age)),
                           row.age, row.object);
    sign.command = KubectlPod("describe", row.object);
  }
}

void JudgeNotReady(const Facts& facts, SignJudge& judge) {
  const uint32_t all = facts.e.counts.sandboxes_notready;
  const NotReadySandboxes found = FindNotReady(facts);
  if (!found.many) {
    judge.Good(absl::StrCat(all, " sandboxes are not ready"));
    return;
  }
  const std::string whose =
      found.most == nullptr
          ? ""
          : absl::StrCat(", ", found.of_one ? absl::StrCat(found.most->count, " of ") : "one of ",
                         PodName(found.most->object), ", ", FormatAge(found.most->age), " old");
  judge.Bad(absl::StrCat(all, " sandboxes are not ready", whose), {},
            found.of_one ? found.most->object : ObjectRef{});
}

void JudgeExited(const Facts& facts, SignJudge& judge) {
  const CountEvidence& counts = facts.e.counts;
  const bool of_one = counts.exited_of_one_pod >= kManyExitedOfOne;
  judge.Judge(counts.exited >= kManyExited || of_one,
              absl::StrCat(counts.exited, " exited containers",
                           of_one ? absl::StrCat(", ", counts.exited_of_one_pod, " of ",
                                                 PodName(counts.most_exited_pod))
                                  : ""));
}

void JudgeProcess(bool alive, SignJudge& judge) {
  const HostEvidence* host = judge.Host();
  if (host == nullptr) return;
  judge.Good(alive ? "no exited container has a live process" : "what runs has a live process");
  for (const ShimEvidence& shim : host->shims) {
    if (!Contradicts(shim) || *shim.container_alive != alive) continue;
    judge.Bad(absl::StrCat(ObjectName(shim.object), " is listed as ",
                           Shorten(Printable(shim.listed_state), 16),
                           alive ? " and its process lives" : " and has no live process"),
              shim.disagree_for, shim.object);
  }
}

void JudgeRunningDead(const Facts& /*facts*/, SignJudge& judge) { JudgeProcess(false, judge); }
void JudgeExitedAlive(const Facts& /*facts*/, SignJudge& judge) { JudgeProcess(true, judge); }

constexpr absl::string_view kDescribe = "See what the kubelet says of its pod";
constexpr absl::Duration kRelease = absl::Seconds(5);
// What comes and goes is not over when it is gone.
constexpr absl::Duration kInTurn = absl::Minutes(1);

constexpr SignRow kRows[] = {
    {SignId::kCreatedContainers,
     "created_containers",
     {"objects",
      "ListContainers",
      "5m",
      "its pod does not start",
      kDescribe,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeCreated},
    {SignId::kUnknownObjects,
     "unknown_objects",
     {"objects", "ListPodSandbox and ListContainers", "30s, also on and off",
      "the runtime does not know whether it runs, so nobody restarts or removes it", kDescribe, "",
      Severity::kPage, kUnknownForLong, kInTurn},
     JudgeUnknown},
    {SignId::kNotReadySandboxes,
     "notready_sandboxes",
     {"objects",
      "ListPodSandbox",
      "500, or 20 of one pod",
      "the kubelet does not collect them, and a kubelet that restarts has to inspect them all",
      "See them",
      "crictl pods --state NotReady",
      Severity::kWarn,
      {},
      kRelease},
     JudgeNotReady},
    {SignId::kExitedContainers,
     "exited_containers",
     {"objects",
      "ListContainers",
      "1000, or 100 of one pod",
      "every list carries them",
      "See them",
      "crictl --timeout 60s ps -a --state Exited",
      Severity::kWarn,
      {},
      kRelease},
     JudgeExited},
    {SignId::kReadyTwice,
     "ready_twice",
     {"objects",
      "ListPodSandbox",
      "2 ready sandboxes of a pod for 30s",
      "the older one is left over, and holds its address and volumes",
      kDescribe,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeReadyTwice},
    {SignId::kRunningTwice,
     "running_twice",
     {"objects",
      "ListContainers",
      "2 running instances of a name for 30s",
      "the program runs twice on the same volumes",
      kDescribe,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeRunningTwice},
    {SignId::kAttemptOrder,
     "attempt_order",
     {"objects",
      "ListPodSandbox and ListContainers",
      "a later attempt was created earlier",
      "a kubelet takes the wrong instance for the current one, and may start it again",
      "See the clock's steps",
      "journalctl -k --no-pager | grep -i clock; timedatectl",
      Severity::kWarn,
      {},
      kRelease},
     JudgeAttemptOrder},
    {SignId::kPodsWithoutUid,
     "pods_without_uid",
     {"objects",
      "ListPodSandbox and ListContainers",
      "any",
      "no kubelet manages it, and none removes it",
      "See what it is, and remove it by its id if nobody needs it",
      "",
      Severity::kWarn,
      {},
      kRelease},
     JudgeNoUid},
    {SignId::kPodsNotInspected,
     "pods_not_inspected",
     {"objects",
      "inspections",
      "30s",
      "none of its events comes",
      kDescribe,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeNotInspected},
    {SignId::kRunningWithoutProcess,
     "running_without_process",
     {"objects",
      "the host's processes",
      "10s",
      "Kubernetes does not restart it",
      kDescribe,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeRunningDead},
    {SignId::kExitedWithProcess,
     "exited_with_process",
     {"objects",
      "the host's processes",
      "10s",
      "Kubernetes may start it a second time",
      kDescribe,
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeExitedAlive},
};

}  // namespace

absl::Span<const SignRow> ObjectSigns() { return kRows; }

}  // namespace pleg
