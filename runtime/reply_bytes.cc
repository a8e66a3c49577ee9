#include "runtime/reply_bytes.h"

#include <algorithm>
#include <limits>

#include "absl/numeric/bits.h"
#include "absl/strings/str_cat.h"

namespace runtime {
namespace {

constexpr uint64_t kItemTag = (1 << 3) | 2;
constexpr int kMaxVarintBytes = 10;
constexpr int kMaxTagBytes = 5;
constexpr int kMaxGroupDepth = 100;
constexpr size_t kKeptCopyBytes = size_t{1} << 20;

}  // namespace

void ItemSplitter::Copies::Reset() {
  if (capacity_ > kKeptCopyBytes) {
    strings_.clear();
    capacity_ = 0;
  }
  used_ = 0;
}

std::string& ItemSplitter::Copies::Next(size_t bytes) {
  if (used_ == strings_.size()) strings_.emplace_back();
  std::string& copy = strings_[used_++];
  copy.clear();
  const size_t before = copy.capacity();
  // Items differ a little in length from reply to reply.
  if (before < bytes) copy.reserve(absl::bit_ceil(bytes));
  capacity_ += copy.capacity() - before;
  return copy;
}

class ItemSplitter::Source {
 public:
  explicit Source(const std::vector<absl::string_view>& pieces) : pieces_(pieces) {
    for (const absl::string_view piece : pieces) left_ += piece.size();
    NextPiece();
  }

  size_t left() const { return left_; }

  bool Varint(uint64_t& value, int max_bytes) {
    value = 0;
    for (int i = 0; i < max_bytes && left_ > 0; ++i) {
      const auto byte = static_cast<uint8_t>(piece_[at_]);
      Advance(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool Length(size_t& length) {
    uint64_t value = 0;
    if (!Varint(value, kMaxTagBytes) || value > left_) return false;
    length = static_cast<size_t>(value);
    return true;
  }

  // The next `length` bytes, which are there; copied to `copy` if they straddle pieces.
  absl::string_view Take(size_t length, Copies& copies) {
    if (length <= piece_.size() - at_) {
      const absl::string_view view = piece_.substr(at_, length);
      Advance(length);
      return view;
    }
    std::string& copy = copies.Next(length);
    while (copy.size() < length) {
      const size_t part = std::min(length - copy.size(), piece_.size() - at_);
      copy.append(piece_.data() + at_, part);
      Advance(part);
    }
    return copy;
  }

  bool Skip(size_t bytes) {
    if (bytes > left_) return false;
    while (bytes > 0) {
      const size_t part = std::min(bytes, piece_.size() - at_);
      Advance(part);
      bytes -= part;
    }
    return true;
  }

 private:
  void Advance(size_t bytes) {
    at_ += bytes;
    left_ -= bytes;
    if (at_ == piece_.size()) NextPiece();
  }
  void NextPiece() {
    at_ = 0;
    piece_ = {};
    while (piece_.empty() && next_ < pieces_.size()) piece_ = pieces_[next_++];
  }

  const std::vector<absl::string_view>& pieces_;
  absl::string_view piece_;
  size_t next_ = 0;
  size_t at_ = 0;
  size_t left_ = 0;
};

bool ItemSplitter::SkipField(Source& source, uint64_t tag, int depth) {
  uint64_t value = 0;
  size_t length = 0;
  switch (tag & 7) {
    case 0:
      return source.Varint(value, kMaxVarintBytes);
    case 1:
      return source.Skip(8);
    case 2:
      return source.Length(length) && source.Skip(length);
    case 3:
      break;
    case 5:
      return source.Skip(4);
    default:
      return false;
  }
  if (depth >= kMaxGroupDepth) return false;
  uint64_t inner = 0;
  while (source.Varint(inner, kMaxTagBytes)) {
    inner &= std::numeric_limits<uint32_t>::max();
    if ((inner & 7) == 4) return (inner >> 3) == (tag >> 3);
    if ((inner >> 3) == 0 || !SkipField(source, inner, depth + 1)) return false;
  }
  return false;
}

absl::Status ItemSplitter::Split(absl::string_view method,
                                 const std::vector<absl::string_view>& pieces) {
  items_.clear();
  copies_.Reset();
  Source source(pieces);
  const size_t total = source.left();
  while (source.left() > 0) {
    const size_t at = total - source.left();
    uint64_t tag = 0;
    size_t length = 0;
    bool good = source.Varint(tag, kMaxTagBytes);
    // As libprotobuf, which drops what does not fit a tag.
    tag &= std::numeric_limits<uint32_t>::max();
    if (good && tag == kItemTag) {
      good = source.Length(length);
      if (good) items_.push_back(source.Take(length, copies_));
    } else {
      good = good && (tag >> 3) != 0 && SkipField(source, tag, 0);
    }
    if (!good) {
      items_.clear();
      return absl::InternalError(
          absl::StrCat(method, ": malformed reply: damaged at byte ", at, " of ", total));
    }
  }
  return absl::OkStatus();
}

}  // namespace runtime
