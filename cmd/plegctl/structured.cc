#include "cmd/plegctl/structured.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cmd/plegctl/text.h"
#include "pleg/utf8.h"

namespace plegctl {
namespace {

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  // Fails for stamps beyond the year 9999 alone; what was written until then is no JSON.
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "{}";
  return json;
}

std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : pleg::ToValidUtf8(text)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string Head(absl::string_view kind) {
  return absl::StrCat("{\"api_version\":", Quoted(kApiVersion), ",\"kind\":", Quoted(kind));
}

// Indents JSON without blanks of its own.
std::string Pretty(absl::string_view json) {
  std::string out;
  size_t depth = 0;
  bool quoted = false;
  const auto new_line = [&] {
    out += '\n';
    out.append(2 * depth, ' ');
  };
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      out += c;
      if (c == '\\') out += json[++i];
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '}' || c == ']') {
      --depth;
      if (json[i - 1] != '{' && json[i - 1] != '[') new_line();
    }
    out += c;
    if (c == ':') out += ' ';
    if (c == '{' || c == '[') {
      ++depth;
      if (i + 1 < json.size() && json[i + 1] != '}' && json[i + 1] != ']') new_line();
    }
    if (c == ',') new_line();
  }
  return out;
}

std::string Finish(absl::string_view compact, Structure structure) {
  const std::string visible = VisibleJson(compact);
  switch (structure) {
    case Structure::kJson:
      return absl::StrCat(Pretty(visible), "\n");
    case Structure::kJsonLine:
      return absl::StrCat(visible, "\n");
    case Structure::kYaml:
      return absl::StrCat(JsonToYaml(visible));
  }
  return "";
}

// Reads JSON that this file wrote, and writes YAML. Quoted texts stay as they are: a JSON string is
// a YAML one, but for characters beyond 16 bits.
class YamlWriter {
 public:
  explicit YamlWriter(absl::string_view json) : json_(json) {}

  std::string Write() {
    Value(0, false);
    return std::move(out_);
  }

