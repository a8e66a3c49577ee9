#include "runtime/status_reply.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "pleg/status_size.h"
#include "runtime/convert.h"
#include "runtime/cri_methods.h"
#include "runtime/grpc_status.h"
#include "runtime/lenient_parse.h"
#include "runtime/projection.h"
#include "runtime/reply_bytes.h"
#include "runtime/v1/api.pb.h"

namespace runtime {
namespace {

constexpr ItemLayout kSandboxStatusLayout{2, 3, 4, 0, 7, 8, /*keeps_labels=*/true};
constexpr ItemLayout kContainerStatusLayout{2, 3, 4, 0, 12, 13};

// What counts of the status in a reply, in protobuf's wire format.
struct StatusBytes {
  bool there = false;
  bool cut = false;
  std::string bytes;
};

absl::StatusOr<StatusBytes> ReadStatus(const ReplyBody& reply, absl::string_view method,
                                       const ItemLayout& layout) {
  StatusBytes status;
  const SlicedReply sliced(reply.buffer());
  const auto take = [&status](absl::Span<const ListItem> items, size_t) {
    for (const ListItem& item : items) {
      // Several are one: libprotobuf merges them, too.
      status.there = true;
      status.cut |= item.cut;
      status.bytes.append(item.bytes.data(), item.bytes.size());
    }
    return absl::OkStatus();
  };
  const absl::Status split = ItemSplitter().Split(method, layout, sliced.pieces(), take);
  if (!split.ok()) return split;
  return status;
}

// A status of the message type `Message`, verified and converted.
template <typename Message, typename Verify, typename Convert>
auto DecodeStatus(const ReplyBody& reply, const CallSubject& subject, const ItemLayout& layout,
                  absl::string_view nil_text, Verify verify, Convert convert)
    -> absl::StatusOr<std::shared_ptr<const decltype(convert(Message()))>> {
  const auto failed = [&subject](absl::string_view why) {
    return absl::InternalError(absl::StrCat(subject.Describe(), ": ", why));
  };
  const absl::StatusOr<StatusBytes> read = ReadStatus(reply, subject.method, layout);
  if (!read.ok()) return failed("malformed reply");
  if (!read->there) return failed(nil_text);
  Message message;
  if (ParseLenient(read->bytes, message) == ParseResult::kMalformed) {
    return failed("malformed reply");
  }
  if (const absl::Status valid = verify(message); !valid.ok()) return failed(valid.message());
  auto status = std::make_shared<decltype(convert(message))>(convert(message));
  status->truncated = read->cut;
  pleg::Truncate(pleg::kMaxStatusBytes, *status);
  return status;
}

}  // namespace

absl::StatusOr<SandboxStatusPtr> DecodeSandboxStatus(const ReplyBody& reply,
                                                     const pleg::ContainerId& id) {
  const CallSubject subject{
      .method = kPodSandboxStatus.name, .kind = "sandbox", .target = id.value()};
  return DecodeStatus<v1::PodSandboxStatus>(reply, subject, kSandboxStatusLayout,
                                            "pod sandbox status is nil", VerifySandboxStatus,
                                            ToSandboxStatus);
}

absl::StatusOr<ContainerStatusPtr> DecodeContainerStatus(const ReplyBody& reply,
                                                         const pleg::ContainerId& id,
                                                         const pleg::ContainerId& sandbox) {
  const CallSubject subject{
      .method = kContainerStatus.name, .kind = "container", .target = id.value()};
  const auto convert = [&sandbox](const v1::ContainerStatus& status) {
    return ToContainerStatus(status, sandbox);
  };
  return DecodeStatus<v1::ContainerStatus>(reply, subject, kContainerStatusLayout,
                                           "container status is nil", VerifyContainerStatus,
                                           convert);
}

absl::StatusOr<pleg::RuntimeConditions> DecodeConditions(const ReplyBody& reply) {
  v1::StatusResponse response;
  if (ParseLenient(FlatReply(reply).view(), response) == ParseResult::kMalformed) {
    return absl::InternalError("Status: malformed reply");
  }
  if (response.status().conditions_size() < 2) {
    return absl::InternalError("Status: RuntimeReady or NetworkReady condition are not set");
  }
  pleg::RuntimeConditions conditions;
  for (const v1::RuntimeCondition& c : response.status().conditions()) {
    pleg::RuntimeCondition condition{c.type(), c.status(), c.reason(), c.message()};
    if (c.type() == "RuntimeReady") conditions.runtime_ready = condition;
    if (c.type() == "NetworkReady") conditions.network_ready = std::move(condition);
  }
  return conditions;
}

}  // namespace runtime
