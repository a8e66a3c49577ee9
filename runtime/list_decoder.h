// List replies, item by item: one bad item costs only itself.
//
//   SandboxListDecoder sandboxes(observer, log);
//   absl::StatusOr<std::vector<pleg::ListedSandbox>> items = sandboxes.Decode(reply, std::nullopt);
//
// A reply is split into its items on the wire first and each is parsed on its own; libprotobuf
// would reject the whole list for one bad field. The decoder remembers what the last good reply
// listed:
// - An item that cannot be parsed, or lacks metadata or image, is skipped; but an object that is
//   known by its id is held, with the new state if the item's own fields are whole: its removal
//   would be invented.
// - An item without an id might be any of the objects that went missing in the same list. Those are
//   held while there is such an item.
// - What is held is held for kHeldLists lists of everything in a row at most. Then the list is the
//   truth, as it would be to a decoder that has just been made.
// - Of items with the same id the first good one counts.
// - Text that is not UTF-8 is repaired (U+FFFD); the item counts.
// Each is reported to the observer and logged by call and object.

#ifndef PLEGD_RUNTIME_LIST_DECODER_H_
#define PLEGD_RUNTIME_LIST_DECODER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
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
  // Of what is over and only waits for its removal.
  static bool IsDead(State state) { return state != State::kReady; }
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
  static bool IsDead(State state) { return state == State::kExited; }
};

// Confined to one thread. Keeps one Info per object of the last list of everything; what it returns
// shares them, so that an object that did not change costs no new one.
template <typename List>
class ListDecoder {
 public:
  using Info = typename List::Info;
  using Listed = typename List::Listed;
  // Pieces of a message before this number are not looked at any more.
  using Release = absl::FunctionRef<void(size_t pieces)>;

  // For so many lists of everything in a row an object is held that they lack.
  static constexpr uint32_t kHeldLists = 10;
  // An object whose item looks as before is decoded again once in so many replies: should the
  // runtime have changed what CRI says never changes, plegd is wrong for that long.
  static constexpr uint64_t kRereadReplies = 4096;

  // Both outlive the decoder.
  ListDecoder(pleg::CallObserver& observer, pleg::Log& log,
              DecodeMode mode = DecodeMode::kProjected)
      : observer_(observer), log_(log), mode_(mode) {}

  // The objects of a reply to a list of everything, or of `pod` only; the reply is in pieces, as it
  // came. kInternal if the reply itself is damaged; the decoder then knows the objects it knew.
  absl::StatusOr<std::vector<Listed>> Decode(const std::vector<absl::string_view>& pieces,
                                             const std::optional<pleg::PodUid>& pod);
  // The same in parts, for a reply that comes as a stream of messages, or is to be given back piece
  // by piece: Begin, then Feed for each message, then End, or Abandon once a Feed has failed. A
  // reply that another Begin has overtaken is dropped: kAborted. Of a reply that is not ended
  // nothing is kept. A Feed with which it has more than `max_items` fails with kResourceExhausted.
  uint64_t Begin(size_t max_items = std::numeric_limits<size_t>::max());
  absl::Status Feed(uint64_t reply_number, const std::vector<absl::string_view>& pieces,
                    Release release);
  absl::StatusOr<std::vector<Listed>> End(uint64_t reply_number,
                                          const std::optional<pleg::PodUid>& pod);
  void Abandon(uint64_t reply_number);
  // What the items of the last reply, or what has come of it, are made of. Before Abandon.
  pleg::ListMakeup Makeup() const;

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
    ListItem item;
    bool projected = false;
    size_t hash = 0;  // of the id
    Projection projection;
  };
  // Items are taken so many at a time, so that loading what is known of one from memory overlaps
  // with reading the others.
  static constexpr size_t kItemsAtATime = 16;

  absl::Status TakeItems(absl::Span<const ListItem> items);
  // False unless the item is that of a known object, of the same identity.
  bool AcceptKnown(const Seen& seen);
  void DecodeItem(const Seen& seen);
  void DecodeMalformed(absl::string_view item);
  // A known object has an item that cannot be used but for the state, if that is known.
  void Doubt(Known& known, std::optional<State> state);
  void Accept(Known& known, State state);
  absl::Status Overtaken(uint64_t reply_number) const;
  // Ends a reply: known objects that it lacks are held or dropped.
  void HoldOrDrop(const std::optional<pleg::PodUid>& pod);
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
  bool open_ = false;            // begun, and neither ended nor abandoned
  size_t max_items_ = 0;         // of this reply
  size_t items_ = 0;             // … so far
  size_t accepted_ = 0;          // objects that this reply listed
  size_t anonymous_ = 0;         // items of this reply without a readable id
  size_t anonymous_before_ = 0;  // … of the last list of everything
};

extern template class ListDecoder<SandboxList>;
extern template class ListDecoder<ContainerList>;

using SandboxListDecoder = ListDecoder<SandboxList>;
using ContainerListDecoder = ListDecoder<ContainerList>;

}  // namespace runtime

#endif  // PLEGD_RUNTIME_LIST_DECODER_H_
