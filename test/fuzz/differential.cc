#include "test/fuzz/differential.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "pleg/call_stats.h"
#include "pleg/log.h"
#include "runtime/lenient_parse.h"
#include "runtime/list_decoder.h"
#include "runtime/projection.h"
#include "runtime/reply_bytes.h"
#include "runtime/v1/api.pb.h"
#include "runtime/wire.h"

namespace fuzz {
namespace {

using Items = std::vector<absl::string_view>;

class NoObserver : public pleg::CallObserver {
 public:
  void OnCallEnd(const pleg::CallRecord&) override {}
  void OnInvalidItem(absl::string_view, absl::string_view) override {}
};

// An independent way to split: field by field.
std::optional<Items> SplitPlainly(absl::string_view reply) {
  Items items;
  runtime::WireReader reader(reply);
  for (runtime::WireField field; reader.Next(field);) {
    if (field.number == 1 && field.type == runtime::WireType::kBytes) items.push_back(field.bytes);
  }
  if (!reader.ok()) return std::nullopt;
  return items;
}

Items Cut(absl::string_view bytes, size_t piece_bytes) {
  Items pieces;
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    pieces.push_back(bytes.substr(at, piece_bytes));
  }
  return pieces;
}

std::string CompareSplits(absl::string_view reply, size_t piece_bytes) {
  const std::optional<Items> plain = SplitPlainly(reply);
  for (const size_t bytes : {reply.size() + 1, piece_bytes}) {
    runtime::ItemSplitter splitter;
    std::vector<std::string> items;
    const auto take = [&items](absl::Span<const runtime::ListItem> some, size_t) {
      for (const runtime::ListItem& item : some) items.emplace_back(item.bytes);
      return absl::OkStatus();
    };
    const bool good =
        splitter.Split("List", runtime::kContainerLayout, Cut(reply, bytes), take).ok();
    if (good != plain.has_value())
      return absl::StrCat("splitting in pieces of ", bytes, ": ", good);
    if (good && !std::equal(items.begin(), items.end(), plain->begin(), plain->end()))
      return absl::StrCat("items in pieces of ", bytes);
  }
  return "";
}

// --- One item.

// What the typed decoder reads of what the projection reads.
template <typename Message>
struct Typed {
  explicit Typed(const Message& message) : sandbox_id(message.pod_sandbox_id()) {}
  absl::string_view sandbox_id;
};
template <>
struct Typed<runtime::v1::PodSandbox> {
  explicit Typed(const runtime::v1::PodSandbox&) {}
  absl::string_view sandbox_id = "";
};

template <typename List>
std::string CompareItem(absl::string_view item) {
  runtime::Projection seen;
  if (!runtime::Project(item, List::kLayout, seen)) return "";  // left to the typed decoder
  if (seen.bytes > item.size()) return "more bytes than the item has";
  runtime::WireReader reader(item);
  for (runtime::WireField field; reader.Next(field);) {
  }
  if (!reader.ok()) return "projected, but damaged";
  typename List::Message message;
  // Damage inside of a field that is not read, or text to be repaired, is none of the projection's.
  if (!message.ParseFromArray(item.data(), static_cast<int>(item.size()))) return "";
  if (message.id() != seen.id) return "id";
  if (message.state() != seen.state) return "state";
  if (message.created_at() != seen.created_at) return "created_at";
  if (Typed<typename List::Message>(message).sandbox_id != seen.sandbox_id) return "sandbox id";
  if (message.has_metadata() != (seen.metadata.data() != nullptr)) return "has metadata";
  auto metadata = message.metadata();
  metadata.Clear();
  if (!metadata.ParseFromArray(seen.metadata.data(), static_cast<int>(seen.metadata.size())) ||
      metadata.SerializeAsString() != message.metadata().SerializeAsString()) {
    return "metadata";
  }
  return "";
}

// --- Whole replies.

template <typename List>
class Decoders {
 public:
  // Both read the reply; what they disagree in.
  std::string Read(const Items& pieces, const std::set<std::string>& ambiguous) {
    const auto projected = projected_.Decode(pieces, std::nullopt);
    const auto typed = typed_.Decode(pieces, std::nullopt);
    if (projected.ok() != typed.ok()) return "only one can read the reply";
    if (!projected.ok()) return "";
    const ById a = Index(*projected);
    const ById b = Index(*typed);
    if (a.size() != projected->size() || b.size() != typed->size()) return "an id is listed twice";
    std::string difference = Compare(a, b, ambiguous);
    before_ = a;
    return difference;
  }

