#include "pleg/utf8.h"

#include "absl/strings/str_cat.h"

namespace pleg {
namespace {

// What the first byte says of a sequence (Unicode Standard, table 3-7).
struct Lead {
  size_t length = 0;  // 0: no sequence starts with it
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xBF;
};

Lead ClassifyLead(unsigned char byte) {
  if (byte < 0x80) return {1};
  if (byte >= 0xC2 && byte <= 0xDF) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

}  // namespace

Utf8Char DecodeUtf8(absl::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const Lead lead = ClassifyLead(byte(0));
  if (lead.length == 0) return {};
  if (lead.length == 1) return {byte(0), 1, true};
  char32_t code = byte(0) & (0x7Fu >> lead.length);
  for (size_t i = 1; i < lead.length; ++i) {
    const unsigned char min = i == 1 ? lead.second_min : 0x80;
    const unsigned char max = i == 1 ? lead.second_max : 0xBF;
    if (i >= text.size() || byte(i) < min || byte(i) > max) return {0xFFFD, i, false};
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  return {code, lead.length, true};
}

std::string ToValidUtf8(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    if (c.valid) {
      out.append(text.data(), c.length);
    } else {
      out += "\xEF\xBF\xBD";
    }
    text.remove_prefix(c.length);
  }
  return out;
}

std::string Abridge(absl::string_view text, size_t bytes) {
  constexpr absl::string_view kEllipsis = "\u2026";
  if (text.size() <= bytes) return std::string(text);
  const auto begins = [text](size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
  };
  const size_t room = bytes > kEllipsis.size() ? bytes - kEllipsis.size() : 0;
  size_t start = room / 3;
  size_t end = text.size() - (room - start);
  while (start > 0 && !begins(start)) --start;
  while (end < text.size() && !begins(end)) ++end;
  return absl::StrCat(text.substr(0, start), kEllipsis, text.substr(end));
}

}  // namespace pleg
