#include "runtime/lenient_parse.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>

#include <limits>
#include <mutex>

#include "pleg/utf8.h"
#include "runtime/wire.h"

namespace runtime {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr int kMaxDepth = 100;

bool Parse(absl::string_view wire, google::protobuf::Message& message) {
  return wire.size() <= static_cast<size_t>(std::numeric_limits<int>::max()) &&
         message.ParseFromArray(wire.data(), static_cast<int>(wire.size()));
}

bool Repair(const Descriptor& descriptor, absl::string_view wire, int depth, std::string& out) {
  if (depth > kMaxDepth) return false;
  WireReader reader(wire);
  for (WireField field; reader.Next(field);) {
    const FieldDescriptor* known =
        field.type == WireType::kBytes
            ? descriptor.FindFieldByNumber(static_cast<int>(field.number))
            : nullptr;
    if (known != nullptr && known->type() == FieldDescriptor::TYPE_STRING) {
      AppendBytesField(field.number, pleg::ToValidUtf8(field.bytes), out);
    } else if (known != nullptr && known->type() == FieldDescriptor::TYPE_MESSAGE) {
      std::string inner;
      if (!Repair(*known->message_type(), field.bytes, depth + 1, inner)) return false;
      AppendBytesField(field.number, inner, out);
    } else {
      out.append(field.whole.data(), field.whole.size());
    }
  }
  return reader.ok();
}

}  // namespace

ParseResult ParseLenient(absl::string_view wire, google::protobuf::Message& message) {
  if (Parse(wire, message)) return ParseResult::kOk;
  std::string repaired;
  if (!RepairText(*message.GetDescriptor(), wire, repaired)) return ParseResult::kMalformed;
  return Parse(repaired, message) ? ParseResult::kRepaired : ParseResult::kMalformed;
}

bool RepairText(const Descriptor& descriptor, absl::string_view wire, std::string& repaired) {
  repaired.clear();
  repaired.reserve(wire.size());
  return Repair(descriptor, wire, 0, repaired);
}

void DiscardProtobufLog() {
  static std::once_flag once;
  std::call_once(once, [] { google::protobuf::SetLogHandler(nullptr); });
}

}  // namespace runtime
