// The CRI's read calls answered from a SimRuntime: bytes in, bytes out, without a transport.

#ifndef PLEGD_RUNTIME_SIM_CRI_SERVICE_H_
#define PLEGD_RUNTIME_SIM_CRI_SERVICE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pleg/ids.h"
#include "pleg/mutex.h"
#include "runtime/sim/fault.h"
#include "runtime/sim/list_cache.h"
#include "runtime/sim/rpc.h"
#include "runtime/sim/sim_runtime.h"
#include "runtime/sim/world_source.h"
#include "runtime/v1/api.pb.h"

namespace sim {

// What GetContainerEvents does.
enum class EventMode {
  kUnimplemented,  // As containerd 1.6.
  kEndAtOnce,      // As CRI-O with enable_pod_events off: the stream ends with OK.
  kStream,         // Real events from now on.
};

struct ServiceOptions {
  std::string runtime_name = "cri-sim";
  std::string runtime_version = "0.1.0";
  EventMode events = EventMode::kStream;
  bool list_streaming = true;  // Off: StreamPodSandboxes and StreamContainers are UNIMPLEMENTED.
  size_t stream_chunk = 3000;  // Items in a message of a stream; CRI-O's number.
  // As CRI-O with pod events: PodSandboxStatus brings the containers' statuses and a time stamp.
  bool statuses_with_sandbox = false;
  // What is there, in the place of the runtime's own objects; null for those.
  std::shared_ptr<WorldSource> world = {};
};

// A call, parsed.
struct CriRequest {
  Rpc rpc = Rpc::kVersion;
  pleg::ContainerId id;  // Of an inspection.
  bool verbose = false;
  ::runtime::v1::PodSandboxFilter sandbox_filter;
  ::runtime::v1::ContainerFilter container_filter;
};

// One serialised message, in pieces.
using Message = std::vector<Piece>;

// What to send: messages, then the status. Unary: exactly one message when the status is OK.
struct CriReply {
  absl::Status status;
  std::vector<Message> messages;
  bool events = false;   // Then events follow until the client goes.
  bool endless = false;  // Then messages of MoreItems follow until the client goes.
};

size_t ByteSize(const Message& message);
std::string Flatten(const Message& message);

// Thread-safe.
class CriService {
 public:
  CriService(std::shared_ptr<SimRuntime> runtime, ServiceOptions options);

  // `method` is the HTTP/2 path, "/runtime.v1.RuntimeService/Version". kUnimplemented for another
  // service or method, kInternal for bytes that are no such request.
  absl::StatusOr<CriRequest> Parse(absl::string_view method, absl::string_view bytes) const;

  // The reply, with the faults that are about its content: oversized and malformed.
  CriReply Answer(const CriRequest& request, const Fault* fault) const;

  // The message of that number with which a list as a stream goes on: a chunk of objects that are
  // in no other.
  Message MoreItems(Rpc rpc, uint64_t number) const;

  const ServiceOptions& options() const { return options_; }
  SimRuntime& runtime() const { return *runtime_; }

 private:
  CriReply AnswerList(const CriRequest& request, const Fault* fault) const;
  absl::StatusOr<std::string> AnswerOne(const CriRequest& request, const Fault* fault) const;
  absl::StatusOr<std::string> InspectSandbox(const CriRequest& request, const Fault* fault) const;
  absl::StatusOr<std::string> InspectContainer(const CriRequest& request, const Fault* fault) const;
  // So many objects that are in no other list, the same each time.
  std::vector<Piece> ManyItems(Rpc rpc, size_t count) const;
  std::string Version() const;
  std::string Status() const;
  std::shared_ptr<const FixedWorld> World() const;  // Null without one.

  const std::shared_ptr<SimRuntime> runtime_;
  const ServiceOptions options_;
  mutable pleg::Mutex mu_;
  // By whether they are containers, and how many they are: a million takes a second to make.
  mutable std::map<std::pair<bool, size_t>, std::vector<Piece>> many_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_CRI_SERVICE_H_
