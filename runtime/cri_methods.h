// The RPCs this client sends. All of them read; others do not exist here.
//
//   transport.Start(kListContainers, request, timeout, done);

#ifndef PLEGD_RUNTIME_CRI_METHODS_H_
#define PLEGD_RUNTIME_CRI_METHODS_H_

#include "absl/strings/string_view.h"

namespace runtime {

// Immutable; outlives the program.
struct CriMethod {
  absl::string_view name;  // "ListContainers": of metrics, logs and the ledger
  const char* path;        // as HTTP/2 has it
  bool is_list = false;    // whose reply grows with the node
};

inline constexpr CriMethod kVersion{"Version", "/runtime.v1.RuntimeService/Version"};
inline constexpr CriMethod kStatus{"Status", "/runtime.v1.RuntimeService/Status"};
inline constexpr CriMethod kListPodSandbox{"ListPodSandbox",
                                           "/runtime.v1.RuntimeService/ListPodSandbox", true};
inline constexpr CriMethod kListContainers{"ListContainers",
                                           "/runtime.v1.RuntimeService/ListContainers", true};
// The same questions, answered in a stream of messages (KEP-5825). They keep the names of the
// lists, as in the kubelet.
inline constexpr CriMethod kStreamPodSandboxes{
    "ListPodSandbox", "/runtime.v1.RuntimeService/StreamPodSandboxes", true};
inline constexpr CriMethod kStreamContainers{"ListContainers",
                                             "/runtime.v1.RuntimeService/StreamContainers", true};
inline constexpr CriMethod kPodSandboxStatus{"PodSandboxStatus",
                                             "/runtime.v1.RuntimeService/PodSandboxStatus"};
inline constexpr CriMethod kContainerStatus{"ContainerStatus",
                                            "/runtime.v1.RuntimeService/ContainerStatus"};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_CRI_METHODS_H_
