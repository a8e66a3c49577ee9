// Structs with fields (pleg/diagnosis/evidence_fields.h) as messages whose fields have the same
// names, and back. Private to the room.
//
//   WriteFields(process, message);   ReadFields(message, process);
//
// A struct that names a field which its message does not have dies at the first use.

#ifndef PLEGD_API_MESSAGE_FIELDS_H_
#define PLEGD_API_MESSAGE_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "api/evidence_values.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"
#include "pleg/diagnosis/evidence_fields.h"
#include "pleg/utf8.h"

namespace api {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <typename T>
inline constexpr bool kIsVector = false;
template <typename T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <typename T>
inline constexpr bool kIsId = false;
template <typename Tag>
inline constexpr bool kIsId<pleg::StringId<Tag>> = true;
template <typename T>
inline constexpr bool kIsSigned = false;
template <typename T>
inline constexpr bool kIsSigned<pleg::Signed<T>> = true;

// The fields of one struct, in the order in which they are visited.
class FieldList {
 public:
  explicit FieldList(const google::protobuf::Descriptor* message) : message_(message) {}

  void operator()(const char* name, const auto& /*value*/) { fields_.push_back(Find(name)); }
  template <typename T>
  void Together(const char* /*name*/, const std::optional<T>& /*value*/, const auto& visit) {
    const T any = {};
    visit(any, *this);
  }

  const FieldDescriptor* operator[](size_t i) const { return fields_[i]; }

 private:
  const FieldDescriptor* Find(const char* name) const;

  const google::protobuf::Descriptor* message_;
  std::vector<const FieldDescriptor*> fields_;
};

// Of the struct `T`, which goes into messages of one type.
template <typename T>
const FieldList& FieldsOf(const T& value, const Message& message) {
  static const FieldList& fields = [&]() -> const FieldList& {
    auto& list = *new FieldList(message.GetDescriptor());
    VisitFields(value, list);
    return list;
  }();
  return fields;
}

void WriteFields(const auto& value, Message& out);
void ReadFields(const Message& message, auto&& value);

// Takes as many fields as a visit of what is there would.
struct Skip {
  size_t& next;
  void operator()(const char* /*name*/, const auto& /*value*/) { ++next; }
};

class FieldWriter {
 public:
  FieldWriter(Message& out, const FieldList& fields)
      : out_(out), reflection_(*out.GetReflection()), fields_(fields) {}

  void operator()(const char* /*name*/, const auto& value) { Write(fields_[next_++], value); }
  template <typename T>
  void Together(const char* /*name*/, const std::optional<T>& value, const auto& visit) {
    if (value.has_value()) return visit(*value, *this);
    Skip skip{next_};
    const T any = {};
    visit(any, skip);
  }

 private:
  template <typename T>
  void Write(const FieldDescriptor* field, const T& value) {
    if constexpr (kIsOptional<T>) {
      if (value.has_value()) WriteOne(field, *value);
    } else if constexpr (kIsVector<T>) {
      for (const auto& element : value) WriteOne(field, element);
    } else if constexpr (std::is_same_v<T, absl::Duration>) {
      // What the message may leave out is for ever without it: JSON has no such number.
      if (!field->has_presence() || IsFinite(value)) WriteOne(field, value);
    } else if constexpr (std::is_same_v<T, absl::Time>) {
      if (HasTimestamp(value)) {
        google::protobuf::Timestamp stamp;
        SetTimestamp(value, stamp);
        reflection_.MutableMessage(&out_, field)->CopyFrom(stamp);
      }
    } else {
      WriteOne(field, value);
    }
  }

  template <typename T>
  void WriteOne(const FieldDescriptor* field, const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      reflection_.SetBool(&out_, field, value);
    } else if constexpr (std::is_same_v<T, char>) {
      WriteText(field, std::string(1, value));
    } else if constexpr (std::is_same_v<T, double>) {
      WriteReal(field, value);
    } else if constexpr (std::is_integral_v<T>) {
      WriteNumber(field, value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      WriteText(field, value);
    } else if constexpr (kIsId<T>) {
      WriteText(field, value.value());
    } else if constexpr (std::is_same_v<T, absl::Duration>) {
      WriteReal(field, Seconds(value));
    } else if constexpr (kIsSigned<T>) {
      WriteReal(field, absl::ToDoubleSeconds(value.value));
    } else if constexpr (std::is_enum_v<T>) {
      WriteText(field, std::string(NameOf(value)));
    } else if (!IsNothing(value)) {
      WriteFields(value, field->is_repeated() ? *reflection_.AddMessage(&out_, field)
                                              : *reflection_.MutableMessage(&out_, field));
    }
  }

