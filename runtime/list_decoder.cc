#include "runtime/list_decoder.h"

#include <algorithm>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "runtime/convert.h"
#include "runtime/cri_methods.h"
#include "runtime/wire.h"

namespace runtime {
namespace {

constexpr uint32_t kIdField = 1;  // of both kinds of items
// What will be read soon is begun to be loaded: so many items before, and of each so much.
constexpr size_t kItemsAhead = 4;
constexpr size_t kBytesAhead = 2048;

void Prefetch(absl::string_view bytes) {
  for (size_t at = 0; at < std::min(bytes.size(), kBytesAhead); at += ABSL_CACHELINE_SIZE) {
    __builtin_prefetch(bytes.data() + at);
  }
}

// What a damaged item still tells.
struct Remains {
  absl::string_view id;
  bool whole = false;  // its own fields are; the damage is inside of one
  int state = 0;       // of a whole item
};

Remains ReadRemains(absl::string_view item, uint32_t state_field) {
  Remains remains;
  WireReader reader(item);
  for (WireField field; reader.Next(field);) {
    if (field.number == kIdField && field.type == WireType::kBytes) remains.id = field.bytes;
    if (field.number == state_field && field.type == WireType::kVarint) {
      remains.state = static_cast<int>(field.varint);
    }
  }
  remains.whole = reader.ok();
  return remains;
}

// In the fields of the item that are its labels and annotations, the framing left out.
template <typename Message>
size_t LabelBytes(const Message& message) {
  size_t bytes = 0;
  for (const auto* map : {&message.labels(), &message.annotations()}) {
    for (const auto& [key, value] : *map) bytes += key.size() + value.size();
  }
  return bytes;
}

}  // namespace

absl::string_view SandboxList::Method() { return kListPodSandbox.name; }
SandboxList::State SandboxList::ToState(int number) { return ToSandboxState(number); }
SandboxList::Info SandboxList::ToInfo(const Message& message) { return ToSandboxInfo(message); }
absl::string_view SandboxList::Lacks(const Message& message) {
  return message.has_metadata() ? "" : "no_metadata";
}

absl::string_view ContainerList::Method() { return kListContainers.name; }
ContainerList::State ContainerList::ToState(int number) { return ToContainerState(number); }
ContainerList::Info ContainerList::ToInfo(const Message& message) {
  return ToContainerInfo(message);
}
absl::string_view ContainerList::Lacks(const Message& message) {
  if (!message.has_metadata()) return "no_metadata";
  return message.has_image() ? "" : "no_image";
}

template <typename List>
absl::StatusOr<std::vector<typename List::Listed>> ListDecoder<List>::Decode(
    const std::vector<absl::string_view>& pieces, const std::optional<pleg::PodUid>& pod) {
  const uint64_t reply_number = Begin();
  if (absl::Status fed = Feed(reply_number, pieces, [](size_t) {}); !fed.ok()) {
    Abandon(reply_number);
    return fed;
  }
  return End(reply_number, pod);
}

template <typename List>
uint64_t ListDecoder<List>::Begin(size_t max_items) {
  Abandon(reply_number_);
  max_items_ = max_items;
  open_ = true;
  items_ = 0;
  accepted_ = 0;
  anonymous_ = 0;
  listed_.reserve(known_.size());
  return ++reply_number_;
}

template <typename List>
absl::Status ListDecoder<List>::Feed(uint64_t reply_number,
                                     const std::vector<absl::string_view>& pieces,
                                     Release release) {
  if (absl::Status overtaken = Overtaken(reply_number); !overtaken.ok()) return overtaken;
  const auto take = [&](absl::Span<const ListItem> items, size_t pieces_done) {
    absl::Status taken = TakeItems(items);
    release(pieces_done);
    return taken;
  };
  absl::Status split = splitter_.Split(List::Method(), List::kLayout, pieces, take);
  if (absl::IsInternal(split)) ReportReply(split);
  return split;
}

template <typename List>
absl::Status ListDecoder<List>::TakeItems(absl::Span<const ListItem> items) {
  items_ += items.size();
  if (items_ > max_items_) {
    return absl::ResourceExhaustedError(
        absl::StrCat(List::Method(), ": more than ", max_items_, " objects"));
  }
  for (size_t at = 0; at < items.size(); at += kItemsAtATime) {
    const absl::Span<Seen> some(seen_.data(), std::min(kItemsAtATime, items.size() - at));
    for (size_t i = 0; i < some.size(); ++i) {
      Seen& seen = some[i];
      seen.item = items[at + i];
      if (at + i + kItemsAhead < items.size()) Prefetch(items[at + i + kItemsAhead].bytes);
      seen.projected = Project(seen.item.bytes, List::kLayout, seen.projection);
      if (!seen.projected) continue;
      seen.projection.bytes += seen.item.size - seen.item.bytes.size();
      seen.hash = known_.Hash(seen.projection.id);
      known_.PrefetchSlot(seen.hash);
    }
    for (const Seen& seen : some) {
      if (seen.projected) known_.PrefetchItem(seen.hash);
    }
    for (const Seen& seen : some) {
      if (!AcceptKnown(seen)) DecodeItem(seen);
    }
  }
  return absl::OkStatus();
}

template <typename List>
absl::StatusOr<std::vector<typename List::Listed>> ListDecoder<List>::End(
    uint64_t reply_number, const std::optional<pleg::PodUid>& pod) {
  if (absl::Status overtaken = Overtaken(reply_number); !overtaken.ok()) return overtaken;
  open_ = false;
  HoldOrDrop(pod);
  return std::exchange(listed_, {});
}

template <typename List>
void ListDecoder<List>::Abandon(uint64_t reply_number) {
  if (!open_ || reply_number != reply_number_) return;
  open_ = false;
  listed_ = {};
  known_.EraseIf([this](const Known& known) { return known.first_in == reply_number_; });
}

template <typename List>
pleg::ListMakeup ListDecoder<List>::Makeup() const {
  pleg::ListMakeup makeup;
  makeup.items = items_;
  struct Share {
    const Info* one = nullptr;
    uint64_t items = 0;
    uint64_t bytes = 0;
  };
  absl::flat_hash_map<absl::string_view, Share> shares;
  const Share* largest = nullptr;
  known_.ForEach([&](const Known& known) {
    if (known.listed_in != reply_number_) return;
    if (List::IsDead(known.state)) {
      ++makeup.dead;
      makeup.dead_bytes += known.item_bytes;
    }
    makeup.label_bytes += known.label_bytes;
    Share& share = shares[known.info->pod_uid.value()];
    share.one = known.info.get();
    ++share.items;
    share.bytes += known.item_bytes;
  });
  for (const auto& [uid, share] : shares) {
    if (largest == nullptr || share.bytes > largest->bytes) largest = &share;
  }
  if (largest == nullptr) return makeup;
  makeup.largest_pod = {.uid = largest->one->pod_uid,
                        .name = largest->one->pod_name,
                        .pod_namespace = largest->one->pod_namespace,
                        .items = largest->items,
                        .bytes = largest->bytes};
  return makeup;
}

template <typename List>
absl::Status ListDecoder<List>::Overtaken(uint64_t reply_number) const {
  if (open_ && reply_number == reply_number_) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(List::Method(), ": a newer list has begun"));
}

