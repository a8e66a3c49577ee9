// How a node is watched: what plegd's flags and those of `plegctl --direct` become.
//
//   node::Options options;   options.settings.relist_period = absl::Seconds(1);

#ifndef PLEGD_NODE_OPTIONS_H_
#define PLEGD_NODE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "node/node_view.h"
#include "runtime/host/kubelet_probe.h"

namespace node {

// Thread-compatible. The defaults are those of the command lines.
struct Options {
  Settings settings = {};
  std::string kubelet_version = "auto";               // one that pleg::KubeletModels takes
  runtime::host::KubeletProbe::Options kubelet = {};  // without a URL it is not asked
  bool typed_decode = false;
  bool list_streaming = true;
  // Bytes of a list that are taken; empty: by the memory that this process may have.
  std::optional<uint64_t> list_budget = {};
  size_t inspect_concurrency = 16;  // pods at a time
  bool serial_inspect = false;      // one call after another, as the kubelet
  bool sweep = true;                // ask running containers for their status now and then
};

}  // namespace node

#endif  // PLEGD_NODE_OPTIONS_H_
