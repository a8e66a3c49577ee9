#include "test/containerd/health_words.h"

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "pleg/go_duration.h"

namespace plegd_testing {
namespace {

constexpr absl::string_view kBefore = "last seen active ";
constexpr absl::string_view kAfter = " ago; threshold is ";

std::vector<std::string> RuntimeErrors(const NodeCondition& condition,
                                       absl::string_view threshold) {
  std::vector<std::string> errors;
  if (condition.runtime_is_down) errors.push_back("container runtime is down");
  if (condition.pleg_is_late) {
    errors.push_back(
        absl::StrCat("PLEG is not healthy: pleg was ", kBefore, "<age>", kAfter, threshold));
  }
  return errors;
}

}  // namespace

HealthWords::HealthWords(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const bool by_kubelet = absl::StartsWith(line, "[+]") || absl::StartsWith(line, "[-]") ||
                            absl::StartsWith(line, "node ");
    if (by_kubelet) TakeLine(line);
  }
}

void HealthWords::TakeLine(absl::string_view line) {
  while (true) {
    const size_t begin = line.find(kBefore);
    const size_t end = line.find(kAfter, begin);
    if (begin == absl::string_view::npos || end == absl::string_view::npos) break;
    const absl::string_view age = line.substr(begin + kBefore.size(), end - begin - kBefore.size());
    const absl::StatusOr<absl::Duration> duration = pleg::ParseGoDuration(age);
    const bool as_go_prints = duration.ok() && pleg::FormatGoDuration(*duration) == age;
    absl::StrAppend(&text_, line.substr(0, begin + kBefore.size()), as_go_prints ? "<age>" : age,
                    kAfter);
    if (as_go_prints) ages_.push_back(*duration);
    line.remove_prefix(end + kAfter.size());
  }
  absl::StrAppend(&text_, line, "\n");
}

int LogLines(absl::string_view log, absl::string_view message) {
  // logfmt quotes what has spaces, and nothing else of this kind.
  const std::string quoted = absl::StrCat(" msg=\"", message, "\" ");
  const std::string bare = absl::StrCat(" msg=", message, " ");
  int count = 0;
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    if (absl::StrContains(line, quoted) || absl::StrContains(line, bare)) ++count;
  }
  return count;
}

std::string ExpectedHealth(const NodeCondition& condition, absl::string_view threshold) {
  std::string result = "[+]PLEG ok\n";
  if (condition.pleg_is_late) {
    const std::string late = RuntimeErrors({.pleg_is_late = true}, threshold).front();
    result = absl::StrCat("[-]PLEG failed: ", late, "\n");
  }
  const std::vector<std::string> errors = RuntimeErrors(condition, threshold);
  for (const std::string& error : errors) {
    absl::StrAppend(&result, "[-]runtime failed: ", error, "\n");
  }
  if (errors.empty()) {
    return result +
           "[+]runtime ok\n[+]network ok\n"
           "node Ready=True reason=KubeletReady message=kubelet is posting ready status\n";
  }
  const std::string message =
      errors.size() == 1 ? errors.front() : absl::StrCat("[", absl::StrJoin(errors, ", "), "]");
  return absl::StrCat(
      result, "[+]network ok\nnode Ready=False reason=KubeletNotReady message=", message, "\n");
}

}  // namespace plegd_testing
