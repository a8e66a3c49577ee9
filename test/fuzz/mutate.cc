#include "test/fuzz/mutate.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/wire.h"

namespace fuzz {
namespace {

// Takes apart and puts together one message.
class Bender {
 public:
  Bender(absl::string_view message, std::mt19937& random) : random_(random) {
    runtime::WireReader reader(message);
    for (runtime::WireField field; reader.Next(field);) {
      fields_.emplace_back(field.whole);
      parts_.push_back(field);
    }
  }

  std::string Bend() {
    if (fields_.empty()) return "";
    for (size_t i = Below(3) + 1; i > 0; --i) BendOnce();
    std::string message;
    for (const std::string& field : fields_) message += field;
    if (Below(16) == 0) message.resize(Below(message.size() + 1));
    return message;
  }

 private:
  size_t Below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }

  void BendOnce() {
    const size_t at = Below(parts_.size());
    const runtime::WireField& field = parts_[at];
    std::string& bytes = fields_[at];
    switch (Below(11)) {
      case 0:  // another order
        std::shuffle(fields_.begin(), fields_.end(), random_);
        break;
      case 1:  // a second time, with another value: the last counts
        bytes += WithValue(field);
        break;
      case 2:  // missing
        bytes.clear();
        break;
      case 3:  // a tag or a length with needless bytes
        bytes = Padded(field);
        break;
      case 4:  // another wire type
        if (!bytes.empty()) bytes = Tag(field.number, Below(8)) + bytes.substr(1);
        break;
      case 5:  // what a newer runtime may send
        bytes +=
            Tag(100 + Below(1000), 0) + "\x05" + Tag(9, 1) + "12345678" + Tag(1u << 28, 5) + "1234";
        break;
      case 6:  // a group, whole or not
        bytes += Tag(20, 3) + bytes + Tag(Below(4) == 0 ? 21 : 20, 4);
        break;
      case 7:  // nested once more, or bent inside
        bytes = Nested(field);
        break;
      case 8:  // cut
        bytes.resize(Below(bytes.size() + 1));
        break;
      case 9:  // one byte
        if (!bytes.empty()) bytes[Below(bytes.size())] = static_cast<char>(Below(256));
        break;
      default:  // another value alone
        bytes = WithValue(field);
    }
  }

  static std::string Varint(uint64_t value) {
    std::string bytes;
    runtime::AppendVarint(value, bytes);
    return bytes;
  }
  static std::string Tag(uint64_t number, uint64_t type) { return Varint(number << 3 | type); }

  std::string WithValue(const runtime::WireField& field) {
    if (field.type == runtime::WireType::kVarint) {
      const uint64_t values[] = {0, 1, 2, 3, 4, 127, 1u << 31, ~uint64_t{0}, uint64_t{1} << 32};
      return Tag(field.number, 0) + Varint(values[Below(std::size(values))]);
    }
    std::string bytes;
    runtime::AppendBytesField(field.number, Below(2) == 0 ? "" : "c2\xC3", bytes);
    return bytes;
  }

  std::string Padded(const runtime::WireField& field) {
    auto pad = [this](std::string varint) {
      varint.back() = static_cast<char>(varint.back() | 0x80);
      varint.append(Below(11), '\x80');
      return varint + '\0';
    };
    const bool of_tag = Below(2) == 0;
    const std::string tag = Tag(field.number, static_cast<uint64_t>(field.type));
    const std::string head = of_tag ? pad(tag) : tag;
    if (field.type == runtime::WireType::kVarint) {
      return head + (of_tag ? Varint(field.varint) : pad(Varint(field.varint)));
    }
    const std::string length = Varint(field.bytes.size());
    return head + (of_tag ? length : pad(length)) + std::string(field.bytes);
  }

  std::string Nested(const runtime::WireField& field) {
    std::string bytes;
    if (Below(2) == 0) {
      runtime::AppendBytesField(field.number, field.whole, bytes);
    } else {
      runtime::AppendBytesField(field.number, Bender(field.bytes, random_).Bend(), bytes);
    }
    return bytes;
  }

  std::mt19937& random_;
  std::vector<std::string> fields_;
  std::vector<runtime::WireField> parts_;
};

}  // namespace

std::string Mutate(absl::string_view reply, std::mt19937& random) {
  std::vector<std::string> items;
  runtime::WireReader reader(reply);
  for (runtime::WireField field; reader.Next(field);) {
    if (field.number == 1) items.emplace_back(field.bytes);
  }
  std::string bent;
  if (items.empty()) {
    bent = std::string(reply);
    if (!bent.empty()) bent[random() % bent.size()] = static_cast<char>(random());
    return bent;
  }
  for (std::string& item : items) {
    if (random() % 2 == 0) continue;
    std::string other = Bender(item, random).Bend();
    // Beside the item it came from, or in its place.
    if (random() % 2 == 0)
      runtime::AppendBytesField(1, other, bent);
    else
      item = std::move(other);
  }
  std::shuffle(items.begin(), items.end(), random);
  for (const std::string& item : items) runtime::AppendBytesField(1, item, bent);
  if (random() % 32 == 0) bent.resize(random() % (bent.size() + 1));
  return bent;
}

}  // namespace fuzz
