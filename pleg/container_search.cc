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
  if (alive_ == nullptr) alive_ = std::make_shared<bool>(true);
  for (ContainerId& id : candidates_()) {
    if (asked_.size() >= options_.max_asked) break;
    if (asked_.insert(id).second) waiting_.push_back(std::move(id));
  }
  SendMore();
}

void ContainerSearch::End() {
  alive_ = nullptr;
  waiting_.clear();
  asked_.clear();
  open_ = 0;
}

void ContainerSearch::SendMore() {
  while (open_ < options_.max_open && !waiting_.empty()) {
    ContainerInfo container;
    container.id = std::move(waiting_.front());
    waiting_.pop_front();
    ++open_;
    runtime_.ProbeContainer(container, [this, weak = std::weak_ptr<bool>(alive_)](MonoTime) {
      if (weak.expired()) return;
      --open_;
      SendMore();
    });
  }
}

}  // namespace pleg
