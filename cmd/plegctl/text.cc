#include "cmd/plegctl/text.h"

#include <locale.h>
#include <wchar.h>

#include <cstdint>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "pleg/utf8.h"

namespace plegctl {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Printable as the C library sees it, and yet nobody sees them, or the line is no longer in order.
constexpr Range kNeverShown[] = {
    {0x00A0, 0x00A0}, {0x00AD, 0x00AD},   {0x0590, 0x08FF},   {0x115F, 0x1160},   {0x1680, 0x1680},
    {0x2000, 0x200F}, {0x2028, 0x202F},   {0x205F, 0x206F},   {0x2800, 0x2800},   {0x3000, 0x3000},
    {0x3164, 0x3164}, {0xE000, 0xF8FF},   {0xFB1D, 0xFDFF},   {0xFE70, 0xFEFF},   {0xFFA0, 0xFFA0},
    {0xFFF0, 0xFFFF}, {0x10800, 0x10FFF}, {0x1E800, 0x1EFFF}, {0xE0000, 0x10FFFF}};

// The widths of Unicode, whatever the user's locale is. Null where there is none.
locale_t UnicodeLocale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

// 0: not to be shown.
size_t CharacterWidth(char32_t code) {
  if (code < 0x20 || code == 0x7F) return 0;
  if (code < 0x7F) return 1;
  for (const Range& range : kNeverShown) {
    if (code >= range.first && code <= range.last) return 0;
  }
  const locale_t unicode = UnicodeLocale();
  if (unicode == nullptr) return 0;
  const locale_t before = uselocale(unicode);
  const int width = wcwidth(static_cast<wchar_t>(code));
  uselocale(before);
  return width > 0 ? static_cast<size_t>(width) : 0;
}

std::string Escaped(absl::string_view bytes, const pleg::Utf8Char& character) {
  if (character.valid && character.code >= 0x80) {
    return character.code > 0xFFFF ? absl::StrFormat("\\U%08x", uint32_t{character.code})
                                   : absl::StrFormat("\\u%04x", uint32_t{character.code});
  }
  std::string out;
  for (const char byte : bytes) {
    switch (byte) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(byte));
    }
  }
  return out;
}

// The same of its end.
absl::string_view End(absl::string_view visible, size_t width) {
  const size_t all = Width(visible);
  size_t columns = all;
  while (columns > width) {
    const pleg::Utf8Char character = pleg::DecodeUtf8(visible);
    columns -= CharacterWidth(character.code);
    visible.remove_prefix(character.length);
  }
  return visible;
}

absl::string_view Sequence(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\x1b[1m";
    case Style::kFaint:
      return "\x1b[2m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kWarning:
      return "\x1b[33m";
    case Style::kBad:
      return "\x1b[1;31m";
  }
  return "";
}

}  // namespace

absl::string_view Cut(absl::string_view visible, size_t width) {
  size_t end = 0;
  size_t columns = 0;
  while (end < visible.size()) {
    const pleg::Utf8Char character = pleg::DecodeUtf8(visible.substr(end));
    columns += CharacterWidth(character.code);
    if (columns > width) break;
    end += character.length;
  }
  return visible.substr(0, end);
}

absl::string_view Ellipsis(const Terminal& terminal) { return terminal.unicode ? "…" : "..."; }

std::string Visible(absl::string_view text, const Terminal& terminal, size_t longest) {
  std::string out;
  size_t columns = 0;
  while (!text.empty()) {
    const pleg::Utf8Char character = pleg::DecodeUtf8(text);
    const absl::string_view bytes = text.substr(0, character.length);
    text.remove_prefix(character.length);
    const bool plain = character.valid && CharacterWidth(character.code) > 0 &&
                       (character.code < 0x80 || terminal.unicode);
    const bool ellipsis = character.valid && character.code == 0x2026 && !plain;
    const std::string piece = plain      ? std::string(bytes)
                              : ellipsis ? std::string(Ellipsis(terminal))
                                         : Escaped(bytes, character);
    columns += plain ? CharacterWidth(character.code) : piece.size();
    if (columns > longest) return absl::StrCat(out, Ellipsis(terminal));
    absl::StrAppend(&out, piece);
  }
  return out;
}

std::string VisibleLines(absl::string_view text) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    lines.push_back(Visible(line, Terminal{}));
  }
  return absl::StrJoin(lines, "\n");
}

size_t Width(absl::string_view visible) {
  size_t columns = 0;
  while (!visible.empty()) {
    const pleg::Utf8Char character = pleg::DecodeUtf8(visible);
    columns += CharacterWidth(character.code);
    visible.remove_prefix(character.length);
  }
  return columns;
}

std::string Fit(absl::string_view visible, size_t width, const Terminal& terminal) {
  if (Width(visible) <= width) return std::string(visible);
  const absl::string_view ellipsis = Ellipsis(terminal);
  if (width <= Width(ellipsis)) return std::string(Cut(visible, width));
  return absl::StrCat(Cut(visible, width - Width(ellipsis)), ellipsis);
}

std::string FitMiddle(absl::string_view visible, size_t width, const Terminal& terminal) {
  if (Width(visible) <= width) return std::string(visible);
  const absl::string_view ellipsis = Ellipsis(terminal);
  if (width <= Width(ellipsis) + 1) return std::string(Cut(visible, width));
  const size_t kept = width - Width(ellipsis);
  return absl::StrCat(Cut(visible, kept - kept / 2), ellipsis, End(visible, kept / 2));
}

std::vector<std::string> Wrap(absl::string_view visible, size_t width) {
  if (width == 0) return {std::string(visible)};
  std::vector<std::string> lines = {""};
  size_t columns = 0;
  for (absl::string_view word : absl::StrSplit(visible, ' ')) {
    while (Width(word) > width && width > 1) {
      const absl::string_view part = Cut(word, width);
      if (columns > 0) lines.emplace_back();
      absl::StrAppend(&lines.back(), part);
      lines.emplace_back();
      columns = 0;
      word.remove_prefix(part.size());
    }
    const size_t word_width = Width(word);
    if (columns > 0 && columns + 1 + word_width > width) {
      lines.emplace_back();
      columns = 0;
    }
    if (columns > 0) {
      lines.back() += ' ';
      ++columns;
    }
    absl::StrAppend(&lines.back(), word);
    columns += word_width;
  }
  return lines;
}

std::string Paint(absl::string_view visible, Style style, const Terminal& terminal) {
  if (!terminal.color || style == Style::kPlain) return std::string(visible);
  return absl::StrCat(Sequence(style), visible, "\x1b[0m");
}

std::string VisibleJson(absl::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const pleg::Utf8Char character = pleg::DecodeUtf8(json);
    const char32_t code = character.code;
    if (code == '\n' || (code >= 0x20 && code < 0x7F) || (CharacterWidth(code) > 0)) {
      absl::StrAppend(&out, json.substr(0, character.length));
    } else if (code > 0xFFFF) {
      const uint32_t rest = uint32_t{code} - 0x10000;
      absl::StrAppendFormat(&out, "\\u%04x\\u%04x", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    } else {
      absl::StrAppendFormat(&out, "\\u%04x", uint32_t{code});
    }
    json.remove_prefix(character.length);
  }
  return out;
}

}  // namespace plegctl
