#include "runtime/list_decoder.h"

#include <algorithm>
#include <utility>

#include "absl/base/optimization.h"
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
  if (absl::Status fed = Feed(reply_number, pieces); !fed.ok()) return fed;
  return End(reply_number, pod);
}

template <typename List>
uint64_t ListDecoder<List>::Begin() {
  accepted_ = 0;
  anonymous_ = 0;
  listed_ = {};
  return ++reply_number_;
}

template <typename List>
absl::Status ListDecoder<List>::Feed(uint64_t reply_number,
                                     const std::vector<absl::string_view>& pieces) {
  if (reply_number != reply_number_) return Overtaken();
  if (absl::Status split = splitter_.Split(List::Method(), pieces); !split.ok()) {
    ReportReply(split);
    return split;
  }
  if (listed_.empty()) listed_.reserve(splitter_.items().size());
  TakeItems(splitter_.items());
  return absl::OkStatus();
}

template <typename List>
void ListDecoder<List>::TakeItems(const std::vector<absl::string_view>& items) {
  for (size_t at = 0; at < items.size(); at += kItemsAtATime) {
    const absl::Span<Seen> some(seen_.data(), std::min(kItemsAtATime, items.size() - at));
    for (size_t i = 0; i < some.size(); ++i) {
      Seen& seen = some[i];
      seen.item = items[at + i];
      if (at + i + kItemsAhead < items.size()) Prefetch(items[at + i + kItemsAhead]);
      seen.projected = Project(seen.item, List::kLayout, seen.projection);
      if (!seen.projected) continue;
      seen.hash = known_.Hash(seen.projection.id);
      known_.PrefetchSlot(seen.hash);
    }
    for (const Seen& seen : some) {
      if (seen.projected) known_.PrefetchItem(seen.hash);
    }
    for (const Seen& seen : some) {
      if (!AcceptKnown(seen, listed_)) DecodeItem(seen, listed_);
    }
  }
}

template <typename List>
absl::StatusOr<std::vector<typename List::Listed>> ListDecoder<List>::End(
    uint64_t reply_number, const std::optional<pleg::PodUid>& pod) {
  if (reply_number != reply_number_) return Overtaken();
  KeepOrDrop(pod, listed_);
  return std::exchange(listed_, {});
}

template <typename List>
absl::Status ListDecoder<List>::Overtaken() {
  return absl::AbortedError(absl::StrCat(List::Method(), ": a newer list has begun"));
}

template <typename List>
bool ListDecoder<List>::AcceptKnown(const Seen& seen, std::vector<Listed>& out) {
  if (!seen.projected || mode_ == DecodeMode::kTyped) return false;
  Known* known = known_.Find(seen.projection.id, seen.hash);
  if (known == nullptr || !known->SameIdentity(seen.projection)) return false;
  if (known->listed_in == reply_number_) {
    Report("duplicate_id", seen.projection.id);
  } else {
    Accept(*known, List::ToState(seen.projection.state), out);
  }
  return true;
}

template <typename List>
void ListDecoder<List>::DecodeItem(const Seen& seen, std::vector<Listed>& out) {
  const ParseResult parsed = ParseLenient(seen.item, message_);
  if (parsed == ParseResult::kMalformed) return DecodeMalformed(seen.item);
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
    if (known != nullptr) Accept(*known, state, out);
    return;
  }
  Info info = List::ToInfo(message_);
  auto fresh = Known::Make(message_.id(), seen.projected ? &seen.projection : nullptr);
  if (known != nullptr) {
    fresh->doubtful_in = known->doubtful_in;
    if (*known->info == info) fresh->info = known->info;
  }
  if (fresh->info == nullptr) fresh->info = std::make_shared<const Info>(std::move(info));
  Accept(known_.Put(std::move(fresh)), state, out);
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
  known->doubtful_in = reply_number_;
  const bool superseded = known->listed_in == reply_number_;
  if (remains.whole && !superseded) known->state = List::ToState(remains.state);
}

template <typename List>
void ListDecoder<List>::Accept(Known& known, State state, std::vector<Listed>& out) {
  known.state = state;
  known.listed_in = reply_number_;
  ++accepted_;
  out.push_back({known.info, state});
}

template <typename List>
void ListDecoder<List>::KeepOrDrop(const std::optional<pleg::PodUid>& pod,
                                   std::vector<Listed>& out) {
  if (accepted_ == known_.size() && anonymous_ == anonymous_baseline_) return;
  const bool hold_all = anonymous_ > anonymous_baseline_;
  bool held = false;
  known_.EraseIf([&](const Known& known) {
    if (known.listed_in == reply_number_) return false;
    if (pod.has_value() && known.info->pod_uid != *pod) return false;
    if (!hold_all && known.doubtful_in != reply_number_) return !pod.has_value();
    held = held || known.doubtful_in != reply_number_;
    out.push_back({known.info, known.state});
    return false;
  });
  if (!held && !pod.has_value()) anonymous_baseline_ = anonymous_;
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
