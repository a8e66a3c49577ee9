// The gRPC channel to a container runtime: how it reconnects, and how much it receives.
//
//   std::shared_ptr<grpc::Channel> channel = MakeCriChannel({.target = "unix:/run/cri.sock"});

#ifndef PLEGD_RUNTIME_CRI_CHANNEL_H_
#define PLEGD_RUNTIME_CRI_CHANNEL_H_

#include <grpcpp/channel.h>

#include <cstddef>
#include <memory>
#include <string>

namespace runtime {

// Milliseconds between two attempts to connect: at first, and at most.
inline constexpr int kMinReconnectMillis = 100;
inline constexpr int kMaxReconnectMillis = 500;

// Thread-compatible.
struct CriChannelOptions {
  // Of a reply that is no list. A pod may have as many labels or mounts as its API server takes, by
  // default 1.5 MiB of them; what is kept is bounded, see status_reply.h.
  static constexpr size_t kMaxReplyBytes = size_t{4} << 20;

  std::string target;  // as gRPC names it: "unix:/path"
  // Of a list, and of one message of a list that is streamed. What is longer ends with
  // RESOURCE_EXHAUSTED, of all calls together when about so many bytes have been received.
  size_t max_list_bytes = size_t{64} << 20;
  size_t max_reply_bytes = kMaxReplyBytes;  // of any other call, the same way
};

// Does not connect yet.
std::shared_ptr<grpc::Channel> MakeCriChannel(const CriChannelOptions& options);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_CRI_CHANNEL_H_
