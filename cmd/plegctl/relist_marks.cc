#include "cmd/plegctl/relist_marks.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

using plegd::v1::Relist;
using plegd::v1::Relists;

constexpr double kSteps[] = {0.01, 0.03, 0.1, 0.3, 1, 10, 60};
constexpr absl::string_view kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr absl::string_view kAscii[] = {"_", ".", "-", "~", "+", "=", "*", "#"};
constexpr size_t kSlow = 5;     // more than a second
constexpr size_t kTooSlow = 6;  // more than ten
constexpr size_t kMinutes = 60;
constexpr absl::string_view kFailed = "x";

struct Mark {
  double seconds = 0;
  bool failed = false;
  bool empty = false;
};

Style StyleOf(const Mark& mark, size_t step) {
  if (mark.failed || step >= kTooSlow) return Style::kBad;
  return step >= kSlow ? Style::kWarning : Style::kPlain;
}

std::string Draw(const std::vector<Mark>& marks, const Terminal& terminal) {
  std::string out;
  std::string run;
  Style style = Style::kPlain;
  for (const Mark& mark : marks) {
    const size_t step = static_cast<size_t>(std::distance(
        std::begin(kSteps), std::lower_bound(std::begin(kSteps), std::end(kSteps), mark.seconds)));
    const Style next = mark.empty ? style : StyleOf(mark, step);
    if (next != style && !run.empty()) {
      absl::StrAppend(&out, Paint(run, style, terminal));
      run.clear();
    }
    style = next;
    if (mark.empty) {
      run += ' ';
    } else if (mark.failed) {
      absl::StrAppend(&run, kFailed);
    } else {
      absl::StrAppend(&run, terminal.unicode ? kBlocks[step] : kAscii[step]);
    }
  }
  return run.empty() ? out : absl::StrCat(out, Paint(run, style, terminal));
}

std::optional<Mark> Running(const Relists& relists) {
  if (!relists.has_listing_for_seconds() || !(relists.listing_for_seconds() >= 1)) return {};
  return Mark{.seconds = relists.listing_for_seconds()};
}

}  // namespace

std::string RelistMarks(const Relists& relists, size_t width, const Terminal& terminal) {
  std::vector<Mark> marks;
  for (const Relist& relist : relists.relists()) {
    marks.push_back({.seconds = relist.total_seconds(), .failed = !relist.error().empty()});
  }
  if (const std::optional<Mark> running = Running(relists)) marks.push_back(*running);
  if (marks.size() > width) {
    marks.erase(marks.begin(), marks.end() - static_cast<std::ptrdiff_t>(width));
  }
  return Draw(marks, terminal);
}

std::string HourMarks(const Relists& relists, const Terminal& terminal) {
  std::vector<Mark> marks(kMinutes, Mark{.empty = true});
  const absl::Time now = ToTime(relists.time());
  const auto note = [&](absl::Duration age, double seconds, bool failed) {
    const int64_t minute = std::max<int64_t>(absl::ToInt64Minutes(age), 0);
    if (minute >= static_cast<int64_t>(kMinutes)) return;
    Mark& mark = marks[kMinutes - 1 - static_cast<size_t>(minute)];
    mark.empty = false;
    mark.seconds = std::max(mark.seconds, seconds);
    mark.failed = mark.failed || failed;
  };
  for (const Relist& relist : relists.relists()) {
    note(now - ToTime(relist.started_at()), relist.total_seconds(), !relist.error().empty());
  }
  if (const std::optional<Mark> running = Running(relists)) {
    note(absl::ZeroDuration(), running->seconds, false);
  }
  // Only from the first that there was.
  const auto first =
      std::find_if(marks.begin(), marks.end(), [](const Mark& mark) { return !mark.empty; });
  return Draw({first, marks.end()}, terminal);
}

std::string RelistSummary(const Relists& relists, const Terminal& terminal) {
  if (relists.relists().empty()) return "none yet";
  std::vector<double> seconds;
  size_t failed = 0;
  for (const Relist& relist : relists.relists()) {
    if (relist.error().empty()) {
      seconds.push_back(relist.total_seconds());
    } else {
      ++failed;
    }
  }
  std::string out =
      absl::StrCat(relists.relists_size(), " since ",
                   Ago(relists.relists(0).started_at(), relists.time(), terminal), " ago: ");
  if (!seconds.empty()) {
    std::sort(seconds.begin(), seconds.end());
    absl::StrAppend(&out, "median ", ShowSeconds(seconds[seconds.size() / 2], terminal),
                    ", slowest ", ShowSeconds(seconds.back(), terminal), ", ");
  }
  return absl::StrCat(out, failed, " failed");
}

}  // namespace plegctl
