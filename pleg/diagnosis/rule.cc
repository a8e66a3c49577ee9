#include "pleg/diagnosis/rule.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

constexpr size_t kMaxLine = 400;  // of evidence: a stack or an error message may be long

void Append(absl::string_view text, std::vector<std::string>& lines) {
  if (!text.empty()) lines.push_back(Shorten(Printable(text), kMaxLine));
}

}  // namespace

Draft& Draft::Since(absl::Duration age) {
  ranked_.finding.since = std::max(age, absl::ZeroDuration());
  return *this;
}

Draft& Draft::RestsOn(Basis basis) {
  ranked_.basis = basis;
  return *this;
}

Draft& Draft::OfHost() {
  ranked_.of_host = true;
  return *this;
}

Draft& Draft::Say(absl::string_view what, absl::string_view meaning, absl::string_view advice) {
  ranked_.finding.sentence = Sentence(what, meaning, advice);
  return *this;
}

Draft& Draft::For(absl::string_view text) {
  Append(text, ranked_.finding.supports);
  return *this;
}

Draft& Draft::Against(absl::string_view text) {
  Append(text, ranked_.finding.contradicts);
  return *this;
}

Draft& Draft::Blame(const ObjectRef& object) {
  ranked_.finding.culprits.push_back(object);
  return *this;
}

Draft& Draft::Do(Action action) {
  auto& actions = ranked_.finding.actions;
  const auto disruptive = std::find_if(actions.begin(), actions.end(),
                                       [](const Action& other) { return other.disruptive; });
  actions.insert(action.disruptive ? actions.end() : disruptive, std::move(action));
  return *this;
}

Draft& Draft::Do(absl::string_view text, std::string command) {
  return Do(Action{std::string(text), std::move(command), false});
}

Draft& Draft::DoDisruptive(absl::string_view text, std::string command) {
  return Do(Action{std::string(text), std::move(command), true});
}

Draft& Draft::Sure() {
  ranked_.finding.confidence = Confidence::kHigh;
  return *this;
}

Draft& Draft::Doubt(absl::string_view why) {
  ranked_.finding.confidence = Lower(ranked_.finding.confidence);
  return Against(why);
}

Confidence Lower(Confidence confidence) {
  return confidence == Confidence::kHigh ? Confidence::kMedium : Confidence::kLow;
}

}  // namespace pleg