 private:
  using Listed = typename List::Listed;
  using ById = std::map<std::string, Listed>;

  static ById Index(const std::vector<Listed>& listed) {
    ById found;
    for (const Listed& item : listed) found.emplace(item.info->id.value(), item);
    return found;
  }

  std::string Compare(const ById& a, const ById& b, const std::set<std::string>& ambiguous) const {
    for (const auto& [id, item] : b) {
      if (a.count(id) == 0) return absl::StrCat("not projected: ", id);
    }
    for (const auto& [id, item] : a) {
      const auto same = b.find(id);
      if (same == b.end()) return absl::StrCat("only projected: ", id);
      if (ambiguous.count(id) != 0) continue;
      if (item.state != same->second.state) return absl::StrCat("state of ", id);
      const auto known = before_.find(id);
      const bool is_new = known == before_.end() || known->second.info != item.info;
      if (is_new && !(*item.info == *same->second.info)) return absl::StrCat("model of ", id);
    }
    return "";
  }

  NoObserver observer_;
  runtime::ListDecoder<List> projected_{observer_, pleg::NullLog(),
                                        runtime::DecodeMode::kProjected};
  runtime::ListDecoder<List> typed_{observer_, pleg::NullLog(), runtime::DecodeMode::kTyped};
  ById before_;
};

// Ids of several items of a reply: of a known object the projection takes the first for good
// without looking inside, where the typed decoder may find it damaged and take the second.
template <typename List>
std::set<std::string> Ambiguous(const Items& items) {
  std::set<std::string> seen;
  std::set<std::string> twice;
  for (const absl::string_view item : items) {
    runtime::WireReader reader(item);
    std::set<std::string> ids;
    for (runtime::WireField field; reader.Next(field);) {
      if (field.number == 1) ids.emplace(field.bytes);
    }
    typename List::Message message;
    if (runtime::ParseLenient(item, message) != runtime::ParseResult::kMalformed) {
      ids.insert(message.id());
    }
    for (const std::string& id : ids) {
      if (!seen.insert(id).second) twice.insert(id);
    }
  }
  return twice;
}

template <typename List>
std::string Compare(absl::string_view reply, size_t piece_bytes) {
  if (std::string difference = CompareSplits(reply, piece_bytes); !difference.empty()) {
    return difference;
  }
  const std::optional<Items> items = SplitPlainly(reply);
  if (!items.has_value()) return "";
  for (const absl::string_view item : *items) {
    const std::string difference = CompareItem<List>(item);
    if (!difference.empty()) return absl::StrCat(difference, " of ", absl::BytesToHexString(item));
  }
  // The items come as new ones, each alone, so that later ones of an id are changes; then all.
  const std::set<std::string> ambiguous = Ambiguous<List>(*items);
  Decoders<List> decoders;
  for (const absl::string_view item : *items) {
    std::string one;
    runtime::AppendBytesField(1, item, one);
    if (std::string difference = decoders.Read({one}, {}); !difference.empty()) return difference;
  }
  const Items pieces = Cut(reply, piece_bytes);
  for (int i = 0; i < 2; ++i) {
    if (std::string difference = decoders.Read(pieces, ambiguous); !difference.empty()) {
      return absl::StrCat("reply ", i, ": ", difference);
    }
  }
  return "";
}

}  // namespace

std::string FindDifference(absl::string_view input) {
  if (input.size() < 2) return "";
  runtime::DiscardProtobufLog();
  const bool sandboxes = (static_cast<uint8_t>(input[0]) & 1) != 0;
  const size_t piece_bytes = size_t{1} + static_cast<uint8_t>(input[1]);
  const absl::string_view reply = input.substr(2);
  return sandboxes ? Compare<runtime::SandboxList>(reply, piece_bytes)
                   : Compare<runtime::ContainerList>(reply, piece_bytes);
}

}  // namespace fuzz
