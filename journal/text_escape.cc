#include "journal/text_escape.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_format.h"
#include "pleg/utf8.h"

namespace journal {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// What is never shown as it is.
constexpr std::array<Range, 13> kHidden = {{
    {0x00, 0x1F},        // C0 controls
    {0x7F, 0x9F},        // DEL, C1 controls
    {0xAD, 0xAD},        // soft hyphen
    {0x061C, 0x061C},    // Arabic letter mark
    {0x115F, 0x1160},    // Hangul fillers
    {0x180E, 0x180E},    // Mongolian vowel separator
    {0x200B, 0x200F},    // zero width, left-to-right and right-to-left marks
    {0x2028, 0x202E},    // line and paragraph separators, embeddings and overrides
    {0x2060, 0x206F},    // word joiner, isolates, deprecated format characters
    {0xFEFF, 0xFEFF},    // byte order mark
    {0xFFF9, 0xFFFB},    // interlinear annotations
    {0x1D173, 0x1D17A},  // musical format characters
    {0xE0000, 0xE007F},  // tags
}};

bool IsHidden(char32_t code) {
  return std::any_of(kHidden.begin(), kHidden.end(),
                     [code](Range r) { return code >= r.first && code <= r.last; });
}

void AppendUnicodeEscape(std::string& out, char32_t code) {
  if (code <= 0xFFFF) {
    absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(code));
    return;
  }
  const auto offset = static_cast<unsigned>(code) - 0x10000u;
  absl::StrAppendFormat(&out, "\\u%04x\\u%04x", 0xD800u + (offset >> 10),
                        0xDC00u + (offset & 0x3FFu));
}

void AppendJsonChar(std::string& out, const pleg::Utf8Char& c, absl::string_view bytes) {
  switch (c.code) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (!c.valid) {
    out += "\xEF\xBF\xBD";
  } else if (IsHidden(c.code)) {
    AppendUnicodeEscape(out, c.code);
  } else {
    out.append(bytes.data(), bytes.size());
  }
}

bool IsPlain(char c) { return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '='; }

}  // namespace

void AppendJsonString(std::string& out, absl::string_view text) {
  out += '"';
  while (!text.empty()) {
    const pleg::Utf8Char c = pleg::DecodeUtf8(text);
    AppendJsonChar(out, c, text.substr(0, c.length));
    text.remove_prefix(c.length);
  }
  out += '"';
}

void AppendLogfmtValue(std::string& out, absl::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), IsPlain)) {
    out.append(text.data(), text.size());
  } else {
    AppendJsonString(out, text);
  }
}

}  // namespace journal