  void WriteText(const FieldDescriptor* field, const std::string& text) {
    field->is_repeated() ? reflection_.AddString(&out_, field, pleg::ToValidUtf8(text))
                         : reflection_.SetString(&out_, field, pleg::ToValidUtf8(text));
  }
  void WriteReal(const FieldDescriptor* field, double value) {
    field->is_repeated() ? reflection_.AddDouble(&out_, field, value)
                         : reflection_.SetDouble(&out_, field, value);
  }
  void WriteNumber(const FieldDescriptor* field, auto value) {
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection_.SetInt32(&out_, field, static_cast<int32_t>(value));
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection_.SetInt64(&out_, field, static_cast<int64_t>(value));
      case FieldDescriptor::CPPTYPE_UINT32:
        return reflection_.SetUInt32(&out_, field, static_cast<uint32_t>(value));
      default:
        return reflection_.SetUInt64(&out_, field, static_cast<uint64_t>(value));
    }
  }

  Message& out_;
  const google::protobuf::Reflection& reflection_;
  const FieldList& fields_;
  size_t next_ = 0;
};

class FieldReader {
 public:
  FieldReader(const Message& message, const FieldList& fields)
      : message_(message), reflection_(*message.GetReflection()), fields_(fields) {}

  void operator()(const char* /*name*/, auto&& value) { Read(fields_[next_++], value); }
  template <typename T>
  void Together(const char* /*name*/, std::optional<T>& value, const auto& visit) {
    if (reflection_.HasField(message_, fields_[next_])) {
      T read = {};
      visit(read, *this);
      value = std::move(read);
      return;
    }
    Skip skip{next_};
    const T any = {};
    visit(any, skip);
  }

 private:
  template <typename T>
  void Read(const FieldDescriptor* field, T& value) {
    if constexpr (kIsOptional<T>) {
      if (!reflection_.HasField(message_, field)) return;
      typename T::value_type read = {};
      ReadOne(field, -1, read);
      value = std::move(read);
    } else if constexpr (kIsVector<T>) {
      const int size = reflection_.FieldSize(message_, field);
      value.resize(static_cast<size_t>(size));
      for (int i = 0; i < size; ++i) ReadOne(field, i, value[static_cast<size_t>(i)]);
    } else if constexpr (std::is_same_v<T, absl::Duration>) {
      const bool left_out = field->has_presence() && !reflection_.HasField(message_, field);
      absl::Duration read = absl::InfiniteDuration();
      if (!left_out) ReadOne(field, -1, read);
      // 0 is what a message has without it: what was before stays.
      if (field->has_presence() || read > absl::ZeroDuration()) value = read;
    } else {
      ReadOne(field, -1, value);
    }
  }

  // `at` is -1 for what is no list.
  template <typename T>
  void ReadOne(const FieldDescriptor* field, int at, T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = reflection_.GetBool(message_, field);
    } else if constexpr (std::is_same_v<T, char>) {
      const std::string text = Text(field, at);
      value = text.empty() ? '?' : text.front();
    } else if constexpr (std::is_same_v<T, double>) {
      value = Real(field, at);
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(Number(field));
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = Text(field, at);
    } else if constexpr (kIsId<T>) {
      value = T(Text(field, at));
    } else if constexpr (std::is_same_v<T, absl::Duration>) {
      value = FromSeconds(Real(field, at));
    } else if constexpr (kIsSigned<T>) {
      const double seconds = Real(field, at);
      value.value = seconds < 0 ? -FromSeconds(-seconds) : FromSeconds(seconds);
    } else if constexpr (std::is_enum_v<T>) {
      const std::string name = Text(field, at);
      for (const T one : AllOf(T())) {
        if (NameOf(one) == name) value = one;
      }
    } else if constexpr (std::is_same_v<T, absl::Time>) {
      if (!reflection_.HasField(message_, field)) return;
      value = FromTimestamp(
          static_cast<const google::protobuf::Timestamp&>(reflection_.GetMessage(message_, field)));
    } else {
      ReadFields(at < 0 ? reflection_.GetMessage(message_, field)
                        : reflection_.GetRepeatedMessage(message_, field, at),
                 value);
    }
  }

  std::string Text(const FieldDescriptor* field, int at) const {
    return at < 0 ? reflection_.GetString(message_, field)
                  : reflection_.GetRepeatedString(message_, field, at);
  }
  double Real(const FieldDescriptor* field, int at) const {
    return at < 0 ? reflection_.GetDouble(message_, field)
                  : reflection_.GetRepeatedDouble(message_, field, at);
  }
  // Two's complement of what is signed.
  uint64_t Number(const FieldDescriptor* field) const {
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return static_cast<uint64_t>(int64_t{reflection_.GetInt32(message_, field)});
      case FieldDescriptor::CPPTYPE_INT64:
        return static_cast<uint64_t>(reflection_.GetInt64(message_, field));
      case FieldDescriptor::CPPTYPE_UINT32:
        return reflection_.GetUInt32(message_, field);
      default:
        return reflection_.GetUInt64(message_, field);
    }
  }

  const Message& message_;
  const google::protobuf::Reflection& reflection_;
  const FieldList& fields_;
  size_t next_ = 0;
};

void WriteFields(const auto& value, Message& out) {
  VisitFields(value, FieldWriter(out, FieldsOf(value, out)));
}

void ReadFields(const Message& message, auto&& value) {
  VisitFields(value, FieldReader(message, FieldsOf(value, message)));
}

}  // namespace api

#endif  // PLEGD_API_MESSAGE_FIELDS_H_
