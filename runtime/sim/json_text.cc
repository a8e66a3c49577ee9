#include "runtime/sim/json_text.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sim {
namespace {

using Json = JsonText::Json;
using Pointer = JsonText::Pointer;

// Notes how far the parser has read, which its events do not say.
class TrackedChar {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TrackedChar(const char* at, const char** read) : at_(at), read_(read) {}
  reference operator*() const { return *at_; }
  TrackedChar& operator++() {
    *read_ = ++at_;
    return *this;
  }
  TrackedChar operator++(int) {
    TrackedChar before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const TrackedChar& a, const TrackedChar& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  const char** read_;
};

// Walks through a document up to the value at `target`, or to the first mistake.
class Walk : public nlohmann::json_sax<Json> {
 public:
  Walk(absl::string_view text, std::optional<Pointer> target)
      : text_(text), target_(std::move(target)), read_(text.data()) {}

  // False if it stopped before the end.
  bool Run() {
    const char* const end = text_.data() + text_.size();
    return Json::sax_parse(TrackedChar(text_.data(), &read_), TrackedChar(end, &read_), this);
  }

  // Where it stopped, from 0, and why; no reason at the target.
  size_t line() const { return line_; }
  const std::string& mistake() const { return mistake_; }

  bool null() override { return Value(); }
  bool boolean(bool) override { return Value(); }
  bool number_integer(number_integer_t) override { return Number(); }
  bool number_unsigned(number_unsigned_t) override { return Number(); }
  bool number_float(number_float_t, const string_t&) override { return Number(); }
  bool string(string_t&) override { return Value(); }
  bool binary(binary_t&) override { return Value(); }
  bool start_object(size_t) override { return Open(false); }
  bool start_array(size_t) override { return Open(true); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    Frame& frame = frames_.back();
    frame.key = name;
    if (frame.keys.insert(name).second) return true;
    return Stop(absl::StrCat("the key \"", name, "\" stands here for the second time"), 0);
  }
  bool parse_error(size_t, const std::string&, const Json::exception& error) override {
    absl::string_view what = error.what();
    // "[json.exception.parse_error.101] parse error at line 3, column 5: syntax error …"
    const size_t prefix = what.find(": ");
    if (prefix != absl::string_view::npos) what.remove_prefix(prefix + 2);
    return Stop(absl::StrCat("no JSON: ", what), 0);
  }

 private:
  struct Frame {
    bool array;
    size_t index = 0;
    std::string key = {};
    std::set<std::string> keys = {};
  };

  // The parser has read the character behind a number, too.
  bool Number() { return Value(1); }
  bool Value(size_t read_beyond = 0) {
    if (target_.has_value() && Here() == *target_) return Stop("", read_beyond);
    Next();
    return true;
  }
  bool Open(bool array) {
    if (target_.has_value() && Here() == *target_) return Stop("", 0);
    frames_.push_back({.array = array});
    return true;
  }
  bool Close() {
    frames_.pop_back();
    Next();
    return true;
  }
  void Next() {
    if (!frames_.empty() && frames_.back().array) ++frames_.back().index;
  }
  Pointer Here() const {
    Pointer here;
    for (const Frame& frame : frames_) {
      if (frame.array) {
        here /= frame.index;
      } else {
        here /= frame.key;
      }
    }
    return here;
  }
  bool Stop(std::string mistake, size_t read_beyond) {
    mistake_ = std::move(mistake);
    const char* const end = std::max(text_.data(), read_ - read_beyond);
    line_ = static_cast<size_t>(std::count(text_.data(), end, '\n'));
    return false;
  }

  const absl::string_view text_;
  const std::optional<Pointer> target_;
  const char* read_;
  std::vector<Frame> frames_;
  size_t line_ = 0;
  std::string mistake_;
};

// "/sandboxes/3/metadata/name" → "sandboxes[3].metadata.name".
std::string FieldName(Pointer at) {
  std::vector<std::string> parts;
  for (; !at.empty(); at.pop_back()) parts.push_back(at.back());
  std::reverse(parts.begin(), parts.end());
  std::string name;
  for (const std::string& part : parts) {
    uint64_t index = 0;
    if (absl::SimpleAtoi(part, &index)) {
      absl::StrAppend(&name, "[", part, "]");
    } else {
      absl::StrAppend(&name, name.empty() ? "" : ".", part);
    }
  }
  return name;
}

std::string Place(const std::string& file, size_t line) { return absl::StrCat(file, ":", line); }

// The length of the document that the text begins with: up to where its brackets are closed.
size_t DocumentLength(absl::string_view text) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && depth > 0 && --depth == 0) return i + 1;
  }
  return text.size();
}

}  // namespace

absl::StatusOr<JsonText> JsonText::Parse(std::string file, std::string text, size_t first_line) {
  Walk walk(text, std::nullopt);
  if (!walk.Run()) {
    return absl::InvalidArgumentError(
        absl::StrCat(Place(file, first_line + walk.line()), ": ", walk.mistake()));
  }
  Json root = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return JsonText(std::move(file), std::move(text), first_line, std::move(root));
}

absl::StatusOr<std::vector<JsonText>> JsonText::ParseAll(const std::string& file,
                                                         absl::string_view text) {
  std::vector<JsonText> documents;
  size_t line = 1;
  while (true) {
    const absl::string_view rest = absl::StripLeadingAsciiWhitespace(text);
    line += static_cast<size_t>(std::count(text.begin(), rest.begin(), '\n'));
    if (rest.empty() && !documents.empty()) return documents;
    const size_t length = DocumentLength(rest);
    absl::StatusOr<JsonText> document = Parse(file, std::string(rest.substr(0, length)), line);
    if (!document.ok()) return document.status();
    documents.push_back(*std::move(document));
    line += static_cast<size_t>(std::count(rest.begin(), rest.begin() + length, '\n'));
    text = rest.substr(length);
  }
}

absl::Status JsonText::Error(const Pointer& at, absl::string_view what) const {
  Walk walk(text_, at);
  walk.Run();
  const std::string field = FieldName(at);
  return absl::InvalidArgumentError(absl::StrCat(Place(file_, first_line_ + walk.line()), ": ",
                                                 field, field.empty() ? "" : ": ", what));
}

}  // namespace sim
