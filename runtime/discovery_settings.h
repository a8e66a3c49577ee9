// Which endpoint somebody has asked for: the operator, crictl's file, or the kubelet's setting.
//
//   absl::StatusOr<FoundSetting> found = FindSetting(settings, ReadConfigFile);

#ifndef PLEGD_RUNTIME_DISCOVERY_SETTINGS_H_
#define PLEGD_RUNTIME_DISCOVERY_SETTINGS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/endpoint.h"

namespace runtime {

// Empty texts are not given. Thread-compatible.
struct DiscoverySettings {
  std::string flag;                       // --runtime-endpoint
  std::string environment;                // CONTAINER_RUNTIME_ENDPOINT
  std::string crictl_config_flag;         // --crictl-config
  std::string crictl_config_environment;  // CRI_CONFIG_FILE
  std::string default_crictl_config = "/etc/crictl.yaml";
  // Where the kubelet's flags are kept, as systemd environment files; the first that has the flag
  // counts. kubeadm's unit puts KUBELET_EXTRA_ARGS of the first two after its own.
  std::vector<std::string> kubelet_flag_files = {"/etc/default/kubelet", "/etc/sysconfig/kubelet",
                                                 "/var/lib/kubelet/kubeadm-flags.env"};
  // The kubelet's flags win over its configuration, as in the kubelet.
  std::string kubelet_config = "/var/lib/kubelet/config.yaml";
};

struct FoundSetting {
  std::optional<Endpoint> endpoint;
  std::string reason;              // "runtime-endpoint in /etc/crictl.yaml"
  std::vector<std::string> notes;  // what was passed over, a line each
};

using ReadFile = std::function<absl::StatusOr<std::string>(const std::string& path)>;

// The first that is set: flag, environment, crictl's file, the kubelet's flags, the kubelet's
// configuration. What plegd itself was told must be right: a malformed endpoint in flag or
// environment, and all that is wrong with a crictl file named by flag or environment, are errors.
// What merely lies around need not be there, and what is wrong with it becomes a note. Touches the
// machine only through `read_file`; in particular no /proc/<pid>/cmdline, which may block on the
// memory lock of a stuck process.
absl::StatusOr<FoundSetting> FindSetting(const DiscoverySettings& settings,
                                         const ReadFile& read_file);

// The value of the kubelet's --container-runtime-endpoint in a systemd environment file such as
//   KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd/containerd.sock …"
// The last one counts, also spelled with underscores, with a space for the equals sign, or quoted.
std::optional<std::string> FindKubeletEndpointFlag(absl::string_view environment_file);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_DISCOVERY_SETTINGS_H_
