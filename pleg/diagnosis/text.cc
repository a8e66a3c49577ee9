#include "pleg/diagnosis/text.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "pleg/diagnosis/verdict.h"
#include "pleg/utf8.h"

namespace pleg {
namespace {

constexpr absl::string_view kEllipsis = "\u2026";

bool IsUnsafe(char32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return true;
  if (code == 0x061C || code == 0x200E || code == 0x200F || code == 0xFEFF) return true;
  if (code >= 0x2028 && code <= 0x202E) return true;
  return code >= 0x2066 && code <= 0x2069;
}

std::string Escape(char32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\t') return "\\t";
  const auto number = static_cast<uint32_t>(code);
  return code <= 0xFF ? absl::StrFormat("\\x%02x", number) : absl::StrFormat("\\u%04x", number);
}

bool StartsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// Bytes of the longest start of whole characters that fits.
size_t FitStart(absl::string_view text, size_t bytes) {
  if (bytes >= text.size()) return text.size();
  while (bytes > 0 && !StartsCharacter(text[bytes])) --bytes;
  return bytes;
}

size_t FitEnd(absl::string_view text, size_t bytes) {
  if (bytes >= text.size()) return text.size();
  while (bytes > 0 && !StartsCharacter(text[text.size() - bytes])) --bytes;
  return bytes;
}

std::string TwoUnits(int64_t high, char high_unit, int64_t low, char low_unit) {
  const std::string first = absl::StrCat(high, absl::string_view(&high_unit, 1));
  return low == 0 ? first : absl::StrCat(first, low, absl::string_view(&low_unit, 1));
}

std::string Name(absl::string_view text, size_t bytes) {
  return text.empty() ? "?" : Shorten(Printable(text), bytes, true);
}

// As crictl shows it, so that it can be pasted.
std::string Id(const ContainerId& id) {
  const std::string text = Printable(id.value());
  return text.substr(0, FitStart(text, 13));
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char next = DecodeUtf8(text);
    if (!next.valid) {
      absl::StrAppend(&out, "\uFFFD");
    } else if (IsUnsafe(next.code)) {
      absl::StrAppend(&out, Escape(next.code));
    } else {
      absl::StrAppend(&out, text.substr(0, next.length));
    }
    text.remove_prefix(next.length);
  }
  return out;
}

std::string Shorten(absl::string_view text, size_t bytes, bool middle) {
  if (text.size() <= bytes) return std::string(text);
  const size_t room = bytes > kEllipsis.size() ? bytes - kEllipsis.size() : 0;
  const size_t end = middle ? FitEnd(text, room / 2) : 0;
  const size_t start = FitStart(text, room - end);
  return absl::StrCat(text.substr(0, start), kEllipsis, text.substr(text.size() - end));
}

std::string Innermost(absl::string_view error, size_t bytes) {
  const std::string text = Printable(error);
  absl::string_view rest = text;
  while (rest.size() > bytes) {
    const size_t colon = rest.find(": ");
    if (colon == absl::string_view::npos) break;
    rest.remove_prefix(colon + 2);
  }
  return Shorten(rest, bytes);
}

std::string FormatAge(absl::Duration age) {
  if (age == absl::InfiniteDuration()) return "forever";
  if (age <= absl::ZeroDuration()) return "0s";
  if (age < absl::Seconds(10)) {
    const int64_t tenths = absl::ToInt64Milliseconds(age) / 100;
    return tenths % 10 == 0 ? absl::StrCat(tenths / 10, "s")
                            : absl::StrCat(tenths / 10, ".", tenths % 10, "s");
  }
  const int64_t seconds = absl::ToInt64Seconds(age);
  if (seconds < 60) return absl::StrCat(seconds, "s");
  if (seconds < 3600) return TwoUnits(seconds / 60, 'm', seconds % 60, 's');
  if (seconds < 86400) return TwoUnits(seconds / 3600, 'h', seconds % 3600 / 60, 'm');
  return TwoUnits(seconds / 86400, 'd', seconds % 86400 / 3600, 'h');
}

std::string FormatLatency(absl::Duration duration) {
  if (duration >= absl::Seconds(1)) return FormatAge(duration);
  return absl::StrFormat("%.3g ms", std::max(absl::ToDoubleMilliseconds(duration), 0.0));
}

std::string FormatPercent(double percent) {
  if (!std::isfinite(percent)) return "?";
  return percent < 10 ? absl::StrFormat("%.1f %%", percent) : absl::StrFormat("%.0f %%", percent);
}

uint64_t WholeNumber(double number) {
  if (!(number > 0)) return 0;
  return static_cast<uint64_t>(std::min(number, 1e18));
}

std::string FormatBytes(uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1024) return absl::StrCat(bytes, " bytes");
  if (bytes < uint64_t{1024} * 1024) return absl::StrFormat("%.1f KiB", value / 1024);
  return absl::StrFormat("%.1f MiB", value / 1024 / 1024);
}

