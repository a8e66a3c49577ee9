// The bytes of a list reply as they came from the socket, in pieces, split into items where they
// lie.
//
//   ItemSplitter splitter;
//   if (absl::Status status = splitter.Split("ListContainers", pieces); status.ok())
//     for (absl::string_view item : splitter.items()) …

#ifndef PLEGD_RUNTIME_REPLY_BYTES_H_
#define PLEGD_RUNTIME_REPLY_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace runtime {

// Finds the items (field 1, length-delimited) of a reply; other fields are skipped. Only an item
// that straddles two pieces is copied. Reused from reply to reply, it keeps its memory, of copies a
// bounded amount. Confined to one thread.
class ItemSplitter {
 public:
  // kInternal tells where the reply itself is damaged; nothing of it is to be trusted then.
  absl::Status Split(absl::string_view method, const std::vector<absl::string_view>& pieces);

  // Of the last reply; views into its pieces and into this object.
  const std::vector<absl::string_view>& items() const { return items_; }

 private:
  // Copies of straddling items, which stay where they are. Memory is used again, so that a reply
  // like the last one allocates nothing.
  class Copies {
   public:
    // Takes all back.
    void Reset();
    // Empty, with room for so many bytes.
    std::string& Next(size_t bytes);

   private:
    std::deque<std::string> strings_;
    size_t used_ = 0;
    size_t capacity_ = 0;  // of all strings
  };
  // Reads across the borders of pieces.
  class Source;

  static bool SkipField(Source& source, uint64_t tag, int depth);

  std::vector<absl::string_view> items_;
  Copies copies_;
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_REPLY_BYTES_H_