template <typename List>
bool ListDecoder<List>::AcceptKnown(const Seen& seen) {
  if (!seen.projected || mode_ == DecodeMode::kTyped) return false;
  if ((seen.hash + reply_number_) % kRereadReplies == 0) return false;
  Known* known = known_.Find(seen.projection.id, seen.hash);
  if (known == nullptr || !known->SameIdentity(seen.projection)) return false;
  if (known->listed_in == reply_number_) {
    Report("duplicate_id", seen.projection.id);
  } else {
    Accept(*known, List::ToState(seen.projection.state));
  }
  return true;
}

template <typename List>
void ListDecoder<List>::DecodeItem(const Seen& seen) {
  const ParseResult parsed = ParseLenient(seen.item.bytes, message_);
  if (parsed == ParseResult::kMalformed) return DecodeMalformed(seen.item.bytes);
  if (parsed == ParseResult::kRepaired) Report("invalid_utf8", message_.id());
  const absl::string_view lacks = List::Lacks(message_);
  if (!lacks.empty()) Report(lacks, message_.id());
  if (message_.id().empty()) {
    if (lacks.empty()) Report("no_id", "");
    ++anonymous_;
    return;
  }
  const State state = List::ToState(message_.state());
  Known* known = known_.Find(message_.id());
  if (known != nullptr && known->listed_in == reply_number_) {
    return Report("duplicate_id", message_.id());
  }
  if (!lacks.empty()) {
    if (known != nullptr) Doubt(*known, state);
    return;
  }
  Info info = List::ToInfo(message_);
  const bool same = known != nullptr && *known->info == info;
  if (same && seen.projected && known->SameIdentity(seen.projection)) return Accept(*known, state);
  auto fresh = Known::Make(message_.id(), seen.projected ? &seen.projection : nullptr);
  fresh->first_in = known != nullptr ? known->first_in : reply_number_;
  fresh->doubtful_in = known != nullptr ? known->doubtful_in : 0;
  fresh->info = same ? known->info : std::make_shared<const Info>(std::move(info));
  fresh->item_bytes = static_cast<uint32_t>(seen.item.size);
  fresh->label_bytes =
      static_cast<uint32_t>(LabelBytes(message_) + seen.item.size - seen.item.bytes.size());
  Accept(known_.Put(std::move(fresh)), state);
}

