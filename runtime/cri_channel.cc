#include "runtime/cri_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runtime/cri_methods.h"

namespace runtime {
namespace {

constexpr int kConnectTimeoutMillis = 5000;
// Far more than any usual list: a reply is then sent without waiting for us to make room for more.
constexpr int kWindowBytes = 8 << 20;
// Of what gRPC holds beside a list.
constexpr size_t kOtherBytes = size_t{4} << 20;

// The limits by method, which gRPC enforces when it has read a message's length.
std::string ServiceConfig(const CriChannelOptions& options) {
  std::vector<std::string> lists;
  for (const CriMethod* list :
       {&kListPodSandbox, &kListContainers, &kStreamPodSandboxes, &kStreamContainers}) {
    const std::pair<absl::string_view, absl::string_view> path =
        absl::StrSplit(absl::StripPrefix(list->path, "/"), '/');
    lists.push_back(
        absl::StrCat(R"({"service": ")", path.first, R"(", "method": ")", path.second, R"("})"));
  }
  return absl::StrCat(R"({"methodConfig": [{"name": [{}], "maxResponseMessageBytes": )",
                      options.max_reply_bytes, R"(}, {"name": [)", absl::StrJoin(lists, ", "),
                      R"(], "maxResponseMessageBytes": )", options.max_list_bytes, "}]}");
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeCriChannel(const CriChannelOptions& options) {
  grpc::ChannelArguments args;
  args.SetMaxReceiveMessageSize(static_cast<int>(std::min<size_t>(
      std::max(options.max_list_bytes, options.max_reply_bytes), std::numeric_limits<int>::max())));
  args.SetServiceConfigJSON(ServiceConfig(options));
  // gRPC looks at the length of a message when it has all of it. What has come of one is bounded by
  // this quota: beyond it, gRPC cancels a call (IsOutOfBuffers). A quarter is for what pieces of
  // memory are larger than the bytes in them.
  grpc::ResourceQuota quota("cri");
  quota.Resize(options.max_list_bytes / 4 * 5 + kOtherBytes);
  args.SetResourceQuota(quota);
  args.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kMinReconnectMillis);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMillis);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMillis);
  args.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kWindowBytes);
  // Would send pings, each of which wakes this process and the runtime.
  args.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  return grpc::CreateCustomChannel(options.target, grpc::InsecureChannelCredentials(), args);
}

}  // namespace runtime
