#include "runtime/host/part_switch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/text.h"

namespace runtime::host {

void PartSwitch::TurnOff(ProbePart part, pleg::MonoTime now) {
  const auto known = stuck_.find(part);
  const absl::Duration length =
      known == stuck_.end() ? kFirst : std::min(2 * known->second.length, kLongest);
  stuck_.insert_or_assign(part, State{now, length});
}

void PartSwitch::OnLook(const std::vector<ProbePart>& off) {
  std::erase_if(stuck_, [&off](const auto& entry) {
    return std::find(off.begin(), off.end(), entry.first) == off.end();
  });
}

std::vector<ProbePart> PartSwitch::Off(pleg::MonoTime now) const {
  std::vector<ProbePart> off;
  for (const auto& [part, state] : stuck_) {
    if (now - state.since < state.length) off.push_back(part);
  }
  return off;
}

std::vector<pleg::ProbeProblem> PartSwitch::Problems(pleg::MonoTime now) const {
  std::vector<pleg::ProbeProblem> problems;
  for (const auto& [part, state] : stuck_) {
    const absl::Duration since = now - state.since;
    if (since >= state.length) continue;
    problems.push_back(
        {.probe = std::string(NameOf(part)),
         .text = absl::StrCat("the host probe got stuck there ", pleg::FormatAge(since),
                              " ago; it tries again in ", pleg::FormatAge(state.length - since))});
  }
  return problems;
}

}  // namespace runtime::host
