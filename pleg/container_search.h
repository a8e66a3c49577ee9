// Which container a hanging list waits for. While a list of everything is out for long,
// ContainerStatus is asked of every container once: in containerd a status takes only its own
// container's lock, so the one that holds up the list is the one that does not answer
// (containerd#9770). Nothing is kept but what the ledger keeps.
//
//   ContainerSearch search({}, runtime, clock, [&] { return ids; });
//   once a second:  search.Tick(snapshot.relist_running_since);

#ifndef PLEGD_PLEG_CONTAINER_SEARCH_H_
#define PLEGD_PLEG_CONTAINER_SEARCH_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "pleg/ids.h"
#include "pleg/model.h"
#include "pleg/mono_time.h"
#include "pleg/runtime_service.h"

namespace pleg {

struct ContainerSearchOptions {
  absl::Duration after = absl::Seconds(2);  // that a list has been out
  // Calls that may be out, those of earlier searches among them: one that hangs is until its
  // deadline.
  size_t max_open = 64;
  // Containers asked in one search.
  size_t max_asked = 20'000;
};

// Confined to the core's thread.
class ContainerSearch {
 public:
  // The containers that may be at fault, likely ones first; asked again as long as a search lasts,
  // since more may become known.
  using Candidates = std::function<std::vector<ContainerId>()>;

  // All outlive the search.
  ContainerSearch(ContainerSearchOptions options, RuntimeService& runtime, const Clock& clock,
                  Candidates candidates);
  ContainerSearch(const ContainerSearch&) = delete;
  ContainerSearch& operator=(const ContainerSearch&) = delete;

  // `listing_since`: since when a list of everything is out; empty if none is, which ends the
  // search.
  void Tick(std::optional<MonoTime> listing_since);

  bool searching() const { return searching_; }
  size_t open() const { return open_.size(); }

 private:
  void End();
  void SendMore();
  void OnAnswer(const ContainerId& id);

  const ContainerSearchOptions options_;
  RuntimeService& runtime_;
  const Clock& clock_;
  const Candidates candidates_;
  bool searching_ = false;
  std::deque<ContainerId> waiting_;
  absl::flat_hash_set<ContainerId>
      seen_;  // in this search: asked, waiting, or asked before and out
  absl::flat_hash_set<ContainerId> open_;  // out, from whichever search
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pleg

#endif  // PLEGD_PLEG_CONTAINER_SEARCH_H_
