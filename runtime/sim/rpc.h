// The RPCs of the CRI's runtime service that the simulation answers.

#ifndef PLEGD_RUNTIME_SIM_RPC_H_
#define PLEGD_RUNTIME_SIM_RPC_H_

#include <array>
#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace sim {

inline constexpr absl::string_view kServiceName = "runtime.v1.RuntimeService";

enum class Rpc {
  kVersion,
  kStatus,
  kRuntimeConfig,
  kListPodSandbox,
  kListContainers,
  kPodSandboxStatus,
  kContainerStatus,
  kStreamPodSandboxes,
  kStreamContainers,
  kGetContainerEvents,
};

inline constexpr size_t kRpcCount = 10;
inline constexpr std::array<absl::string_view, kRpcCount> kRpcNames = {
    "Version",          "Status",
    "RuntimeConfig",    "ListPodSandbox",
    "ListContainers",   "PodSandboxStatus",
    "ContainerStatus",  "StreamPodSandboxes",
    "StreamContainers", "GetContainerEvents"};

inline absl::string_view RpcName(Rpc rpc) { return kRpcNames[static_cast<size_t>(rpc)]; }

// By its exact name; nullopt for any other.
inline std::optional<Rpc> RpcFromName(absl::string_view name) {
  for (size_t i = 0; i < kRpcCount; ++i) {
    if (kRpcNames[i] == name) return static_cast<Rpc>(i);
  }
  return std::nullopt;
}

inline bool IsContainerList(Rpc rpc) {
  return rpc == Rpc::kListContainers || rpc == Rpc::kStreamContainers;
}
inline bool IsList(Rpc rpc) {
  return IsContainerList(rpc) || rpc == Rpc::kListPodSandbox || rpc == Rpc::kStreamPodSandboxes;
}
inline bool IsInspection(Rpc rpc) {
  return rpc == Rpc::kPodSandboxStatus || rpc == Rpc::kContainerStatus;
}

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_RPC_H_
