// A node from what crictl printed of it, any part of it: the output of `crictl pods -o json`,
// `ps -a -o json`, `inspect`, `inspectp`, `info` and `version`.
//
//   WorldDump dump;
//   absl::Status added = dump.Add("pods.json", bytes);
//   FixedWorld world = std::move(dump).Take();

#ifndef PLEGD_RUNTIME_SIM_WORLD_DUMP_H_
#define PLEGD_RUNTIME_SIM_WORLD_DUMP_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/sim/fixed_world.h"
#include "runtime/sim/json_text.h"

namespace sim {

// What an object's list says and what its status says are kept apart; what only one of them says
// stands for both. Thread-compatible.
class WorldDump {
 public:
  // One file, of any number of outputs one after the other; what they are is seen by their fields.
  // Fields that this version of the CRI does not have are left out. kInvalidArgument names file,
  // line and field.
  absl::Status Add(const std::string& file, absl::string_view text);

  // If no pod was ever listed or inspected, each container gets the sandbox that its labels speak
  // of, ready if one of its containers runs.
  FixedWorld Take() &&;

 private:
  using Pointer = JsonText::Pointer;

  absl::Status AddDocument(const JsonText& text, const Pointer& at);
  void AddVersionText(absl::string_view text);
  absl::Status AddVersion(const JsonText& text, const Pointer& at);
  absl::Status AddPods(const JsonText& text, const Pointer& at);
  absl::Status AddContainers(const JsonText& text, const Pointer& at);
  absl::Status AddInfo(const JsonText& text, const Pointer& at);
  absl::Status AddSandboxStatus(const JsonText& text, const Pointer& at);
  absl::Status AddContainerStatus(const JsonText& text, const Pointer& at);
  void AddMissingSandboxes();

  FixedWorld world_;
  std::map<std::string, size_t> sandbox_index_;  // Into the world's, by id.
  std::map<std::string, size_t> container_index_;
  std::map<std::string, ::runtime::v1::PodSandboxStatus> sandbox_statuses_;
  std::map<std::string, ::runtime::v1::ContainerStatus> container_statuses_;
  std::map<std::string, std::string> sandbox_of_;  // By a container's id; from its inspection.
  bool has_pods_ = false;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_WORLD_DUMP_H_
