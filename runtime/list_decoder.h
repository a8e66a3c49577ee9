// List replies, item by item: one bad item costs only itself.
//
//   SandboxListDecoder sandboxes(observer, log);
//   absl::StatusOr<std::vector<pleg::ListedSandbox>> items = sandboxes.Decode(reply, std::nullopt);
//
// A reply is split into its items on the wire first and each is parsed on its own; libprotobuf
// would reject the whole list for one bad field. The decoder remembers what the last good reply
// listed:
// - An item that cannot be parsed keeps its record if its id can still be read and is known; the
// state
//   is then read from the wire if the item's own fields are whole, else it stays. Unknown: skipped.
// - An item without an id might be any of the objects that the reply lacks. While there are more
// such
//   items than before, none of those is taken for removed.
// - Without metadata or image an item is skipped, as the kubelet does; but an object known by its
// id
//   keeps its record, with the new state: those fields never change, and a removal would be
//   invented.
// - Of items with the same id the first good one counts.
// - Text that is not UTF-8 is repaired (U+FFFD); the item counts.
// Each is reported to the observer and logged by call and object.

#ifndef PLEGD_RUNTIME_LIST_DECODER_H_
#define PLEGD_RUNTIME_LIST_DECODER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pleg/call_stats.h"
#include "pleg/ids.h"
#include "pleg/log.h"
#include "pleg/model.h"
#include "runtime/known_items.h"
#include "runtime/lenient_parse.h"
#include "runtime/projection.h"
#include "runtime/reply_bytes.h"
#include "runtime/v1/api.pb.h"

namespace runtime {

// How items are read. Both yield the same; kTyped is the slow, plain way, kept to check the other.
enum class DecodeMode {
  kProjected,  // of a known object only its identity and state (projection.h)
  kTyped,      // every item with libprotobuf
};

// What a ListDecoder must know of ListPodSandbox …
struct SandboxList {
  using Message = v1::PodSandbox;
  using Info = pleg::SandboxInfo;
  using Listed = pleg::ListedSandbox;
  using State = pleg::SandboxState;
  static constexpr ItemLayout kLayout = kSandboxLayout;
  static absl::string_view Method();
  static State ToState(int number);
  static Info ToInfo(const Message& message);
  // "no_metadata", "no_image", or empty.
  static absl::string_view Lacks(const Message& message);
};

// … and of ListContainers.
struct ContainerList {
  using Message = v1::Container;
  using Info = pleg::ContainerInfo;
  using Listed = pleg::ListedContainer;
  using State = pleg::ContainerState;
  static constexpr ItemLayout kLayout = kContainerLayout;
  static absl::string_view Method();
  static State ToState(int number);
  static Info ToInfo(const Message& message);
  static absl::string_view Lacks(const Message& message);
};

// Confined to one thread. Keeps one Info per object of the last list of everything; what it returns
// shares them, so that an object that did not change costs no new one.
template <typename List>
class ListDecoder {
 public:
  using Info = typename List::Info;
  using Listed = typename List::Listed;

  // Both outlive the decoder.
  ListDecoder(pleg::CallObserver& observer, pleg::Log& log,
              DecodeMode mode = DecodeMode::kProjected)
      : observer_(observer), log_(log), mode_(mode) {}

  // The objects of a reply to a list of everything, or of `pod` only; the reply is in pieces, as it
  // came. kInternal if the reply itself is damaged; the decoder then knows what it knew.
  absl::StatusOr<std::vector<Listed>> Decode(const std::vector<absl::string_view>& pieces,
                                             const std::optional<pleg::PodUid>& pod);
  // The same in parts, for a reply that comes as a stream of messages: Begin, then Feed for each,
  // then End. A reply that another Begin has overtaken is dropped: kAborted. What is not ended was
  // nothing.
  uint64_t Begin();
  absl::Status Feed(uint64_t reply_number, const std::vector<absl::string_view>& pieces);
  absl::StatusOr<std::vector<Listed>> End(uint64_t reply_number,
                                          const std::optional<pleg::PodUid>& pod);

  absl::StatusOr<std::vector<Listed>> Decode(absl::string_view reply,
                                             const std::optional<pleg::PodUid>& pod) {
    return Decode(std::vector<absl::string_view>{reply}, pod);
  }

  // Whether the last list of everything had it.
  bool Knows(const pleg::ContainerId& id) const { return known_.Find(id.value()) != nullptr; }

 private:
  using State = typename List::State;

  using Known = KnownItem<Info, State>;
  // An item on its way.
  struct Seen {
    absl::string_view item;
    bool projected = false;
    size_t hash = 0;  // of the id
    Projection projection;
  };
  // Items are taken so many at a time, so that loading what is known of one from memory overlaps
  // with reading the others.
  static constexpr size_t kItemsAtATime = 16;

  void TakeItems(const std::vector<absl::string_view>& items);
  // False unless the item is that of a known object, of the same identity.
  bool AcceptKnown(const Seen& seen, std::vector<Listed>& out);
  void DecodeItem(const Seen& seen, std::vector<Listed>& out);
  void DecodeMalformed(absl::string_view item);
  void Accept(Known& known, State state, std::vector<Listed>& out);
  static absl::Status Overtaken();
  // Ends a reply: known objects that it lacks are kept or dropped.
  void KeepOrDrop(const std::optional<pleg::PodUid>& pod, std::vector<Listed>& out);
  void Report(absl::string_view reason, absl::string_view id);
  void ReportReply(const absl::Status& damage);

  pleg::CallObserver& observer_;
  pleg::Log& log_;
  const DecodeMode mode_;
  ItemSplitter splitter_;
  std::vector<Listed> listed_;  // of the reply at hand
  std::array<Seen, kItemsAtATime> seen_;
  typename List::Message message_;  // reused from item to item
  KnownItems<Info, State> known_;
  uint64_t reply_number_ = 0;
  size_t accepted_ = 0;            // objects that this reply listed
  size_t anonymous_ = 0;           // items of this reply without a readable id
  size_t anonymous_baseline_ = 0;  // as many hid no known object
};

extern template class ListDecoder<SandboxList>;
extern template class ListDecoder<ContainerList>;

using SandboxListDecoder = ListDecoder<SandboxList>;
using ContainerListDecoder = ListDecoder<ContainerList>;

}  // namespace runtime

#endif  // PLEGD_RUNTIME_LIST_DECODER_H_
