// The faults in force. The first that matches a call, in the order they were added, decides its
// fate.

#ifndef PLEGD_RUNTIME_SIM_FAULT_TABLE_H_
#define PLEGD_RUNTIME_SIM_FAULT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "pleg/ids.h"
#include "pleg/mutex.h"
#include "runtime/sim/fault.h"

namespace sim {

// Thread-safe.
class FaultTable {
 public:
  struct Entry {
    uint64_t number = 0;  // From 1, never used twice; 0 is the freeze.
    Fault fault;
    uint64_t hits = 0;
    std::string convoy = {};  // Id of the container whose lock convoy it belongs to.
    bool rule = false;        // Of the world's: below all others, and only SetRules ends it.
    uint64_t matched = 0;     // Calls of which a share is hit.
  };

  // Called after each change, without a lock held: calls that a fault held may now go on.
  explicit FaultTable(std::function<void()> on_change) : on_change_(std::move(on_change)) {}

  uint64_t Add(Fault fault);
  // The lock convoy of containerd: one container's status lock is held for ever. Lists of
  // containers, filtered or not, and that container's status hang; all else answers.
  void AddConvoy(const pleg::ContainerId& id);
  // How the world's calls fail, in the place of the rules before. A rule that was there already
  // goes on holding what it holds.
  void SetRules(std::vector<Fault> rules);
  // Every call hangs until Thaw(). No entry of the list.
  void Freeze();
  void Thaw();
  bool frozen() const;

  // How many went, the world's rules never. Calls they held are answered.
  size_t Clear(uint64_t number);
  size_t ClearAll();
  size_t ClearConvoys();

  std::vector<Entry> List() const;

  // The fault that hits this call, counted as a hit. A fault whose count is used up hits nothing
  // more, but holds what it holds until it is cleared.
  std::optional<Entry> Match(Rpc rpc, const pleg::ContainerId& id);
  // Whether the fault has not been cleared.
  bool InForce(uint64_t number) const;

 private:
  uint64_t AddLocked(Fault fault, std::string convoy, bool first)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  template <typename Predicate>
  size_t ClearIf(Predicate predicate);

  const std::function<void()> on_change_;
  mutable pleg::Mutex mu_;
  uint64_t next_number_ ABSL_GUARDED_BY(mu_) = 1;
  bool frozen_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_FAULT_TABLE_H_
