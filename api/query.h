// The query of a request, read strictly: what is not understood is refused, not ignored.
//
//   absl::StatusOr<Query> query = ParseQuery("limit=60", {"limit"});   (*query)["limit"]

#ifndef PLEGD_API_QUERY_H_
#define PLEGD_API_QUERY_H_

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace api {

// Decoded values by name.
using Query = std::map<std::string, std::string>;

// `text`: without the question mark; may be empty. kInvalidArgument for a name that is not among
// `known` or comes twice, and for bad percent-encoding.
absl::StatusOr<Query> ParseQuery(absl::string_view text,
                                 std::initializer_list<absl::string_view> known);

// The value of one name; false or zero without it. kInvalidArgument quotes what it is not: true or
// false, a whole number, seconds.
absl::StatusOr<bool> BoolOf(const Query& query, const std::string& name);
absl::StatusOr<uint32_t> NumberOf(const Query& query, const std::string& name);
absl::StatusOr<double> SecondsOf(const Query& query, const std::string& name);

}  // namespace api

#endif  // PLEGD_API_QUERY_H_
