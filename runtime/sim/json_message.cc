#include "runtime/sim/json_message.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sim {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Json = JsonText::Json;
using Pointer = JsonText::Pointer;

// Nanoseconds since 1970; nullopt if it is no time.
std::optional<int64_t> ParseTimeText(const std::string& text, absl::Time origin) {
  absl::Duration ago;
  absl::Time time;
  if (absl::ParseDuration(text, &ago) && ago < absl::ZeroDuration()) {
    time = origin + ago;
  } else if (!absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) {
    return std::nullopt;
  }
  // The year 1 is Go's way to say that there is no time.
  if (absl::ToCivilYear(time, absl::UTCTimeZone()) <= absl::CivilYear(1)) return 0;
  const int64_t nanos = absl::ToUnixNanos(time);
  if (nanos == std::numeric_limits<int64_t>::max() || nanos == std::numeric_limits<int64_t>::min())
    return std::nullopt;
  return nanos;
}

template <typename Number>
std::optional<Number> ParseNumber(const Json& value) {
  Number number = 0;
  // Through the digits: a conversion would cut what does not fit.
  const bool digits = value.is_number_integer() || value.is_string();
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (!digits || !absl::SimpleAtoi(text, &number)) return std::nullopt;
  return number;
}

// "CONTAINER_RUNNING" and "running" are the same.
std::optional<int> FindEnum(const EnumDescriptor& type, const std::string& name) {
  if (const auto* value = type.FindValueByName(name)) return value->number();
  const std::string ending = absl::StrCat("_", absl::AsciiStrToUpper(name));
  for (int i = 0; i < type.value_count(); ++i) {
    if (absl::EndsWith(type.value(i)->name(), ending)) return type.value(i)->number();
  }
  return std::nullopt;
}

std::string EnumNames(const EnumDescriptor& type) {
  std::string names;
  for (int i = 0; i < type.value_count(); ++i) {
    absl::StrAppend(&names, i == 0 ? "" : ", ", type.value(i)->name());
  }
  return names;
}

class Reader {
 public:
  Reader(const JsonText& text, const JsonMessageOptions& options)
      : text_(text), options_(options) {}

  absl::Status ReadObject(const Json& object, const Pointer& at, Message& message) {
    if (object.is_null()) return absl::OkStatus();
    if (!object.is_object()) return text_.Error(at, "is not an object");
    for (const auto& [name, value] : object.items()) {
      if (at == top_ && options_.except.contains(name)) continue;
      const FieldDescriptor* field = FindField(message, name);
      if (field == nullptr) {
        if (options_.ignore_unknown) continue;
        return text_.Error(at / name, "is no field of a " + message.GetDescriptor()->name());
      }
      if (value.is_null()) continue;
      absl::Status read = ReadField(*field, value, at / name, message);
      if (!read.ok()) return read;
    }
    return absl::OkStatus();
  }

  void set_top(const Pointer& top) { top_ = top; }

 private:
  absl::Status ReadField(const FieldDescriptor& field, const Json& value, const Pointer& at,
                         Message& message) {
    if (field.is_map()) return ReadMap(field, value, at, message);
    if (!field.is_repeated()) return ReadValue(field, value, at, message);
    if (!value.is_array()) return text_.Error(at, "is not a list");
    for (size_t i = 0; i < value.size(); ++i) {
      absl::Status read = ReadValue(field, value[i], at / i, message);
      if (!read.ok()) return read;
    }
    return absl::OkStatus();
  }

