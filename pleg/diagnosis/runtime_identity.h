// Which runtime this is, what its processes and units are called where it runs, and what a restart
// of them takes along.

#ifndef PLEGD_PLEG_DIAGNOSIS_RUNTIME_IDENTITY_H_
#define PLEGD_PLEG_DIAGNOSIS_RUNTIME_IDENTITY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "pleg/diagnosis/evidence.h"

namespace pleg {

enum class RuntimeKind : uint8_t { kContainerd, kCrio, kCriDockerd, kOther };

// The units of systemd that something consists of; or, while it is not known which of a
// distribution's units this node has, all that it may be.
struct Units {
  std::vector<std::string> names;  // words for a shell
  bool either = false;             // one of them runs

  bool empty() const { return names.empty(); }
  std::string Name() const;    // "k3s or k3s-agent"
  std::string Log() const;     // "journalctl -u k3s -u k3s-agent"
  std::string Start() const;   // of what does not run
  std::string Revive() const;  // restarts what runs: "systemctl try-restart k3s k3s-agent"

  bool operator==(const Units& other) const { return names == other.names; }
};

// One way to restart the runtime, or a part of it.
struct Restart {
  std::string what;     // "the runtime", "Docker itself"
  std::string command;  // "systemctl restart containerd"
  std::string cost;     // "containers run on", "it stops every container unless …"
  std::string check;    // a command that tells whether that cost is due; empty if it is certain
};

struct RuntimeIdentity {
  RuntimeKind kind = RuntimeKind::kOther;
  std::string title;         // "containerd 1.7.13", "the runtime"
  std::string process;       // comm; empty if not known
  Units unit;                // empty if not known
  std::string own_unit;      // the one whose main process it is; empty if not known
  Units kubelet_unit;        // the same where one process is both
  std::string kubelet_cost;  // what else a restart of the kubelet's unit takes along; or empty
  // Commands that list the ids of its sandboxes, or containers, and maybe other words, without a
  // call to CRI; empty if none is known.
  std::string list_sandboxes;
  std::string list_containers;
  std::vector<Restart> restarts;  // of the runtime, what costs least first; empty without a unit
  // One unit is runtime and kubelet: there is no restart of the runtime alone.
  bool one_unit() const { return unit == kubelet_unit; }
};

// By what it calls itself, else by its endpoint. Its unit is the one its process runs in; where
// that is not known, those it has in most distributions.
RuntimeIdentity IdentifyRuntime(const Evidence& evidence);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_RUNTIME_IDENTITY_H_
