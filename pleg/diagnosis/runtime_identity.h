// Which runtime this is, and what its processes and units are called where it runs.

#ifndef PLEGD_PLEG_DIAGNOSIS_RUNTIME_IDENTITY_H_
#define PLEGD_PLEG_DIAGNOSIS_RUNTIME_IDENTITY_H_

#include <cstdint>
#include <string>

#include "pleg/diagnosis/evidence.h"

namespace pleg {

enum class RuntimeKind : uint8_t { kContainerd, kCrio, kCriDockerd, kOther };

struct RuntimeIdentity {
  RuntimeKind kind = RuntimeKind::kOther;
  std::string title;         // "containerd 1.7.13", "the runtime"
  std::string process;       // comm; empty if not known
  std::string unit;          // of systemd; empty if not known
  std::string kubelet_unit;  // the same where one process is both
  // One unit is runtime and kubelet: there is no restart of the runtime alone.
  bool one_unit() const { return unit == kubelet_unit; }
};

// By what it calls itself, else by its endpoint. Its unit is the one its process runs in; where
// that is not known, the one it has in most distributions.
RuntimeIdentity IdentifyRuntime(const Evidence& evidence);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_RUNTIME_IDENTITY_H_
