// The bytes of a list reply as they came from the socket, in pieces, split into items where they
// lie, some at a time.
//
//   ItemSplitter splitter;
//   absl::Status good = splitter.Split("ListContainers", kContainerLayout, pieces,
//       [&](absl::Span<const ListItem> items, size_t pieces_done) { …; return absl::OkStatus(); });

#ifndef PLEGD_RUNTIME_REPLY_BYTES_H_
#define PLEGD_RUNTIME_REPLY_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/projection.h"

namespace runtime {

// An item of more bytes than this is not looked at as a whole: what counts of it is copied.
inline constexpr size_t kWholeItemBytes = size_t{64} * 1024;
// A field of such an item that is longer is left out, whatever it is: Kubernetes allows a label 63
// bytes, an image's name some hundred.
inline constexpr size_t kKeptFieldBytes = size_t{16} * 1024;

// One item. Thread-compatible.
struct ListItem {
  // The item; of one of more than kWholeItemBytes its own fields, without annotations, and labels
  // unless its layout keeps them, other than Kubernetes' own (io.kubernetes.…). If the item is
  // damaged, so is this.
  absl::string_view bytes;
  size_t size = 0;   // of the item
  bool cut = false;  // `bytes` lacks something else, for there was too much of it
};

// Finds the items (field 1, length-delimited) of a reply; other fields are skipped. An item is
// copied only if it straddles two pieces or is very large. Reused from reply to reply, it keeps its
// memory, of copies a bounded amount. Confined to one thread.
class ItemSplitter {
 public:
  // Some items in their order, valid during the call. The pieces before `pieces_done` are not
  // looked at any more once it has returned. An error ends the split.
  using Take = absl::FunctionRef<absl::Status(absl::Span<const ListItem>, size_t pieces_done)>;

  // kInternal says where the reply itself is damaged; items before that have been taken.
  absl::Status Split(absl::string_view method, const ItemLayout& layout,
                     const std::vector<absl::string_view>& pieces, Take take);

 private:
  // Copies of items, which stay where they are. Memory is used again, so that a reply like the last
  // one allocates nothing.
  class Copies {
   public:
    // Takes all back.
    void Reset();
    // Empty, with room for so many bytes.
    std::string& Next(size_t bytes);

   private:
    std::deque<std::string> strings_;
    size_t used_ = 0;
  };
  // Reads across the borders of pieces.
  class Source;

  static bool SkipField(Source& source, uint64_t tag, int depth);
  // The next `length` bytes, which are there.
  ListItem TakeItem(Source& source, size_t length, const ItemLayout& layout);
  // Copies of the next `length` bytes what counts; all are read.
  static void Condense(Source& source, size_t length, const ItemLayout& layout, std::string& gist,
                       bool& cut);
  static bool CondenseField(Source& source, const ItemLayout& layout, std::string& gist, bool& cut);

  std::vector<ListItem> items_;
  Copies copies_;
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_REPLY_BYTES_H_
