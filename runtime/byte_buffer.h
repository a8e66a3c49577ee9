// A gRPC reply as one piece of memory, or in the pieces that it came in.

#ifndef PLEGD_RUNTIME_BYTE_BUFFER_H_
#define PLEGD_RUNTIME_BYTE_BUFFER_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace runtime {

// The bytes of a reply with one owner. gRPC's own type has no move: a copy of it that is left
// behind keeps the memory. Thread-compatible.
class ReplyBody {
 public:
  ReplyBody() = default;
  ReplyBody(ReplyBody&& other) noexcept { buffer_.Swap(&other.buffer_); }
  ReplyBody& operator=(ReplyBody&& other) noexcept {
    ReplyBody moved(std::move(other));
    buffer_.Swap(&moved.buffer_);
    return *this;
  }
  ReplyBody(const ReplyBody&) = delete;
  ReplyBody& operator=(const ReplyBody&) = delete;

  grpc::ByteBuffer& buffer() { return buffer_; }
  const grpc::ByteBuffer& buffer() const { return buffer_; }
  size_t Length() const { return buffer_.Length(); }

 private:
  grpc::ByteBuffer buffer_;
};

// Copies only if the reply came in several slices. Thread-compatible.
class FlatReply {
 public:
  explicit FlatReply(const grpc::ByteBuffer& body) {
    if (body.Valid() && !body.TrySingleSlice(&slice_).ok()) body.DumpToSingleSlice(&slice_);
  }
  explicit FlatReply(const ReplyBody& body) : FlatReply(body.buffer()) {}

  // Lives as long as this object.
  absl::string_view view() const {
    return absl::string_view(reinterpret_cast<const char*>(slice_.begin()), slice_.size());
  }

 private:
  grpc::Slice slice_;
};

// The pieces of a reply where they lie, to be given back as they have been read. Thread-compatible.
class SlicedReply {
 public:
  explicit SlicedReply(ReplyBody body) : SlicedReply(body.buffer()) {}
  // Of a reply that stays with its owner.
  explicit SlicedReply(const grpc::ByteBuffer& buffer) {
    if (buffer.Valid()) (void)buffer.Dump(&slices_);
    pieces_.reserve(slices_.size());
    for (const grpc::Slice& slice : slices_) {
      pieces_.emplace_back(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
  }
  SlicedReply(const SlicedReply&) = delete;
  SlicedReply& operator=(const SlicedReply&) = delete;

  // The memory of the pieces before this number: it is free once gRPC has read on, too.
  void Release(size_t pieces) {
    for (; released_ < pieces; ++released_) slices_[released_] = grpc::Slice();
  }

  // Live as long as this object, unless released.
  const std::vector<absl::string_view>& pieces() const { return pieces_; }

 private:
  std::vector<grpc::Slice> slices_;
  std::vector<absl::string_view> pieces_;
  size_t released_ = 0;
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_BYTE_BUFFER_H_
