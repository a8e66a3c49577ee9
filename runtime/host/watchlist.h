// Whose processes the host is asked about.
//
//   Watchlist list(*pods);
//   list.Add(id, true);   list.AddRunning();   list.AddSeen(ids);   question.watched = list.Take();

#ifndef PLEGD_RUNTIME_HOST_WATCHLIST_H_
#define PLEGD_RUNTIME_HOST_WATCHLIST_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "pleg/diagnosis/gather.h"
#include "pleg/pods_view.h"
#include "runtime/host/host_tracker.h"

namespace runtime::host {

// Each object once, as it was added first; what is beyond kMax is left out, so that likely ones are
// added first. Thread-compatible.
class Watchlist {
 public:
  static constexpr size_t kMax = kMaxWatched;

  // Refers to the pods.
  explicit Watchlist(const pleg::PodsView& pods) : pods_(pods), names_(pods) {}

  // `silent`: a call about it is unanswered.
  void Add(absl::string_view id, bool silent = false);
  // The containers that are listed to run.
  void AddRunning();
  // Of what the host has seen: containers that are listed as exited, which leave nothing behind on
  // the host when they do, so that these are few among thousands; sandboxes, for their shims,
  // without their state, which says nothing of a process. What no listing has is another runtime's,
  // and added only while there was none yet.
  void AddSeen(const std::vector<std::string>& ids, bool listed_once);

  std::vector<WatchedObject> Take() { return std::move(watched_); }

 private:
  const pleg::PodsView& pods_;
  const pleg::ObjectNames names_;
  absl::flat_hash_set<std::string> known_;
  std::vector<WatchedObject> watched_;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_WATCHLIST_H_
