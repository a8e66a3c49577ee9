#include "runtime/host/watchlist.h"

#include <utility>

#include "pleg/model.h"

namespace runtime::host {

void Watchlist::Add(absl::string_view id, bool silent) {
  if (id.empty() || watched_.size() >= kMax || !known_.insert(std::string(id)).second) return;
  WatchedObject watched;
  watched.object = names_.Find(id);
  watched.sandbox = names_.SandboxOf(id);
  watched.listed_state = names_.StateOf(id);
  watched.silent = silent;
  watched_.push_back(std::move(watched));
}

void Watchlist::AddRunning() {
  for (const auto& pod : pods_.listed) {
    for (const pleg::ListedContainer& container : pod->containers) {
      if (container.state == pleg::ContainerState::kRunning) Add(container.info->id.value());
    }
  }
}

void Watchlist::AddSeen(const std::vector<std::string>& ids, bool listed_once) {
  for (const std::string& id : ids) {
    if (listed_once && names_.StateOf(id).empty()) continue;
    const size_t before = watched_.size();
    Add(id);
    if (watched_.size() > before && names_.SandboxOf(id).value() == id) {
      watched_.back().listed_state.clear();
    }
  }
}

}  // namespace runtime::host
