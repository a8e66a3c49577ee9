// Protobuf's wire format, field by field and in place: enough to split a reply into its items, and
// to read what a damaged item still tells.
//
//   WireReader reader(bytes);
//   for (WireField field; reader.Next(field);) …
//   if (!reader.ok()) …  // damaged at reader.position()

#ifndef PLEGD_RUNTIME_WIRE_H_
#define PLEGD_RUNTIME_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace runtime {

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

// One field; views point into the reader's bytes. Thread-compatible.
struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t varint = 0;      // kVarint only
  absl::string_view bytes;  // the content of kBytes
  absl::string_view whole;  // tag and value, for copying; of a group all of it
};

// Accepts what libprotobuf accepts: any order, unknown fields, padded varints of up to ten bytes,
// groups nested up to 100 deep. Refuses truncation, longer varints, field number 0 and unmatched
// groups. Thread-compatible.
class WireReader {
 public:
  // `data` outlives the reader and the fields.
  explicit WireReader(absl::string_view data) : data_(data) {}

  // False at the end and at damage; then ok() tells which.
  bool Next(WireField& field);
  bool ok() const { return ok_; }
  // Start of the field that Next last read or stumbled over.
  size_t position() const { return start_; }

 private:
  bool ReadField(WireField& field, int depth);
  bool ReadTag(uint32_t& tag);
  bool ReadVarint(uint64_t& value);
  bool ReadLength(size_t& length);
  bool Skip(size_t bytes);
  bool SkipGroup(uint32_t number, int depth);

  absl::string_view data_;
  size_t at_ = 0;
  size_t start_ = 0;
  bool ok_ = true;
};

void AppendVarint(uint64_t value, std::string& out);
// A length-delimited field.
void AppendBytesField(uint32_t number, absl::string_view bytes, std::string& out);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_WIRE_H_
