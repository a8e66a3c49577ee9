#include "pleg/diagnosis/rule.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

constexpr size_t kMaxLine = 400;  // of evidence: a stack or an error message may be long

void Append(absl::string_view text, std::vector<std::string>& lines) {
  if (!text.empty()) lines.push_back(Shorten(Printable(text), kMaxLine));
}

// Makes room at the end of what stands before the last sentence's start, where `sentence` is longer
// than allowed; false if there is none.
bool MakeRoom(std::string& sentence) {
  if (sentence.size() <= kMaxSentence) return true;
  const size_t advice = sentence.rfind(". ");
  const size_t over = sentence.size() - kMaxSentence;
  if (advice == std::string::npos || advice < 2 * over) return false;
  sentence = absl::StrCat(Shorten(absl::string_view(sentence).substr(0, advice), advice - over),
                          absl::string_view(sentence).substr(advice));
  return true;
}

// Whoever reads no more than the sentence has to know it, too.
void MarkDisruptive(Finding& finding) {
  for (const Action& action : finding.actions) {
    if (!action.disruptive || action.command.empty()) continue;
    const size_t at = finding.sentence.find(action.command);
    if (at == std::string::npos) continue;
    const size_t end = at + action.command.size();
    const bool whole = end == finding.sentence.size() ||
                       !absl::ascii_isalnum(static_cast<unsigned char>(finding.sentence[end]));
    std::string marked = finding.sentence;
    marked.insert(end, " (disruptive)");
    if (whole && MakeRoom(marked)) finding.sentence = std::move(marked);
  }
}

}  // namespace

Ranked Draft::Done() {
  MarkDisruptive(ranked_.finding);
  return std::move(ranked_);
}

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
  ranked_.finding.brief = Shorten(Printable(what), kMaxBrief);
  return *this;
}

Draft& Draft::Brief(absl::string_view text) {
  ranked_.finding.brief = Shorten(Printable(text), kMaxBrief);
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

std::string FitSentence(std::string sentence) {
  return MakeRoom(sentence) ? sentence : Shorten(sentence, kMaxSentence);
}

}  // namespace pleg