template <typename List>
void ListDecoder<List>::DecodeMalformed(absl::string_view item) {
  const Remains remains = ReadRemains(item, List::kLayout.state);
  Report("malformed", remains.id);
  if (remains.id.empty()) {
    ++anonymous_;
    return;
  }
  Known* known = known_.Find(remains.id);
  if (known == nullptr) return;
  Doubt(*known, remains.whole ? std::optional<State>(List::ToState(remains.state)) : std::nullopt);
}

template <typename List>
void ListDecoder<List>::Doubt(Known& known, std::optional<State> state) {
  known.doubtful_in = reply_number_;
  if (known.listed_in != reply_number_ && state.has_value()) known.state = *state;
}

template <typename List>
void ListDecoder<List>::Accept(Known& known, State state) {
  known.state = state;
  known.listed_in = reply_number_;
  known.held = 0;
  ++accepted_;
  listed_.push_back({known.info, state, known.item_bytes});
}

template <typename List>
void ListDecoder<List>::HoldOrDrop(const std::optional<pleg::PodUid>& pod) {
  const bool of_all = !pod.has_value();
  const bool more_anonymous = anonymous_ > (of_all ? anonymous_before_ : 0);
  if (of_all) anonymous_before_ = anonymous_;
  if (accepted_ == known_.size()) return;
  known_.EraseIf([&](Known& known) {
    if (known.listed_in == reply_number_) return false;
    if (!of_all && known.info->pod_uid != *pod) return false;
    // An item without an id that was there before may be what has been held since, but not what
    // has gone missing only now.
    const bool may_be_anonymous = anonymous_ > 0 && (more_anonymous || known.held > 0);
    const bool may_be_there = known.doubtful_in == reply_number_ || may_be_anonymous;
    if (!may_be_there || known.held >= kHeldLists) return of_all;
    if (of_all) ++known.held;
    listed_.push_back({known.info, known.state, known.item_bytes});
    return false;
  });
}

template <typename List>
void ListDecoder<List>::Report(absl::string_view reason, absl::string_view id) {
  observer_.OnInvalidItem(List::Method(), reason);
  if (!log_.Enabled(pleg::LogLevel::kWarning)) return;
  log_.Write(pleg::LogLevel::kWarning, "bad item in a list reply",
             {{"method", std::string(List::Method()), true},
              {"reason", std::string(reason), true},
              {"id", std::string(id), true}});
}

template <typename List>
void ListDecoder<List>::ReportReply(const absl::Status& damage) {
  observer_.OnInvalidItem(List::Method(), "damaged_reply");
  log_.Write(
      pleg::LogLevel::kWarning, "bad list reply",
      {{"method", std::string(List::Method()), true}, {"error", std::string(damage.message())}});
}

template class ListDecoder<SandboxList>;
template class ListDecoder<ContainerList>;

}  // namespace runtime
