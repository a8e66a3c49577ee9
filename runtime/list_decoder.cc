#include "runtime/list_decoder.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/convert.h"
#include "runtime/cri_methods.h"
#include "runtime/wire.h"

namespace runtime {
namespace {

constexpr uint32_t kIdField = 1;  // of both kinds of items

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
  for (const absl::string_view item : splitter_.items()) {
    if (!AcceptKnown(item, listed_)) DecodeItem(item, listed_);
  }
  return absl::OkStatus();
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
bool ListDecoder<List>::AcceptKnown(absl::string_view item, std::vector<Listed>& out) {
  if (!Project(item, List::kLayout, projection_)) {
    projection_ = Projection();
    return false;
  }
  if (mode_ == DecodeMode::kTyped) return false;
  const auto found = known_.find(projection_.id);
  if (found == known_.end() || !projection_.SameIdentity(found->second.identity)) return false;
  if (found->second.listed_in == reply_number_) {
    Report("duplicate_id", projection_.id);
  } else {
    Accept(found->second, nullptr, List::ToState(projection_.state), out);
  }
  return true;
}

template <typename List>
void ListDecoder<List>::DecodeItem(absl::string_view item, std::vector<Listed>& out) {
  const ParseResult parsed = ParseLenient(item, message_);
  if (parsed == ParseResult::kMalformed) return DecodeMalformed(item);
  if (parsed == ParseResult::kRepaired) Report("invalid_utf8", message_.id());
  const absl::string_view lacks = List::Lacks(message_);
  if (!lacks.empty()) Report(lacks, message_.id());
  if (message_.id().empty()) {
    if (lacks.empty()) Report("no_id", "");
    ++anonymous_;
    return;
  }
  const State state = List::ToState(message_.state());
  const auto found = known_.find(message_.id());
  if (found != known_.end() && found->second.listed_in == reply_number_) {
    return Report("duplicate_id", message_.id());
  }
  if (!lacks.empty()) {
    if (found != known_.end()) Accept(found->second, nullptr, state, out);
    return;
  }
  Info info = List::ToInfo(message_);
  Known& known = found != known_.end() ? found->second : known_[message_.id()];
  known.identity = projection_.ToIdentity();
  if (known.info != nullptr && *known.info == info) return Accept(known, nullptr, state, out);
  Accept(known, std::make_shared<const Info>(std::move(info)), state, out);
}

template <typename List>
void ListDecoder<List>::DecodeMalformed(absl::string_view item) {
  const Remains remains = ReadRemains(item, List::kLayout.state);
  Report("malformed", remains.id);
  if (remains.id.empty()) {
    ++anonymous_;
    return;
  }
  const auto found = known_.find(remains.id);
  if (found == known_.end()) return;
  found->second.doubtful_in = reply_number_;
  const bool superseded = found->second.listed_in == reply_number_;
  if (remains.whole && !superseded) found->second.state = List::ToState(remains.state);
}

template <typename List>
void ListDecoder<List>::Accept(Known& known, std::shared_ptr<const Info> info, State state,
                               std::vector<Listed>& out) {
  if (info != nullptr) known.info = std::move(info);
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
  for (auto it = known_.begin(); it != known_.end();) {
    const auto here = it++;
    Known& known = here->second;
    if (known.listed_in == reply_number_) continue;
    if (pod.has_value() && known.info->pod_uid != *pod) continue;
    if (hold_all || known.doubtful_in == reply_number_) {
      held = held || known.doubtful_in != reply_number_;
      out.push_back({known.info, known.state});
    } else if (!pod.has_value()) {
      known_.erase(here);
    }
  }
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
