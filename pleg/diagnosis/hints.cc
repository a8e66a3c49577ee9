#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/known_versions.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/surroundings.h"
#include "pleg/diagnosis/text.h"
#include "pleg/diagnosis/waits.h"

namespace pleg {
namespace {

constexpr size_t kMaxHint = 300;
constexpr size_t kMaxOfAKind = 5;
constexpr double kLittleHeadroom = 90;
constexpr uint32_t kManyZombies = 20;
constexpr uint32_t kManyBlocked = 5;
constexpr absl::Duration kRecently = absl::Minutes(10);

void Add(std::vector<Hint>& hints, absl::string_view text, absl::string_view source = "") {
  hints.push_back({Shorten(Printable(text), kMaxHint), std::string(source)});
}

void Versions(Component component, absl::string_view what, absl::string_view version,
              std::vector<Hint>& hints) {
  for (const KnownVersion* known : MatchVersion(component, version)) {
    Add(hints,
        absl::StrCat(what, " ", Shorten(version, 60), " is known for this: ", known->what, " (",
                     known->date,
                     known->fixed.empty() ? "" : absl::StrCat("; fixed in ", known->fixed), ")"),
        known->source);
  }
}

void Problems(const HostEvidence& host, std::vector<Hint>& hints) {
  for (size_t i = 0; i < host.problems.size() && i < kMaxOfAKind; ++i) {
    const ProbeProblem& problem = host.problems[i];
    Add(hints, problem.hangs ? absl::StrCat("the probe of ", problem.probe, " itself has hung for ",
                                            FormatAge(problem.hangs_for), ": ", problem.text)
                             : absl::StrCat("not read: ", problem.probe, ": ", problem.text));
  }
}

void Blocked(const HostEvidence& host, std::vector<Hint>& hints) {
  size_t said = 0;
  for (const BlockedGroup& group : host.blocked) {
    const absl::string_view reason = WaitReason(group.wait_function);
    if ((group.count < kManyBlocked && reason.empty()) || ++said > kMaxOfAKind) continue;
    Add(hints, absl::StrCat(group.count, " tasks in D in ", FunctionName(group.wait_function),
                            ", the oldest for ", FormatAge(group.oldest),
                            reason.empty() ? "" : absl::StrCat(": they wait for ", reason)));
    if (absl::StrContains(reason, "network storage") && !host.nfs.empty()) {
      Add(hints, absl::StrCat("network mounts: ", host.nfs.size(), ", e.g. ",
                              host.nfs.front().source, " at ", host.nfs.front().mount_point));
    }
  }
}

// Volumes are mounted below the pod's UID, so that the server is known even where no wait channel
// can be read.
void MountsOfSilentPods(const Facts& facts, std::vector<Hint>& hints) {
  size_t said = 0;
  absl::flat_hash_set<absl::string_view> pods;
  for (const UnansweredEvidence* call : facts.silent) {
    const ObjectRef& object = call->object;
    if (object.pod_uid.empty() || !pods.insert(object.pod_uid.value()).second) continue;
    const std::string directory = absl::StrCat("/pods/", object.pod_uid.value(), "/");
    for (const NfsMount& mount : facts.host->nfs) {
      if (!absl::StrContains(mount.mount_point, directory) || ++said > kMaxOfAKind) continue;
      Add(hints,
          absl::StrCat(Shorten(object.pod_namespace, 24), "/", Shorten(object.pod_name, 36, true),
                       " has mounted ", Shorten(mount.source, 80),
                       ": does that server answer? It is at ", mount.mount_point));
    }
  }
}

void OldestProcesses(const HostEvidence& host, std::vector<Hint>& hints) {
  if (!host.oci_processes.empty() && host.oci_processes.front().age >= kOldOciProcess) {
    const ProcessEvidence& oldest = host.oci_processes.front();
    Add(hints, absl::StrCat("oldest OCI runtime: ", ProcessName(oldest), ", ",
                            FormatAge(oldest.age), " old", ProcessState(oldest)));
  }
}

// Anybody can call a process so: that alone says nothing about the node.
void LookAlikes(const HostEvidence& host, std::vector<Hint>& hints) {
  constexpr size_t kShown = 3;
  const size_t shown = std::min(kShown, host.look_alikes.size());
  for (size_t i = 0; i < shown; ++i) {
    const LookAlike& process = host.look_alikes[i];
    Add(hints, absl::StrCat("pid ", process.pid, " calls itself ", Shorten(process.name, 24),
                            ", and is left out of the diagnosis: ", process.reason));
  }
  if (host.look_alike_count > shown && shown > 0) {
    Add(hints, absl::StrCat(host.look_alike_count - shown,
                            " more processes have such names without being what they say"));
  }
}

// The parents that have most: anybody can make more of them than are worth reading.
void Zombies(const HostEvidence& host, std::vector<Hint>& hints) {
  std::vector<const ZombieGroup*> many;
  for (const ZombieGroup& zombies : host.zombies) {
    if (zombies.count >= kManyZombies) many.push_back(&zombies);
  }
  std::stable_sort(many.begin(), many.end(),
                   [](const ZombieGroup* a, const ZombieGroup* b) { return a->count > b->count; });
  if (many.size() > kMaxOfAKind) many.resize(kMaxOfAKind);
  for (const ZombieGroup* zombies : many) {
    const std::string pid = absl::StrCat("pid ", zombies->parent_pid);
    Add(hints, absl::StrCat(zombies->count, " zombies that ",
                            zombies->parent.empty()
                                ? pid
                                : absl::StrCat(Shorten(zombies->parent, 24), " (", pid, ")"),
                            " does not reap"));
  }
}

void Leaks(const HostEvidence& host, std::vector<Hint>& hints) {
  size_t said = 0;
  for (const FuseConnection& fuse : host.fuse) {
    if (fuse.waiting == 0 || fuse.waiting_for < kSilentAfter || ++said > kMaxOfAKind) continue;
    Add(hints, absl::StrCat("FUSE connection ", fuse.id,
                            fuse.mount_point.empty() ? "" : absl::StrCat(" at ", fuse.mount_point),
                            ": requests have waited at every look for ",
                            FormatAge(fuse.waiting_for), ", ", fuse.waiting, " now"));
  }
  Zombies(host, hints);
  for (const Headroom& headroom : host.headroom) {
    if (!(headroom.used_percent >= kLittleHeadroom)) continue;
    Add(hints,
        absl::StrCat(headroom.resource, ": ", FormatPercent(headroom.used_percent), " used"));
  }
}

// A restart that is over is no finding.
void Restarts(const Facts& facts, std::vector<Hint>& hints) {
  const auto& ago = facts.e.runtime.reconnected_ago;
  if (ago.empty() || ago.front() > kRecently || LosesConnectionsItself(facts)) return;
  const auto recent =
      std::count_if(ago.begin(), ago.end(), [](absl::Duration age) { return age <= kRecently; });
  Add(hints, absl::StrCat(facts.runtime.title, " came back ", FormatAge(ago.front()), " ago",
                          recent > 1 ? absl::StrCat(", ", recent, " times in 10 minutes") : "",
                          ": ", LogSays(facts, "its log says why it ended")));
}

void OfHost(const Facts& facts, std::vector<Hint>& hints) {
  const HostEvidence& host = *facts.last_host;
  if (facts.host == nullptr) {
    Add(hints, absl::StrCat("the host was last looked at ", FormatAge(host.sampled_ago),
                            " ago: too long ago to judge by"));
  }
  Versions(Component::kKernel, "kernel", host.kernel_version, hints);
  Versions(Component::kSystemd, "systemd", host.systemd_version, hints);
  if (facts.host != nullptr) {
    OldestProcesses(host, hints);
    Blocked(host, hints);
    MountsOfSilentPods(facts, hints);
    LookAlikes(host, hints);
    Leaks(host, hints);
  }
  for (size_t i = 0; i < host.kernel_log.size() && i < kMaxOfAKind; ++i) {
    Add(hints, absl::StrCat("kernel log: ", host.kernel_log[i]));
  }
  Problems(host, hints);
}

}  // namespace

std::vector<Hint> Hints(const Facts& facts) {
  std::vector<Hint> hints;
  const RuntimeEvidence& runtime = facts.e.runtime;
  if (facts.runtime.kind == RuntimeKind::kContainerd) {
    Versions(Component::kContainerd, "containerd", runtime.version, hints);
  } else if (facts.runtime.kind == RuntimeKind::kCrio) {
    Versions(Component::kCrio, "CRI-O", runtime.version, hints);
  }
  Restarts(facts, hints);
  if (facts.own_lag) {
    Add(hints, absl::StrCat("plegd's own timer is ", FormatLatency(facts.e.self.worst_delay()),
                            " late: all ages are in doubt by as much"));
  }
  if (facts.e.kubelet.has_value() && !facts.e.kubelet->error.empty()) {
    Add(hints, absl::StrCat("the kubelet could not be asked: ", facts.e.kubelet->error));
  }
  if (facts.last_host != nullptr) {
    OfHost(facts, hints);
  } else {
    Add(hints, "the host was not looked at: shims, cgroups, disk and memory are not judged");
  }
  return hints;
}

}  // namespace pleg
