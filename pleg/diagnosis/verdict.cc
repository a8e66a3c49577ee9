#include "pleg/diagnosis/verdict.h"

#include "absl/strings/str_cat.h"

namespace pleg {
namespace {

constexpr absl::string_view kNames[kVerdictCodes] = {
    "HEALTHY",
    "STARTING",
    "RUNTIME_DOWN",
    "RUNTIME_RESTARTING",
    "RUNTIME_HUNG",
    "RUNTIME_ERRORS",
    "CRI_UNSUPPORTED",
    "MESSAGE_TOO_LARGE",
    "MESSAGE_TOO_LARGE_SOON",
    "NODE_IO_STARVED",
    "NODE_CPU_STARVED",
    "NODE_MEMORY_STARVED",
    "FROZEN_CGROUP",
    "CNI_STUCK",
    "SYSTEMD_OVERLOADED",
    "MOUNT_EXPLOSION",
    "LIST_LOCK_CONVOY",
    "CONTAINER_STUCK",
    "SANDBOX_STUCK",
    "SILENT_LAG",
    "SHIM_UNRESPONSIVE",
    "STATE_STALE",
    "LATENT_HANG",
    "TOO_MANY_CHANGES",
    "TOO_MANY_DEAD",
    "KUBELET_SIDE",
    "WARNING",
    "UNEXPLAINED",
};

}  // namespace

absl::string_view VerdictCodeName(VerdictCode code) {
  const auto index = static_cast<size_t>(code);
  return index < kVerdictCodes ? kNames[index] : "UNEXPLAINED";
}

std::optional<VerdictCode> ParseVerdictCode(absl::string_view name) {
  for (size_t i = 0; i < kVerdictCodes; ++i) {
    if (kNames[i] == name) return static_cast<VerdictCode>(i);
  }
  return std::nullopt;
}

std::string VerdictPage(VerdictCode code) {
  return absl::StrCat("docs/verdicts/", VerdictCodeName(code), ".md");
}

absl::string_view ConfidenceName(Confidence confidence) {
  switch (confidence) {
    case Confidence::kLow:
      return "low";
    case Confidence::kMedium:
      return "medium";
    case Confidence::kHigh:
      return "high";
  }
  return "low";
}

absl::string_view ReadinessName(Readiness readiness) {
  switch (readiness) {
    case Readiness::kUnknown:
      return "unknown";
    case Readiness::kReady:
      return "ready";
    case Readiness::kNotReady:
      return "not ready";
  }
  return "unknown";
}

absl::string_view SubjectName(Subject subject) {
  switch (subject) {
    case Subject::kDisk:
      return "disk";
    case Subject::kCpu:
      return "cpu";
    case Subject::kMemory:
      return "memory";
    case Subject::kSystemd:
      return "systemd";
    case Subject::kKubelet:
      return "kubelet";
    case Subject::kRuntime:
      return "runtime";
  }
  return "unknown";
}

absl::string_view FitnessName(Fitness fitness) {
  switch (fitness) {
    case Fitness::kFine:
      return "fine";
    case Fitness::kNotFine:
      return "not fine";
    case Fitness::kUnknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace pleg
