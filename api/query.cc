#include "api/query.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "api/percent.h"

namespace api {
namespace {

constexpr size_t kMaxQuoted = 80;

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMaxQuoted)), "\"");
}

absl::Status Refuse(const std::string& name, absl::string_view value, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(name, " ", Quoted(value), " is not ", what));
}

// Empty if there is none.
const std::string* Find(const Query& query, const std::string& name) {
  const auto found = query.find(name);
  return found == query.end() ? nullptr : &found->second;
}

bool IsPlainNumber(absl::string_view text, absl::string_view also) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [also](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
           also.find(c) != absl::string_view::npos;
  });
}

}  // namespace

absl::StatusOr<Query> ParseQuery(absl::string_view text,
                                 std::initializer_list<absl::string_view> known) {
  Query query;
  if (text.empty()) return query;
  for (const absl::string_view part : absl::StrSplit(text, '&')) {
    const std::pair<absl::string_view, absl::string_view> halves =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    const std::optional<std::string> name = PercentDecode(halves.first);
    std::optional<std::string> value = PercentDecode(halves.second);
    if (!name.has_value() || !value.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the query ", Quoted(part), " is not percent-encoded correctly"));
    }
    if (std::find(known.begin(), known.end(), *name) == known.end()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown parameter ", Quoted(*name)));
    }
    if (!query.emplace(*name, *std::move(value)).second) {
      return absl::InvalidArgumentError(absl::StrCat(*name, " is given twice"));
    }
  }
  return query;
}

absl::StatusOr<bool> BoolOf(const Query& query, const std::string& name) {
  const std::string* value = Find(query, name);
  if (value == nullptr || *value == "false") return false;
  if (*value == "true") return true;
  return Refuse(name, *value, "true or false");
}

absl::StatusOr<uint32_t> NumberOf(const Query& query, const std::string& name) {
  const std::string* value = Find(query, name);
  uint32_t number = 0;
  if (value == nullptr) return number;
  if (IsPlainNumber(*value, "") && absl::SimpleAtoi(*value, &number)) return number;
  return Refuse(name, *value, "a whole number");
}

absl::StatusOr<double> SecondsOf(const Query& query, const std::string& name) {
  const std::string* value = Find(query, name);
  double seconds = 0;
  if (value == nullptr) return seconds;
  if (IsPlainNumber(*value, ".") && absl::SimpleAtod(*value, &seconds) && std::isfinite(seconds)) {
    return seconds;
  }
  return Refuse(name, *value, "a number of seconds");
}

}  // namespace api
