// Text of unknown origin as UTF-8. Labels, names and error texts are whatever bytes the runtime
// sends; what leaves plegd is valid UTF-8.
//
//   std::string json_safe = ToValidUtf8(label);

#ifndef PLEGD_PLEG_UTF8_H_
#define PLEGD_PLEG_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace pleg {

// One character at the start of a text.
struct Utf8Char {
  char32_t code = 0xFFFD;  // U+FFFD if not valid
  size_t length = 1;  // bytes it takes; of an ill-formed sequence its longest start of a valid one
  bool valid = false;
};

// `text` is not empty. Surrogates, overlong forms and numbers above U+10FFFF are ill-formed.
Utf8Char DecodeUtf8(absl::string_view text);

// Each ill-formed sequence replaced by U+FFFD, as the Unicode Standard recommends (3.9, maximal
// subparts).
std::string ToValidUtf8(absl::string_view text);

// At most `bytes` of what a program says of its failure, cut between characters. It says first what
// it was about to do and last what went wrong: of a long text the end is kept, and a third of the
// room is its beginning, with "…" (3 bytes) between.
std::string Abridge(absl::string_view text, size_t bytes);

}  // namespace pleg

#endif  // PLEGD_PLEG_UTF8_H_
