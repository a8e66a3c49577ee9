#include "runtime/list_receiver.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/grpc_status.h"

namespace runtime {
namespace {

// From here on it is worth a look what a list is made of.
constexpr size_t kLargeListBytes = pleg::kKubeletMaxReplyBytes / 2;

std::optional<uint64_t> ConsumeNumber(absl::string_view& text) {
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[digits]))) {
    ++digits;
  }
  uint64_t number = 0;
  if (!absl::SimpleAtoi(text.substr(0, digits), &number)) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

}  // namespace

std::optional<RefusedSize> ParseRefusedSize(absl::string_view text) {
  constexpr absl::string_view kBefore = "larger than max (";
  const size_t at = text.find(kBefore);
  if (at == absl::string_view::npos) return std::nullopt;
  text.remove_prefix(at + kBefore.size());
  const std::optional<uint64_t> bytes = ConsumeNumber(text);
  if (!bytes.has_value() || !absl::ConsumePrefix(&text, " vs. ")) return std::nullopt;
  const std::optional<uint64_t> limit = ConsumeNumber(text);
  if (!limit.has_value()) return std::nullopt;
  return RefusedSize{*bytes, *limit};
}

template <typename Decoder>
grpc::Status ListReceiver<Decoder>::OnMessage(ReplyBody message) {
  if (failure_.ok()) {
    bytes_ += message.Length();
    // Before it is decoded: the message that is too much has not grown anything yet.
    if (bytes_ > budget_.bytes) {
      Fail(absl::ResourceExhaustedError(
          absl::StrCat("the list is longer than ", budget_.bytes, " bytes")));
    } else if (absl::Status fed = Feed(std::move(message)); !fed.ok()) {
      Fail(std::move(fed));
    }
  }
  return {static_cast<grpc::StatusCode>(failure_.code()), std::string(failure_.message())};
}

template <typename Decoder>
absl::Status ListReceiver<Decoder>::Feed(ReplyBody message) {
  if (reply_number_ == 0) reply_number_ = decoder_.Begin(budget_.items);
  SlicedReply sliced(std::move(message));
  return decoder_.Feed(reply_number_, sliced.pieces(),
                       [&sliced](size_t pieces) { sliced.Release(pieces); });
}

template <typename Decoder>
void ListReceiver<Decoder>::Fail(absl::Status why) {
  if (absl::IsResourceExhausted(why)) {
    excess_.emplace();
    excess_->bytes = bytes_;
    excess_->given_up = true;
    if (bytes_ > budget_.bytes) {
      excess_->limit_bytes = budget_.bytes;
    } else {
      excess_->limit_items = budget_.items;
    }
    if (reply_number_ != 0) excess_->makeup = decoder_.Makeup();
  }
  if (reply_number_ != 0) decoder_.Abandon(reply_number_);
  failure_ = std::move(why);
}

template <typename Decoder>
absl::StatusOr<std::vector<typename ListReceiver<Decoder>::Listed>> ListReceiver<Decoder>::Finish(
    absl::StatusOr<ReplyBody> end) {
  if (!failure_.ok()) return failure_;
  if (!end.ok()) return FailedBy(end.status());
  // Without a message it is either a whole reply or a node without any object: the same then.
  if (!begun()) {
    bytes_ = end->Length();
    if (absl::Status fed = Feed(*std::move(end)); !fed.ok()) {
      Fail(std::move(fed));
      if (excess_.has_value()) excess_->given_up = false;
      return failure_;
    }
  }
  absl::StatusOr<std::vector<Listed>> listed = decoder_.End(reply_number_, pod_);
  if (listed.ok() && bytes_ >= kLargeListBytes) makeup_ = decoder_.Makeup();
  return listed;
}

template <typename Decoder>
absl::StatusOr<std::vector<typename ListReceiver<Decoder>::Listed>> ListReceiver<Decoder>::FailedBy(
    const absl::Status& end) {
  if (absl::IsResourceExhausted(end)) {
    const std::optional<RefusedSize> refused = ParseRefusedSize(end.message());
    const bool unfinished = IsOutOfBuffers(end);
    excess_.emplace();
    if (refused.has_value()) {
      excess_->bytes = bytes_ + refused->bytes;
      excess_->limit_bytes = refused->limit;
    } else if (unfinished) {
      excess_->bytes = budget_.bytes;  // and some more
      excess_->limit_bytes = budget_.bytes;
    }
    excess_->given_up = begun() || unfinished;
    excess_->by_runtime = !unfinished && (!refused.has_value() || refused->limit != budget_.bytes);
    if (begun()) excess_->makeup = decoder_.Makeup();
  }
  if (begun()) decoder_.Abandon(reply_number_);
  return end;
}

template class ListReceiver<SandboxListDecoder>;
template class ListReceiver<ContainerListDecoder>;

}  // namespace runtime