  // The CRI's maps are of strings; of others nothing is read.
  absl::Status ReadMap(const FieldDescriptor& field, const Json& value, const Pointer& at,
                       Message& message) {
    if (!value.is_object()) return text_.Error(at, "is not an object");
    const FieldDescriptor* of = field.message_type()->FindFieldByNumber(2);
    if (of->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return absl::OkStatus();
    for (const auto& [key, entry] : value.items()) {
      if (!entry.is_string()) return text_.Error(at / key, "is not a string");
      Message& added = *message.GetReflection()->AddMessage(&message, &field);
      added.GetReflection()->SetString(&added, field.message_type()->FindFieldByNumber(1), key);
      added.GetReflection()->SetString(&added, of, entry.get<std::string>());
    }
    return absl::OkStatus();
  }

  absl::Status ReadValue(const FieldDescriptor& field, const Json& value, const Pointer& at,
                         Message& message) {
    const Reflection& of = *message.GetReflection();
    const bool many = field.is_repeated();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return ReadObject(
            value, at,
            many ? *of.AddMessage(&message, &field) : *of.MutableMessage(&message, &field));
      case FieldDescriptor::CPPTYPE_STRING:
        if (!value.is_string()) return text_.Error(at, "is not a string");
        many ? of.AddString(&message, &field, value.get<std::string>())
             : of.SetString(&message, &field, value.get<std::string>());
        return absl::OkStatus();
      case FieldDescriptor::CPPTYPE_BOOL:
        if (!value.is_boolean()) return text_.Error(at, "is neither true nor false");
        many ? of.AddBool(&message, &field, value.get<bool>())
             : of.SetBool(&message, &field, value.get<bool>());
        return absl::OkStatus();
      case FieldDescriptor::CPPTYPE_ENUM:
        return ReadEnum(field, value, at, message);
      default:
        return ReadNumber(field, value, at, message);
    }
  }

  absl::Status ReadEnum(const FieldDescriptor& field, const Json& value, const Pointer& at,
                        Message& message) {
    std::optional<int> number;
    if (value.is_number()) number = ParseNumber<int32_t>(value);
    if (value.is_string()) number = FindEnum(*field.enum_type(), value.get<std::string>());
    if (!number.has_value() && value.is_string() && options_.ignore_unknown) {
      return absl::OkStatus();
    }
    if (!number.has_value()) {
      return text_.Error(at,
                         absl::StrCat(value.dump(), " is none of ", EnumNames(*field.enum_type())));
    }
    const Reflection& of = *message.GetReflection();
    field.is_repeated() ? of.AddEnumValue(&message, &field, *number)
                        : of.SetEnumValue(&message, &field, *number);
    return absl::OkStatus();
  }

  // No repeated numbers in what is read here.
  absl::Status ReadNumber(const FieldDescriptor& field, const Json& value, const Pointer& at,
                          Message& message) {
    const Reflection& of = *message.GetReflection();
    if (field.is_repeated()) return absl::OkStatus();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
      const bool is_time = absl::EndsWith(field.name(), "_at");
      std::optional<int64_t> number = ParseNumber<int64_t>(value);
      if (!number.has_value() && is_time && value.is_string()) {
        number = ParseTimeText(value.get<std::string>(), options_.origin);
      }
      if (number.has_value()) return of.SetInt64(&message, &field, *number), absl::OkStatus();
      return NoNumber(value, at,
                      is_time ? "is no time: nanoseconds since 1970, RFC 3339 or \"-1h30m\""
                              : "is not a whole number of 64 bits");
    }
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
      const auto number = ParseNumber<int32_t>(value);
      if (number.has_value()) return of.SetInt32(&message, &field, *number), absl::OkStatus();
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
      const auto number = ParseNumber<uint32_t>(value);
      if (number.has_value()) return of.SetUInt32(&message, &field, *number), absl::OkStatus();
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
      const auto number = ParseNumber<uint64_t>(value);
      if (number.has_value()) return of.SetUInt64(&message, &field, *number), absl::OkStatus();
    } else {
      return absl::OkStatus();
    }
    return NoNumber(value, at, "is not a whole number that fits");
  }

  absl::Status NoNumber(const Json& value, const Pointer& at, absl::string_view what) const {
    return text_.Error(at, absl::StrCat(value.dump(), " ", what));
  }

  const JsonText& text_;
  const JsonMessageOptions& options_;
  Pointer top_;
};

}  // namespace

const FieldDescriptor* FindField(const Message& message, const std::string& name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  return field != nullptr ? field : message.GetDescriptor()->FindFieldByCamelcaseName(name);
}

absl::Status ReadMessage(const JsonText& text, const Pointer& at, const JsonMessageOptions& options,
                         Message& message) {
  Reader reader(text, options);
  reader.set_top(at);
  return reader.ReadObject(text.root().at(at), at, message);
}

}  // namespace sim
