// A runc or crun that does not end, with no call to the runtime that shows it. One of which it is
// not known whom it works for stays a warning.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/owner.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/since.h"
#include "pleg/diagnosis/text.h"
#include "pleg/diagnosis/waits.h"

namespace pleg {
namespace {

// The kubelet has given up by then what it asked for.
constexpr absl::Duration kHungOci = absl::Minutes(2);

// Who froze a cgroup, or waits for systemd, is blamed with that.
bool IsExplained(const Facts& facts, const ProcessEvidence& oci) {
  const HostEvidence& host = *facts.host;
  const bool systemd = (host.dbus.has_value() && host.dbus->stopped()) ||
                       host.pid1_cpu_percent.value_or(0) >= kPid1Busy;
  const auto is_frozen = [&oci](const FrozenCgroup& cgroup) {
    return cgroup.object.id == oci.container_id;
  };
  const auto is_silent = [&oci](const UnansweredEvidence* call) {
    return call->object.id == oci.container_id;
  };
  return systemd || facts.lists_silent() ||
         std::any_of(host.frozen.begin(), host.frozen.end(), is_frozen) ||
         std::any_of(facts.silent.begin(), facts.silent.end(), is_silent);
}

const ProcessEvidence* FindHung(const Facts& facts) {
  const HostEvidence* host = facts.fresh_host();
  if (host == nullptr) return nullptr;
  for (const ProcessEvidence& oci : host->oci_processes) {
    const bool hung = IsShortLived(oci) && oci.age >= kHungOci && oci.state != 'Z';
    if (hung && !oci.container_id.empty() && !IsExplained(facts, oci)) return &oci;
  }
  return nullptr;
}

std::string WaitText(const ProcessEvidence& process) {
  return std::string(WaitOf(process.wait_function, process.stack).reason);
}

// What it has started for the same container, and waits for, if that is known to wait for
// something.
const ProcessEvidence* WaitsFor(const Facts& facts, const ProcessEvidence& oci) {
  if (!WaitText(oci).empty()) return nullptr;
  for (const ProcessEvidence& other : facts.host->oci_processes) {
    const bool same = &other != &oci && other.container_id == oci.container_id;
    if (same && !WaitText(other).empty()) return &other;
  }
  return nullptr;
}

std::string WhatItWaitsFor(const ProcessEvidence& oci, const ProcessEvidence* other) {
  if (other != nullptr) {
    return absl::StrCat(": ", ProcessName(*other), " waits for ", WaitText(*other));
  }
  const std::string reason = WaitText(oci);
  return reason.empty() ? "" : absl::StrCat(": it waits for ", reason);
}

absl::string_view WhatItBlocks(absl::string_view action) {
  if (action == "create" || action == "start") return "the container does not start";
  if (action == "delete" || action == "kill") return "its pod does not end";
  return "whoever asks the runtime to change or list this container may wait for it";
}

// To look is bounded: a name may be on a storage that hangs.
void SeeWhatItHasOpen(const ProcessEvidence& process, Draft& draft) {
  if (process.pid <= 1) return;
  draft.Do("See which FIFO, lock or socket that is, and who else has it open",
           absl::StrCat("timeout 10 ls -l /proc/", process.pid, "/fd; timeout 20 lsof -p ",
                        process.pid));
}

}  // namespace

std::optional<Ranked> OciHangs(const Facts& facts) {
  const ProcessEvidence* oci = FindHung(facts);
  if (oci == nullptr) return std::nullopt;
  const ProcessEvidence* other = WaitsFor(facts, *oci);
  const ObjectRef object = ObjectOf(facts, oci->container_id);
  const Owner owner = StuckProcess(facts, *oci);
  const Since since = SinceLooked(facts, oci->age);
  Draft draft(VerdictCode::kContainerStuck, Tier::kHurtsPods, Confidence::kHigh);
  draft.OfHost()
      .RestsOn(Basis::kTiming)
      .Since(since.age)
      .Say(absl::StrCat(ProcessName(*oci), " for ", ObjectName(object), " has not ended for ",
                        FormatAge(oci->age), WhatItWaitsFor(*oci, other)),
           WhatItBlocks(oci->action), owner.advice)
      .For(owner.detail);
  if (other != nullptr) draft.For(StuckProcess(facts, *other).detail);
  draft.For("lists and statuses are answered: nothing waits for it there");
  draft.Blame(object);
  for (const Action& action : owner.actions) draft.Do(action);
  SeeWhatItHasOpen(other != nullptr ? *other : *oci, draft);
  LookAtLog(facts, "See what the runtime says of it", draft);
  return draft.Done();
}

}  // namespace pleg
