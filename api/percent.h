// Percent-decoding of URL path segments (RFC 3986, 2.1).
//
//   PercentDecode("a%2Fb") == "a/b"

#ifndef PLEGD_API_PERCENT_H_
#define PLEGD_API_PERCENT_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace api {

// Any bytes may come out. Empty if a '%' is not followed by two hexadecimal digits. '+' stays a
// plus.
std::optional<std::string> PercentDecode(absl::string_view text);

}  // namespace api

#endif  // PLEGD_API_PERCENT_H_
