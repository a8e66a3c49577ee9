#include "cmd/plegctl/structured.h"

#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/emitter.h>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cmd/plegctl/text.h"
#include "pleg/utf8.h"

namespace plegctl {
namespace {

using Json = nlohmann::ordered_json;

std::string Text(absl::string_view text) { return pleg::ToValidUtf8(text); }

// Null if it is no JSON.
Json Parse(absl::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? Json() : json;
}

Json ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  // Fails for stamps beyond the year 9999 alone; what was written until then is no JSON.
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) {
    return Json::object();
  }
  return Parse(Text(text));
}

Json Head(absl::string_view kind) {
  return {{"api_version", Text(kApiVersion)}, {"kind", Text(kind)}};
}

// Indented by so many blanks; on one line if there is no number.
std::string Print(const Json& json, int indent) {
  return VisibleJson(json.dump(indent, ' ', false, Json::error_handler_t::replace));
}

// A text that every reader of YAML takes for one.
bool Plain(absl::string_view text) {
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

void EmitText(const std::string& text, YAML::Emitter& out) {
  if (Plain(text)) {
    out << text;
    return;
  }
  // What hides itself, or moves a cursor.
  if (VisibleJson(text) != text) out << YAML::EscapeNonAscii;
  out << YAML::DoubleQuoted << text;
}

void Emit(const Json& json, YAML::Emitter& out) {
  if (json.is_structured() && json.empty()) out << YAML::Flow;  // [] on the line of its name
  if (json.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [name, value] : json.items()) {
      out << YAML::Key;
      EmitText(name, out);
      out << YAML::Value;
      Emit(value, out);
    }
    out << YAML::EndMap;
  } else if (json.is_array()) {
    out << YAML::BeginSeq;
    for (const Json& value : json) Emit(value, out);
    out << YAML::EndSeq;
  } else if (json.is_string()) {
    EmitText(json.get_ref<const std::string&>(), out);
  } else if (json.is_null()) {
    out << YAML::Null;
  } else {
    out << json.dump();
  }
}

std::string ToYaml(const Json& json) {
  YAML::Emitter out;
  Emit(json, out);
  return absl::StrCat(out.c_str(), "\n");
}

std::string Finish(const Json& json, Structure structure) {
  switch (structure) {
    case Structure::kJson:
      return absl::StrCat(Print(json, 2), "\n");
    case Structure::kJsonLine:
      return absl::StrCat(Print(json, -1), "\n");
    case Structure::kYaml:
      return ToYaml(json);
  }
  return "";
}

}  // namespace

std::string WriteMessage(absl::string_view kind, const google::protobuf::Message& message,
                         Structure structure) {
  Json json = Head(kind);
  json.update(ToJson(message));
  return Finish(json, structure);
}

std::string WriteSnapshot(const Snapshot& snapshot, Structure structure) {
  Json json = Head("Status");
  const auto add = [&json](const char* name, const auto& part) {
    if (part.has_value()) json[name] = ToJson(*part);
  };
  add("health", snapshot.health);
  add("node", snapshot.node);
  add("calls", snapshot.calls);
  add("relists", snapshot.relists);
  add("diagnosis", snapshot.diagnosis);
  Json& missing = json["missing"] = Json::array();
  for (const Missing& call : snapshot.missing) {
    missing.push_back({{"call", Text(call.call)}, {"reason", Text(call.reason)}});
  }
  return Finish(json, structure);
}

std::string WriteFields(absl::string_view kind, const Fields& fields, Structure structure) {
  Json json = Head(kind);
  for (const auto& [name, text] : fields) json[Text(name)] = Text(text);
  return Finish(json, structure);
}

std::string JsonToYaml(absl::string_view json) { return ToYaml(Parse(json)); }

}  // namespace plegctl
