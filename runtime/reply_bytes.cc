#include "runtime/reply_bytes.h"

#include <algorithm>
#include <limits>

#include "absl/numeric/bits.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/wire.h"

namespace runtime {
namespace {

constexpr uint64_t kItemTag = (1 << 3) | 2;
constexpr int kMaxVarintBytes = 10;
constexpr int kMaxTagBytes = 5;
constexpr int kMaxGroupDepth = 100;
constexpr size_t kKeptCopyBytes = size_t{1} << 20;
// Items are handed on when there are so many of them, or of their bytes.
constexpr size_t kBatchItems = 256;
constexpr size_t kBatchBytes = size_t{256} * 1024;
// Of one item at most so much is copied, and the last field; of labels that are kept half of it, so
// that there is room for what follows them.
constexpr size_t kGistBytes = size_t{64} * 1024;
constexpr size_t kLabelsBytes = kGistBytes / 2;
// A tag that is never valid: what is damaged stays damaged.
constexpr char kBadTag = 7;
constexpr absl::string_view kKubernetesPrefix = "io.kubernetes.";

bool IsKubernetesEntry(absl::string_view entry) {
  WireReader reader(entry);
  for (WireField field; reader.Next(field);) {
    if (field.number == 1) return absl::StartsWith(field.bytes, kKubernetesPrefix);
  }
  return false;
}

}  // namespace

void ItemSplitter::Copies::Reset() {
  size_t kept = 0;
  for (const std::string& copy : strings_) kept += copy.capacity();
  if (kept > kKeptCopyBytes) strings_.clear();
  used_ = 0;
}

std::string& ItemSplitter::Copies::Next(size_t bytes) {
  if (used_ == strings_.size()) strings_.emplace_back();
  std::string& copy = strings_[used_++];
  copy.clear();
  // Items differ a little in length from reply to reply.
  if (copy.capacity() < bytes) copy.reserve(absl::bit_ceil(bytes));
  return copy;
}

class ItemSplitter::Source {
 public:
  explicit Source(const std::vector<absl::string_view>& pieces) : pieces_(pieces) {
    for (const absl::string_view piece : pieces) left_ += piece.size();
    NextPiece();
  }

  size_t left() const { return left_; }
  // The pieces before are read.
  size_t pieces_done() const { return at_ == 0 && piece_.empty() ? next_ : next_ - 1; }

  // Ends after so many bytes, which are there; returns what Widen takes to undo that.
  size_t Narrow(size_t bytes) {
    const size_t beyond = left_ - bytes;
    left_ = bytes;
    return beyond;
  }
  void Widen(size_t beyond) { left_ += beyond; }

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
    Append(length, copy);
    return copy;
  }

  // The same, in any case copied.
  void Append(size_t length, std::string& copy) {
    while (length > 0) {
      const size_t part = std::min(length, piece_.size() - at_);
      copy.append(piece_.data() + at_, part);
      Advance(part);
      length -= part;
    }
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

ListItem ItemSplitter::TakeItem(Source& source, size_t length, const ItemLayout& layout) {
  if (length <= kWholeItemBytes) return {source.Take(length, copies_), length};
  std::string& gist = copies_.Next(0);
  bool cut = false;
  Condense(source, length, layout, gist, cut);
  return {gist, length, cut};
}

void ItemSplitter::Condense(Source& source, size_t length, const ItemLayout& layout,
                            std::string& gist, bool& cut) {
  const size_t beyond = source.Narrow(length);
  while (source.left() > 0) {
    if (CondenseField(source, layout, gist, cut)) continue;
    gist.push_back(kBadTag);
    source.Skip(source.left());
  }
  source.Widen(beyond);
}

bool ItemSplitter::CondenseField(Source& source, const ItemLayout& layout, std::string& gist,
                                 bool& cut) {
  uint64_t tag = 0;
  if (!source.Varint(tag, kMaxTagBytes)) return false;
  tag &= std::numeric_limits<uint32_t>::max();
  const uint64_t number = tag >> 3;
  if (number == 0) return false;
  const size_t before = gist.size();
  const bool full = before > kGistBytes;
  if ((tag & 7) == 0) {
    uint64_t value = 0;
    if (!source.Varint(value, kMaxVarintBytes)) return false;
    cut |= full;
    if (full) return true;
    AppendVarint(tag, gist);
    AppendVarint(value, gist);
    return true;
  }
  if ((tag & 7) != 2) return SkipField(source, tag, 0);
  size_t length = 0;
  if (!source.Length(length)) return false;
  const bool kept_label = layout.keeps_labels && number == layout.labels;
  const bool entry = !kept_label && (number == layout.labels || number == layout.annotations);
  if (full || length > kKeptFieldBytes || (kept_label && before > kLabelsBytes)) {
    cut |= !entry;
    return source.Skip(length);
  }
  AppendVarint(tag, gist);
  AppendVarint(length, gist);
  source.Append(length, gist);
  const absl::string_view content = absl::string_view(gist).substr(gist.size() - length);
  if (entry && !IsKubernetesEntry(content)) gist.resize(before);
  return true;
}

absl::Status ItemSplitter::Split(absl::string_view method, const ItemLayout& layout,
                                 const std::vector<absl::string_view>& pieces, Take take) {
  Source source(pieces);
  const size_t total = source.left();
  size_t batch_at = 0;
  const auto hand_on = [&] {
    const absl::Status taken = take(items_, source.pieces_done());
    items_.clear();
    copies_.Reset();
    batch_at = total - source.left();
    return taken;
  };
  items_.clear();
  copies_.Reset();
  while (source.left() > 0) {
    const size_t at = total - source.left();
    uint64_t tag = 0;
    size_t length = 0;
    bool good = source.Varint(tag, kMaxTagBytes);
    // As libprotobuf, which drops what does not fit a tag.
    tag &= std::numeric_limits<uint32_t>::max();
    if (good && tag == kItemTag) {
      good = source.Length(length);
      if (good) items_.push_back(TakeItem(source, length, layout));
    } else {
      good = good && (tag >> 3) != 0 && SkipField(source, tag, 0);
    }
    if (!good) {
      return absl::InternalError(
          absl::StrCat(method, ": malformed reply: damaged at byte ", at, " of ", total));
    }
    if (items_.size() < kBatchItems && total - source.left() - batch_at < kBatchBytes) continue;
    if (absl::Status taken = hand_on(); !taken.ok()) return taken;
  }
  return hand_on();
}

}  // namespace runtime
