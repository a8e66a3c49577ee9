// Text of unknown origin, made safe for a line of JSON or logfmt and for the terminal that shows
// it.
//
//   std::string line = "\"pod\":";  AppendJsonString(line, pod);

#ifndef PLEGD_JOURNAL_TEXT_ESCAPE_H_
#define PLEGD_JOURNAL_TEXT_ESCAPE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace journal {

// Appends `text` as a JSON string, quotes included. Ill-formed UTF-8 becomes U+FFFD. Beyond what
// JSON asks, everything that could steer a terminal or reorder or hide text is written as \uXXXX:
// controls (C0, DEL, C1), bidirectional marks, zero-width and line-separating characters, tags.
// Parsed back it is the same text.
void AppendJsonString(std::string& out, absl::string_view text);

// Appends `text` as a logfmt value: as it is if it consists of harmless ASCII without space, quote,
// backslash and '=', else as AppendJsonString.
void AppendLogfmtValue(std::string& out, absl::string_view text);

}  // namespace journal

#endif  // PLEGD_JOURNAL_TEXT_ESCAPE_H_
