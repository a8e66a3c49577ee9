// A gRPC reply as one piece of memory, or in the pieces that it came in.

#ifndef PLEGD_RUNTIME_BYTE_BUFFER_H_
#define PLEGD_RUNTIME_BYTE_BUFFER_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <vector>

#include "absl/strings/string_view.h"

namespace runtime {

// Copies only if the reply came in several slices. Thread-compatible.
class FlatReply {
 public:
  explicit FlatReply(const grpc::ByteBuffer& body) {
    if (body.Valid() && !body.TrySingleSlice(&slice_).ok()) body.DumpToSingleSlice(&slice_);
  }

  // Lives as long as this object.
  absl::string_view view() const {
    return absl::string_view(reinterpret_cast<const char*>(slice_.begin()), slice_.size());
  }

 private:
  grpc::Slice slice_;
};

// The pieces of a reply where they lie. Thread-compatible.
class SlicedReply {
 public:
  explicit SlicedReply(const grpc::ByteBuffer& body) {
    if (body.Valid()) (void)body.Dump(&slices_);
    pieces_.reserve(slices_.size());
    for (const grpc::Slice& slice : slices_) {
      pieces_.emplace_back(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
  }
  SlicedReply(const SlicedReply&) = delete;
  SlicedReply& operator=(const SlicedReply&) = delete;

  // Live as long as this object.
  const std::vector<absl::string_view>& pieces() const { return pieces_; }

 private:
  std::vector<grpc::Slice> slices_;
  std::vector<absl::string_view> pieces_;
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_BYTE_BUFFER_H_
