// How many processes in uninterruptible sleep one look keeps. Anybody can have thousands of them (a
// parent in vfork is in that state), so the node's own and those of each container are counted
// apart: nobody crowds out what somebody else is stuck in.

#ifndef PLEGD_RUNTIME_HOST_BLOCKED_BUDGET_H_
#define PLEGD_RUNTIME_HOST_BLOCKED_BUDGET_H_

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace runtime::host {

// Thread-compatible.
class BlockedBudget {
 public:
  static constexpr size_t kOfNode = 500;
  static constexpr size_t kOfContainer = 50;
  static constexpr size_t kOfContainers = 500;  // all together, but for those that are silent

  // Takes a place for one more of `container`, empty for the node. False if there is none.
  bool Take(const std::string& container, bool silent) {
    size_t& taken = taken_[container];
    if (taken >= (container.empty() ? kOfNode : kOfContainer)) return false;
    if (!container.empty() && !silent) {
      if (of_containers_ >= kOfContainers) return false;
      ++of_containers_;
    }
    ++taken;
    return true;
  }

 private:
  absl::flat_hash_map<std::string, size_t> taken_;
  size_t of_containers_ = 0;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_BLOCKED_BUDGET_H_
