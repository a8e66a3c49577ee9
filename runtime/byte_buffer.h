// A gRPC reply as one piece of memory.

#ifndef PLEGD_RUNTIME_BYTE_BUFFER_H_
#define PLEGD_RUNTIME_BYTE_BUFFER_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

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

}  // namespace runtime

#endif  // PLEGD_RUNTIME_BYTE_BUFFER_H_
