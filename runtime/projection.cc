#include "runtime/projection.h"

#include <limits>

namespace runtime {
namespace {

constexpr uint32_t kIdField = 1;
constexpr int kMaxVarintBytes = 10;
constexpr int kMaxTagBytes = 5;  // of lengths, too

// A position in an item. All functions fail at the end.
class Cursor {
 public:
  explicit Cursor(absl::string_view data)
      : at_(reinterpret_cast<const uint8_t*>(data.data())), end_(at_ + data.size()) {}

  bool done() const { return at_ == end_; }
  const uint8_t* at() const { return at_; }

  bool Varint(uint64_t& value, int max_bytes) {
    if (at_ != end_ && *at_ < 0x80) {
      value = *at_++;
      return true;
    }
    return LongVarint(value, max_bytes);
  }
  bool Bytes(absl::string_view& bytes) {
    uint64_t length = 0;
    if (!Varint(length, kMaxTagBytes) || length > static_cast<uint64_t>(end_ - at_)) return false;
    bytes = absl::string_view(reinterpret_cast<const char*>(at_), static_cast<size_t>(length));
    at_ += length;
    return true;
  }
  bool Skip(ptrdiff_t bytes) {
    if (bytes > end_ - at_) return false;
    at_ += bytes;
    return true;
  }

 private:
  bool LongVarint(uint64_t& value, int max_bytes) {
    value = 0;
    for (int i = 0; i < max_bytes && at_ != end_; ++i) {
      const uint8_t byte = *at_++;
      value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
      if (byte < 0x80) return true;
    }
    return false;
  }

  const uint8_t* at_;
  const uint8_t* end_;
};

// Length-delimited. False for a scalar's number.
bool TakeBytes(uint32_t number, absl::string_view bytes, const ItemLayout& layout,
               Projection& out) {
  if (number == kIdField) {
    out.id = bytes;
  } else if (number == layout.metadata) {
    // Two of them would have to be merged.
    if (out.metadata.data() != nullptr) return false;
    out.metadata = bytes;
  } else if (number == layout.sandbox_id) {
    out.sandbox_id = bytes;
  } else if (number == layout.state || number == layout.created_at) {
    return false;
  }
  return true;
}

// False for the number of a field that is no scalar.
bool TakeScalar(uint32_t number, uint64_t value, const ItemLayout& layout, Projection& out) {
  if (number == layout.state) {
    out.state = static_cast<int>(value);
  } else if (number == layout.created_at) {
    out.created_at = static_cast<int64_t>(value);
  } else if (number == kIdField || number == layout.metadata || number == layout.sandbox_id) {
    return false;
  }
  return true;
}

bool IsRead(uint32_t number, const ItemLayout& layout) {
  return number == kIdField || number == layout.metadata || number == layout.state ||
         number == layout.created_at || number == layout.sandbox_id;
}

}  // namespace

bool Project(absl::string_view item, const ItemLayout& layout, Projection& out) {
  out = Projection();
  out.bytes = item.size();
  for (Cursor cursor(item); !cursor.done();) {
    const uint8_t* start = cursor.at();
    uint64_t tag = 0;
    if (!cursor.Varint(tag, kMaxTagBytes)) return false;
    if (tag < 8 || tag > std::numeric_limits<uint32_t>::max()) return false;
    const auto number = static_cast<uint32_t>(tag >> 3);
    uint64_t value = 0;
    absl::string_view bytes;
    switch (tag & 7) {
      case 0:
        if (!cursor.Varint(value, kMaxVarintBytes) || !TakeScalar(number, value, layout, out))
          return false;
        if (number == layout.state) out.bytes -= static_cast<size_t>(cursor.at() - start);
        break;
      case 1:
        if (!cursor.Skip(8) || IsRead(number, layout)) return false;
        break;
      case 2:
        if (!cursor.Bytes(bytes) || !TakeBytes(number, bytes, layout, out)) return false;
        break;
      case 5:
        if (!cursor.Skip(4) || IsRead(number, layout)) return false;
        break;
      default:
        return false;
    }
  }
  return true;
}

}  // namespace runtime
