#include "pleg/model.h"

namespace pleg {

absl::string_view ContainerStateName(ContainerState state) {
  switch (state) {
    case ContainerState::kCreated:
      return "created";
    case ContainerState::kRunning:
      return "running";
    case ContainerState::kExited:
      return "exited";
    case ContainerState::kUnknown:
      break;
  }
  return "unknown";
}

absl::string_view SandboxStateName(SandboxState state) {
  switch (state) {
    case SandboxState::kReady:
      return "ready";
    case SandboxState::kNotReady:
      return "notready";
    case SandboxState::kUnknown:
      break;
  }
  return "unknown";
}

absl::string_view PlegStateName(PlegState state) {
  switch (state) {
    case PlegState::kNonExistent:
      return "non-existent";
    case PlegState::kRunning:
      return "running";
    case PlegState::kExited:
      return "exited";
    case PlegState::kUnknown:
      break;
  }
  return "unknown";
}

PlegState ToPlegState(ContainerState state) {
  switch (state) {
    case ContainerState::kRunning:
      return PlegState::kRunning;
    case ContainerState::kExited:
      return PlegState::kExited;
    case ContainerState::kCreated:
    case ContainerState::kUnknown:
      break;
  }
  return PlegState::kUnknown;
}

PlegState ToPlegState(SandboxState state) {
  switch (state) {
    case SandboxState::kReady:
      return PlegState::kRunning;
    case SandboxState::kNotReady:
      return PlegState::kExited;
    case SandboxState::kUnknown:
      break;
  }
  return PlegState::kUnknown;
}

bool SandboxBefore(const SandboxInfo& a, const SandboxInfo& b) {
  if (a.attempt != b.attempt) return a.attempt > b.attempt;
  if (a.created_at != b.created_at) return a.created_at > b.created_at;
  return a.id < b.id;
}

bool ContainerBefore(const ContainerInfo& a, const ContainerInfo& b) {
  if (a.created_at != b.created_at) return a.created_at > b.created_at;
  return a.id < b.id;
}

}  // namespace pleg
