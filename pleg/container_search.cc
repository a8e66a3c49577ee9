#include "pleg/container_search.h"

#include <utility>

namespace pleg {

ContainerSearch::ContainerSearch(ContainerSearchOptions options, RuntimeService& runtime,
                                 const Clock& clock, Candidates candidates)
    : options_(options), runtime_(runtime), clock_(clock), candidates_(std::move(candidates)) {}

void ContainerSearch::Tick(std::optional<MonoTime> listing_since) {
  if (!listing_since.has_value() || clock_.Now() - *listing_since < options_.after) {
    End();
    return;
  }
  searching_ = true;
  for (ContainerId& id : candidates_()) {
    if (seen_.size() >= options_.max_asked) break;
    if (seen_.insert(id).second && !open_.contains(id)) waiting_.push_back(std::move(id));
  }
  SendMore();
}

void ContainerSearch::End() {
  searching_ = false;
  waiting_.clear();
  seen_.clear();
}

void ContainerSearch::SendMore() {
  while (open_.size() < options_.max_open && !waiting_.empty()) {
    ContainerInfo container;
    container.id = std::move(waiting_.front());
    waiting_.pop_front();
    open_.insert(container.id);
    runtime_.ProbeContainer(
        container, Promptness::kAtOnce,
        [this, weak = std::weak_ptr<bool>(alive_), id = container.id](MonoTime) {
          if (!weak.expired()) OnAnswer(id);
        });
  }
}

void ContainerSearch::OnAnswer(const ContainerId& id) {
  open_.erase(id);
  SendMore();
}

}  // namespace pleg
