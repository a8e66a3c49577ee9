// Writes protobuf wire format straight from the model. libprotobuf writes the entries of a map in
// an order that hardly varies; Go's runtimes write them in a new order each time, and a client must
// live with that. It also allocates a hundred times for what here is one append.
//
//   WireWriter writer(&bytes, &random);
//   writer.String(1, id);
//   writer.Message(3, [&] { writer.String(1, name); });

#ifndef PLEGD_RUNTIME_SIM_WIRE_WRITER_H_
#define PLEGD_RUNTIME_SIM_WIRE_WRITER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/sim/random.h"

namespace sim {

// The content of a map<string, string>. Keys are unique.
using Labels = std::vector<std::pair<std::string, std::string>>;

// Appends fields to a string. Zero and empty values are left out, as proto3 does.
// Thread-compatible.
class WireWriter {
 public:
  // Both must outlive the writer; without `order` map entries keep their order.
  WireWriter(std::string* out, Random* order) : out_(out), order_(order) {}

  void Uint(int field, uint64_t value) {
    if (value == 0) return;
    Tag(field, kVarint);
    Varint(value);
  }
  // int32, int64 and enums: negative numbers take ten bytes.
  void Int(int field, int64_t value) { Uint(field, static_cast<uint64_t>(value)); }
  void Bool(int field, bool value) { Uint(field, value ? 1 : 0); }
  void String(int field, absl::string_view value) {
    if (!value.empty()) Bytes(field, value);
  }
  // Also written when empty.
  void Bytes(int field, absl::string_view value) {
    Tag(field, kDelimited);
    Varint(value.size());
    out_->append(value.data(), value.size());
  }
  // The tag and a length that promises more bytes than follow.
  void Overrun(int field, size_t promised) {
    Tag(field, kDelimited);
    Varint(promised);
  }

  // Whatever `body` writes through this writer becomes the field's content; written also when
  // empty.
  template <typename Body>
  void Message(int field, Body body) {
    Tag(field, kDelimited);
    const size_t start = out_->size();
    body();
    std::array<char, 10> prefix;
    const size_t length = EncodeVarint(out_->size() - start, prefix.data());
    out_->insert(start, prefix.data(), length);
  }

  void Map(int field, const Labels& entries) {
    std::vector<uint16_t>& permutation = permutation_;
    permutation.resize(entries.size());
    for (size_t i = 0; i < entries.size(); ++i) permutation[i] = static_cast<uint16_t>(i);
    if (order_ != nullptr) order_->Shuffle(permutation);
    for (const uint16_t i : permutation) Entry(field, entries[i].first, entries[i].second);
  }
  void Entry(int field, absl::string_view key, absl::string_view value) {
    Tag(field, kDelimited);
    Varint(2 + VarintSize(key.size()) + key.size() + VarintSize(value.size()) + value.size());
    Bytes(1, key);
    Bytes(2, value);
  }

 private:
  static constexpr uint64_t kVarint = 0;
  static constexpr uint64_t kDelimited = 2;

  static size_t EncodeVarint(uint64_t value, char* out) {
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) out[n++] = static_cast<char>((value & 0x7f) | 0x80);
    out[n++] = static_cast<char>(value);
    return n;
  }
  static size_t VarintSize(uint64_t value) {
    size_t n = 1;
    for (; value >= 0x80; value >>= 7) ++n;
    return n;
  }
  void Varint(uint64_t value) {
    std::array<char, 10> bytes;
    out_->append(bytes.data(), EncodeVarint(value, bytes.data()));
  }
  void Tag(int field, uint64_t type) { Varint(static_cast<uint64_t>(field) << 3 | type); }

  std::string* out_;
  Random* order_;
  std::vector<uint16_t> permutation_;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_WIRE_WRITER_H_
