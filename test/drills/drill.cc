#include "test/drills/drill.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace plegd_testing {

absl::StatusOr<Containerd*> DrillGround::containerd() {
  if (containerd_ == nullptr) {
    absl::StatusOr<std::unique_ptr<Containerd>> started = Containerd::Start();
    if (!started.ok()) return started.status();
    containerd_ = *std::move(started);
  }
  return containerd_.get();
}

Drill Cold(Drill drill) {
  drill.name = absl::StrCat("cold-", drill.name);
  absl::StrAppend(&drill.summary, "; plegd starts only then");
  drill.cold = true;
  if (!drill.dated_by_process) drill.dated_within = absl::InfiniteDuration();
  return drill;
}

Drill Confined(Drill drill) {
  drill.name = absl::StrCat("confined-", drill.name);
  absl::StrAppend(&drill.summary, "; plegd has no capability");
  drill.confined = true;
  return drill;
}

const std::vector<Drill>& Drills() {
  static const auto* const drills = [] {
    auto* all = new std::vector<Drill>(ContainerdDrills());
    for (Drill& drill : SimDrills()) all->push_back(std::move(drill));
    return all;
  }();
  return *drills;
}

const Drill* FindDrill(absl::string_view name) {
  for (const Drill& drill : Drills()) {
    if (drill.name == name) return &drill;
  }
  return nullptr;
}

}  // namespace plegd_testing
