// Text of unknown origin on a terminal. Names, labels and error texts are whatever bytes the
// runtime sends; a terminal obeys some of them. What is shown holds printable characters only, and
// its width is known.
//
//   line += Fit(Visible(pod.name(), terminal), 20, terminal);

#ifndef PLEGD_CMD_PLEGCTL_TEXT_H_
#define PLEGD_CMD_PLEGCTL_TEXT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cmd/plegctl/terminal.h"

namespace plegctl {

// Longer texts are cut; JSON and YAML have all of them.
inline constexpr size_t kLongestText = 1024;

// `text` on one line, with all else that is not a plain printable character as \n, \x1b or \u202e:
// controls, invalid UTF-8, zero-width and combining characters, blanks other than a space, and
// letters written from right to left, because they would reorder the line. On a terminal without
// Unicode all that is not ASCII. At most about `longest` characters, then an ellipsis; the cost is
// bounded by it, too.
std::string Visible(absl::string_view text, const Terminal& terminal,
                    size_t longest = kLongestText);

// The same of each line of a text of several.
std::string VisibleLines(absl::string_view text);

// Columns that a visible text takes: wide characters take two.
size_t Width(absl::string_view visible);

// The longest start that takes at most `width` columns.
absl::string_view Cut(absl::string_view visible, size_t width);

// Cut at the end, or in the middle, to `width` columns, with an ellipsis.
std::string Fit(absl::string_view visible, size_t width, const Terminal& terminal);
std::string FitMiddle(absl::string_view visible, size_t width, const Terminal& terminal);

// Broken into lines of `width` columns: at blanks, and in words that are longer.
// One line if `width` is 0.
std::vector<std::string> Wrap(absl::string_view visible, size_t width);

absl::string_view Ellipsis(const Terminal& terminal);

enum class Style { kPlain, kBold, kFaint, kGood, kWarning, kBad };
// `visible` in a colour, if the terminal has any.
std::string Paint(absl::string_view visible, Style style, const Terminal& terminal);

// Escapes what a terminal would obey or hide in JSON: \u202e for the character itself. `json` stays
// the same value.
std::string VisibleJson(absl::string_view json);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_TEXT_H_
