#include "runtime/wire.h"

namespace runtime {
namespace {

constexpr int kMaxGroupDepth = 100;
constexpr int kMaxTagBytes = 5;
constexpr int kMaxVarintBytes = 10;
constexpr int kMaxLengthBytes = 5;

}  // namespace

bool WireReader::Next(WireField& field) {
  if (!ok_) return false;
  start_ = at_;
  if (at_ == data_.size()) return false;
  ok_ = ReadField(field, 0) && field.type != WireType::kEndGroup;
  return ok_;
}

bool WireReader::ReadField(WireField& field, int depth) {
  const size_t start = at_;
  uint32_t tag = 0;
  if (!ReadTag(tag) || (tag >> 3) == 0) return false;
  field.number = tag >> 3;
  field.type = static_cast<WireType>(tag & 7);
  field.varint = 0;
  field.bytes = {};
  switch (field.type) {
    case WireType::kVarint:
      if (!ReadVarint(field.varint)) return false;
      break;
    case WireType::kFixed64:
      if (!Skip(8)) return false;
      break;
    case WireType::kFixed32:
      if (!Skip(4)) return false;
      break;
    case WireType::kBytes: {
      size_t length = 0;
      if (!ReadLength(length)) return false;
      field.bytes = data_.substr(at_, length);
      if (!Skip(length)) return false;
      break;
    }
    case WireType::kStartGroup:
      if (!SkipGroup(field.number, depth + 1)) return false;
      break;
    case WireType::kEndGroup:
      break;
    default:
      return false;
  }
  field.whole = data_.substr(start, at_ - start);
  return true;
}

// Like libprotobuf, excess bits of the fifth byte are dropped.
bool WireReader::ReadTag(uint32_t& tag) {
  tag = 0;
  for (int i = 0; i < kMaxTagBytes && at_ < data_.size(); ++i) {
    const auto byte = static_cast<uint8_t>(data_[at_++]);
    tag |= static_cast<uint32_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) return true;
  }
  return false;
}

bool WireReader::ReadVarint(uint64_t& value) {
  value = 0;
  for (int i = 0; i < kMaxVarintBytes && at_ < data_.size(); ++i) {
    const auto byte = static_cast<uint8_t>(data_[at_++]);
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) return true;
  }
  return false;
}

bool WireReader::ReadLength(size_t& length) {
  uint64_t value = 0;
  const size_t start = at_;
  if (!ReadVarint(value) || at_ - start > kMaxLengthBytes) return false;
  if (value > data_.size() - at_) return false;
  length = static_cast<size_t>(value);
  return true;
}

bool WireReader::Skip(size_t bytes) {
  if (bytes > data_.size() - at_) return false;
  at_ += bytes;
  return true;
}

bool WireReader::SkipGroup(uint32_t number, int depth) {
  if (depth > kMaxGroupDepth) return false;
  while (at_ < data_.size()) {
    WireField inner;
    if (!ReadField(inner, depth)) return false;
    if (inner.type == WireType::kEndGroup) return inner.number == number;
  }
  return false;
}

void AppendVarint(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void AppendBytesField(uint32_t number, absl::string_view bytes, std::string& out) {
  AppendVarint((uint64_t{number} << 3) | static_cast<uint64_t>(WireType::kBytes), out);
  AppendVarint(bytes.size(), out);
  out.append(bytes.data(), bytes.size());
}

}  // namespace runtime