 private:
  void Blanks() {
    while (at_ < json_.size() && (json_[at_] == ' ' || json_[at_] == '\n')) ++at_;
  }
  char Peek() {
    Blanks();
    return at_ < json_.size() ? json_[at_] : '\0';
  }
  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }

  static bool Plain(absl::string_view text) {
    static constexpr absl::string_view kWords[] = {"true", "false", "null", "yes", "no",
                                                   "on",   "off",   "y",    "n"};
    if (text.empty() || !absl::ascii_isalpha(static_cast<unsigned char>(text[0]))) return false;
    for (const char c : text) {
      if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-' && c != '.' &&
          c != '/') {
        return false;
      }
    }
    const std::string lower = absl::AsciiStrToLower(text);
    for (const absl::string_view word : kWords) {
      if (lower == word) return false;
    }
    return true;
  }

  std::string String() {
    const size_t begin = at_++;
    while (at_ < json_.size() && json_[at_] != '"') at_ += json_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_ + 1, json_.size());
    const absl::string_view quoted = json_.substr(begin, at_ - begin);
    const absl::string_view inner = quoted.size() < 2 ? "" : quoted.substr(1, quoted.size() - 2);
    return Plain(inner) ? std::string(inner) : WithoutSurrogates(quoted);
  }

  // \ud83d\ude00 is \U0001f600 in YAML.
  static std::string WithoutSurrogates(absl::string_view quoted) {
    std::string out;
    for (size_t i = 0; i < quoted.size(); ++i) {
      if (quoted[i] != '\\') {
        out += quoted[i];
        continue;
      }
      const uint32_t high = Unit(quoted.substr(i));
      const uint32_t low = high >= 0xD800 && high < 0xDC00 ? Unit(quoted.substr(i + 6)) : 0;
      if (low >= 0xDC00 && low < 0xE000) {
        absl::StrAppendFormat(&out, "\\U%08x", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
        i += 11;
      } else {
        absl::StrAppend(&out, quoted.substr(i, 2));
        ++i;
      }
    }
    return out;
  }

  // Of \uXXXX; 0 of anything else.
  static uint32_t Unit(absl::string_view text) {
    uint32_t unit = 0;
    if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return 0;
    return absl::SimpleHexAtoi(text.substr(2, 4), &unit) ? unit : 0;
  }

  void NewLine(size_t indent) {
    if (!out_.empty()) out_ += '\n';
    out_.append(indent, ' ');
  }

  void Object(size_t indent, bool in_list) {
    ++at_;
    if (Take('}')) {
      absl::StrAppend(&out_, in_list ? "" : " ", "{}");
      return;
    }
    bool first = true;
    do {
      if (!(first && in_list)) NewLine(indent);
      first = false;
      Blanks();
      absl::StrAppend(&out_, String(), ":");
      Take(':');
      Value(indent, false);
    } while (Take(','));
    Take('}');
  }

  void List(size_t indent, bool in_list) {
    ++at_;
    if (Take(']')) {
      absl::StrAppend(&out_, in_list ? "" : " ", "[]");
      return;
    }
    bool first = true;
    do {
      if (!(first && in_list)) NewLine(indent);
      first = false;
      out_ += "- ";
      Value(indent, true);
    } while (Take(','));
    Take(']');
  }

  // `indent` is that of the object or list around it.
  void Value(size_t indent, bool in_list) {
    const char next = Peek();
    if (next == '{') {
      Object(out_.empty() ? 0 : indent + 2, in_list);
    } else if (next == '[') {
      List(in_list ? indent + 2 : indent, in_list);
    } else {
      if (!in_list) out_ += ' ';
      if (next == '"') {
        absl::StrAppend(&out_, String());
      } else {
        while (at_ < json_.size() && !absl::StrContains(",]} \n", json_[at_])) out_ += json_[at_++];
      }
    }
  }

  const absl::string_view json_;
  size_t at_ = 0;
  std::string out_;
};

void AddPart(absl::string_view name, const google::protobuf::Message& message, std::string& json) {
  absl::StrAppend(&json, ",", Quoted(name), ":", ToJson(message));
}

}  // namespace

std::string WriteMessage(absl::string_view kind, const google::protobuf::Message& message,
                         Structure structure) {
  const std::string json = ToJson(message);
  const absl::string_view fields = absl::string_view(json).substr(1);
  return Finish(absl::StrCat(Head(kind), fields == "}" ? "" : ",", fields), structure);
}

std::string WriteSnapshot(const Snapshot& snapshot, Structure structure) {
  std::string json = Head("Status");
  if (snapshot.health.has_value()) AddPart("health", *snapshot.health, json);
  if (snapshot.node.has_value()) AddPart("node", *snapshot.node, json);
  if (snapshot.calls.has_value()) AddPart("calls", *snapshot.calls, json);
  if (snapshot.relists.has_value()) AddPart("relists", *snapshot.relists, json);
  if (snapshot.diagnosis.has_value()) AddPart("diagnosis", *snapshot.diagnosis, json);
  absl::StrAppend(&json, ",\"missing\":[",
                  absl::StrJoin(snapshot.missing, ",",
                                [](std::string* out, const Missing& missing) {
                                  absl::StrAppend(out, "{\"call\":", Quoted(missing.call),
                                                  ",\"reason\":", Quoted(missing.reason), "}");
                                }),
                  "]}");
  return Finish(json, structure);
}

std::string WriteFields(absl::string_view kind, const Fields& fields, Structure structure) {
  std::string json = Head(kind);
  for (const auto& [name, text] : fields) {
    absl::StrAppend(&json, ",", Quoted(name), ":", Quoted(text));
  }
  return Finish(absl::StrCat(json, "}"), structure);
}

std::string JsonToYaml(absl::string_view json) { return YamlWriter(json).Write() + "\n"; }

}  // namespace plegctl
