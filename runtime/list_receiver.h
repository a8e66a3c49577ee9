// One list as it arrives, whole or as a stream of messages: counted against a budget, decoded, and
// its memory given back piece by piece.
//
//   ListReceiver<ContainerListDecoder> containers(decoder, budget, std::nullopt);
//   grpc::Status go_on = containers.OnMessage(std::move(message));   … once the call has ended:
//   absl::StatusOr<std::vector<pleg::ListedContainer>> listed = containers.Finish(std::move(end));

#ifndef PLEGD_RUNTIME_LIST_RECEIVER_H_
#define PLEGD_RUNTIME_LIST_RECEIVER_H_

#include <grpcpp/support/status.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pleg/call_stats.h"
#include "pleg/ids.h"
#include "runtime/byte_buffer.h"
#include "runtime/list_budget.h"
#include "runtime/list_decoder.h"

namespace runtime {

// "… larger than max (27000000 vs. 16777216)": the sizes that gRPC, whichever side and language,
// names when it refuses a message. Of `text` without them nothing.
struct RefusedSize {
  uint64_t bytes = 0;
  uint64_t limit = 0;
};
std::optional<RefusedSize> ParseRefusedSize(absl::string_view text);

// Confined to the decoder's thread, but for the constructor. Used for one list.
template <typename Decoder>
class ListReceiver {
 public:
  using Listed = typename Decoder::Listed;

  // `decoder` outlives the receiver. `pod`: all that is asked for; empty: everything.
  ListReceiver(Decoder& decoder, const ListBudget& budget, std::optional<pleg::PodUid> pod)
      : decoder_(decoder), budget_(budget), pod_(std::move(pod)) {}

  // So many objects of the budget are taken by another list.
  void TakeFromBudget(size_t items) { budget_.items -= std::min(items, budget_.items); }

  // A message of a stream. RESOURCE_EXHAUSTED: the list is over the budget; INTERNAL: it is
  // damaged. No further message counts then.
  grpc::Status OnMessage(ReplyBody message);
  // Whether a message has come.
  bool begun() const { return reply_number_ != 0; }

  // What was listed, once the call has ended as `end` says: with the whole reply, or after a stream
  // with an empty one. kResourceExhausted if it is over the budget, kInternal if it is damaged,
  // else the error of `end`; nothing is kept of the list then, and the last good state stays.
  absl::StatusOr<std::vector<Listed>> Finish(absl::StatusOr<ReplyBody> end);

  size_t bytes() const { return bytes_; }
  // After Finish: why the list was too much for us or, as the error of `end` says, for the runtime.
  const std::optional<pleg::ListExcess>& excess() const { return excess_; }
  // After a Finish that succeeded; empty for a list that is far below the kubelet's limit.
  const pleg::ListMakeup& makeup() const { return makeup_; }

 private:
  absl::Status Feed(ReplyBody message);
  // The list is given up with this.
  void Fail(absl::Status why);
  absl::StatusOr<std::vector<Listed>> FailedBy(const absl::Status& end);

  Decoder& decoder_;
  ListBudget budget_;
  const std::optional<pleg::PodUid> pod_;
  uint64_t reply_number_ = 0;  // the decoder's; 0 before the first message
  size_t bytes_ = 0;
  absl::Status failure_;
  std::optional<pleg::ListExcess> excess_;
  pleg::ListMakeup makeup_;
};

extern template class ListReceiver<SandboxListDecoder>;
extern template class ListReceiver<ContainerListDecoder>;

}  // namespace runtime

#endif  // PLEGD_RUNTIME_LIST_RECEIVER_H_