std::string ObjectName(const ObjectRef& object) {
  const std::string id = Id(object.id);
  if (object.pod_name.empty() && object.pod_namespace.empty() && object.container.empty()) {
    return id.empty() ? "an unknown container" : absl::StrCat("container ", id);
  }
  const std::string pod =
      absl::StrCat(Name(object.pod_namespace, 24), "/", Name(object.pod_name, 36));
  const std::string name = object.container.empty()
                               ? absl::StrCat("the sandbox of ", pod)
                               : absl::StrCat(pod, "/", Name(object.container, 24));
  return id.empty() ? name : absl::StrCat(name, " (", id, ")");
}

std::string ProcessName(const ProcessEvidence& process) {
  std::string name = Name(process.name, 24);
  if (!process.action.empty()) absl::StrAppend(&name, " ", Name(process.action, 16));
  return absl::StrCat(name, " (pid ", process.pid, ")");
}

std::string ProcessState(const ProcessEvidence& process) {
  const std::string letter = Printable(absl::string_view(&process.state, 1));
  std::string text = absl::StrCat(", in state ", letter, " for ", FormatAge(process.state_for));
  const absl::string_view innermost =
      process.stack.empty() ? process.wait_function : process.stack.front();
  if (!innermost.empty() && innermost != "0") {
    absl::StrAppend(&text, " (kernel function ", Shorten(Printable(innermost), 48), ")");
  }
  return text;
}

std::string ShellWord(absl::string_view text) {
  if (text.empty() || text[0] == '-' || Printable(text) != text) return "";
  const auto plain = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("_./:@%+=,-").find(c) != absl::string_view::npos;
  };
  if (std::all_of(text.begin(), text.end(), plain)) return std::string(text);
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

bool NamesTheMoment(absl::string_view command) {
  bool kills = false;
  for (const absl::string_view word : absl::StrSplit(command, absl::ByAnyChar(" \"$();&|"))) {
    kills |= word == "kill";
    int64_t pid = 0;
    if (kills && absl::SimpleAtoi(word, &pid)) return true;
    // PID 1 is the same at any time.
    absl::string_view rest = word;
    if (absl::ConsumePrefix(&rest, "/proc/") && !rest.empty() &&
        absl::ascii_isdigit(static_cast<unsigned char>(rest[0])) && !absl::StartsWith(rest, "1/")) {
      return true;
    }
    if (absl::StartsWith(word, "/sys/fs/fuse/connections/")) return true;
  }
  return false;
}

std::string Sentence(absl::string_view what, absl::string_view meaning, absl::string_view advice) {
  const std::string end = advice.empty() ? "." : absl::StrCat(". ", advice, ".");
  std::string full =
      meaning.empty() ? absl::StrCat(what, end) : absl::StrCat(what, "; ", meaning, end);
  if (full.size() <= kMaxSentence) return full;
  const std::string tail = Shorten(end, kMaxSentence - 120);
  return absl::StrCat(Shorten(what, kMaxSentence - tail.size()), tail);
}

}  // namespace pleg
