#include "runtime/sim/cri_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/sim/wire_writer.h"

namespace sim {
namespace {

namespace cri = ::runtime::v1;

// A field number that no CRI version uses.
constexpr int kPaddingField = 2047;
constexpr size_t kGarbageBytes = 256;

Message OneMessage(std::string bytes) {
  return {{std::make_shared<const std::string>(std::move(bytes)), 1}};
}

template <typename Request>
absl::Status ParseInto(absl::string_view bytes, Request& request) {
  if (request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return absl::OkStatus();
  return absl::InternalError("grpc: error unmarshalling request: " + request.GetTypeName());
}

absl::Status ParseBody(absl::string_view bytes, CriRequest& out) {
  switch (out.rpc) {
    case Rpc::kListPodSandbox:
    case Rpc::kStreamPodSandboxes: {
      cri::ListPodSandboxRequest request;  // Same fields as StreamPodSandboxesRequest.
      absl::Status status = ParseInto(bytes, request);
      out.sandbox_filter = std::move(*request.mutable_filter());
      return status;
    }
    case Rpc::kListContainers:
    case Rpc::kStreamContainers: {
      cri::ListContainersRequest request;
      absl::Status status = ParseInto(bytes, request);
      out.container_filter = std::move(*request.mutable_filter());
      return status;
    }
    case Rpc::kPodSandboxStatus:
    case Rpc::kContainerStatus: {
      cri::ContainerStatusRequest request;  // Same fields as PodSandboxStatusRequest.
      absl::Status status = ParseInto(bytes, request);
      out.id = pleg::ContainerId(request.container_id());
      out.verbose = request.verbose();
      return status;
    }
    case Rpc::kStatus: {
      cri::StatusRequest request;
      absl::Status status = ParseInto(bytes, request);
      out.verbose = request.verbose();
      return status;
    }
    default: {
      cri::VersionRequest request;
      return ParseInto(bytes, request);
    }
  }
}

bool IsItemDefect(const Fault* fault) {
  return fault != nullptr && fault->kind == Fault::Kind::kMalformed &&
         fault->defect != Defect::kTruncated && fault->defect != Defect::kGarbage &&
         fault->defect != Defect::kEmpty;
}

std::optional<Defect> ItemDefectOf(const Fault* fault) {
  return IsItemDefect(fault) ? std::optional<Defect>(fault->defect) : std::nullopt;
}

// Ends inside the last field: items and statuses are longer than what is cut.
std::string Truncate(std::string bytes) {
  if (bytes.empty()) return "\x0a";
  bytes.resize(bytes.size() - (bytes.size() > 400 ? 100 : 1));
  return bytes;
}

// 0xff… is a varint that never ends.
std::string Garbage() {
  Random random(kGarbageBytes);
  std::string bytes(16, '\xff');
  while (bytes.size() < kGarbageBytes) bytes.push_back(static_cast<char>(random.Next()));
  return bytes;
}

// An object of no pod that there is, as an item of a list.
std::string InventedItem(Rpc rpc, const std::string& id, size_t label_bytes) {
  std::string item;
  WireWriter wire(&item, nullptr);
  const auto add = [&](auto object) {
    object.set_id(id);
    object.mutable_metadata()->set_name("invented");
    object.set_created_at(1);
    (*object.mutable_labels())["io.kubernetes.pod.uid"] = "invented";
    (*object.mutable_labels())["io.kubernetes.pod.name"] = "invented";
    (*object.mutable_labels())["io.kubernetes.pod.namespace"] = "cri-sim";
    (*object.mutable_labels())["cri-sim.io/label"] = std::string(label_bytes, 'x');
    return object;
  };
  if (IsContainerList(rpc)) {
    cri::Container container = add(cri::Container());
    container.mutable_image()->set_image("invented");
    container.set_state(cri::CONTAINER_EXITED);
    wire.Bytes(1, container.SerializeAsString());
  } else {
    cri::PodSandbox sandbox = add(cri::PodSandbox());
    sandbox.mutable_metadata()->set_uid("invented");
    sandbox.mutable_metadata()->set_namespace_("cri-sim");
    sandbox.set_state(cri::SANDBOX_NOTREADY);
    wire.Bytes(1, sandbox.SerializeAsString());
  }
  return item;
}

// Objects whose ids begin so and are in no other list.
Piece InventedItems(Rpc rpc, absl::string_view prefix, size_t count) {
  const std::string zeros(10, '0');
  const std::string one = InventedItem(rpc, absl::StrCat(prefix, zeros), 0);
  const size_t at = one.find(zeros);
  auto bytes = std::make_shared<std::string>();
  bytes->reserve(one.size() * count);
  for (size_t i = 0; i < count; ++i) {
    const std::string number = absl::StrCat(absl::Dec(i, absl::kZeroPad10));
    *bytes += one;
    bytes->replace(bytes->size() - one.size() + at, number.size(), number);
  }
  return {std::move(bytes), count};
}

void Spoil(const Fault& fault, Rpc rpc, Message& message) {
  if (fault.kind == Fault::Kind::kLabel) {
    message.push_back(
        {std::make_shared<const std::string>(InventedItem(rpc, "label", fault.bytes)), 1});
  }
  if (fault.kind == Fault::Kind::kOversized) {
    auto padding = std::make_shared<std::string>();
    WireWriter(padding.get(), nullptr).Bytes(kPaddingField, std::string(fault.bytes, 'x'));
    message.push_back({std::move(padding), 0});
  } else if (fault.kind == Fault::Kind::kMalformed && !IsItemDefect(&fault)) {
    if (fault.defect == Defect::kTruncated) message = OneMessage(Truncate(Flatten(message)));
    if (fault.defect == Defect::kGarbage) message = OneMessage(Garbage());
    if (fault.defect == Defect::kEmpty) message = OneMessage("");
  }
}

std::vector<Message> Chunk(std::vector<Piece> pieces, size_t chunk_items) {
  std::vector<Message> messages;
  size_t items = chunk_items;
  for (Piece& piece : pieces) {
    if (items + piece.items > chunk_items) {
      messages.emplace_back();
      items = 0;
    }
    items += piece.items;
    messages.back().push_back(std::move(piece));
  }
  return messages;
}

}  // namespace

size_t ByteSize(const Message& message) {
  size_t size = 0;
  for (const Piece& piece : message) size += piece.bytes->size();
  return size;
}

std::string Flatten(const Message& message) {
  std::string bytes;
  bytes.reserve(ByteSize(message));
  for (const Piece& piece : message) bytes += *piece.bytes;
  return bytes;
}

CriService::CriService(std::shared_ptr<SimRuntime> runtime, ServiceOptions options)
    : runtime_(std::move(runtime)), options_(std::move(options)) {}

absl::StatusOr<CriRequest> CriService::Parse(absl::string_view method,
                                             absl::string_view bytes) const {
  absl::string_view name = method;
  if (!absl::ConsumePrefix(&name, "/") || !absl::ConsumePrefix(&name, kServiceName) ||
      !absl::ConsumePrefix(&name, "/")) {
    return absl::UnimplementedError(absl::StrCat("unknown service of method ", method));
  }
  const std::optional<Rpc> rpc = RpcFromName(name);
  const bool streamed = rpc == Rpc::kStreamPodSandboxes || rpc == Rpc::kStreamContainers;
  if (!rpc.has_value() || (streamed && !options_.list_streaming)) {
    return absl::UnimplementedError(
        absl::StrCat("unknown method ", name, " for service ", kServiceName));
  }
  CriRequest request;
  request.rpc = *rpc;
  if (absl::Status status = ParseBody(bytes, request); !status.ok()) return status;
  return request;
}

CriReply CriService::Answer(const CriRequest& request, const Fault* fault) const {
  CriReply reply;
  if (IsList(request.rpc)) {
    reply = AnswerList(request, fault);
  } else if (request.rpc == Rpc::kGetContainerEvents) {
    if (options_.events == EventMode::kUnimplemented) {
      reply.status = absl::UnimplementedError("unknown method GetContainerEvents");
    }
    reply.events = options_.events == EventMode::kStream;
  } else {
    absl::StatusOr<std::string> bytes = AnswerOne(request, fault);
    reply.status = bytes.status();
    if (bytes.ok()) reply.messages.push_back(OneMessage(*std::move(bytes)));
  }
  if (fault != nullptr && !reply.messages.empty())
    Spoil(*fault, request.rpc, reply.messages.back());
  return reply;
}

CriReply CriService::AnswerList(const CriRequest& request, const Fault* fault) const {
  const bool streamed =
      request.rpc == Rpc::kStreamPodSandboxes || request.rpc == Rpc::kStreamContainers;
  ListOptions options;
  if (IsItemDefect(fault)) options.defect = ItemDefect{fault->defect, fault->id};
  if (streamed) options.piece_items = std::min(options.piece_items, options_.stream_chunk);
  std::vector<Piece> pieces;
  if (const auto world = World(); world != nullptr) {
    pieces =
        IsContainerList(request.rpc)
            ? ListContainers(*world, request.container_filter, options.defect, options.piece_items)
            : ListSandboxes(*world, request.sandbox_filter, options.defect, options.piece_items);
  } else {
    pieces = IsContainerList(request.rpc)
                 ? runtime_->ListContainers(request.container_filter, options)
                 : runtime_->ListSandboxes(request.sandbox_filter, options);
  }
  if (fault != nullptr && fault->kind == Fault::Kind::kObjects) {
    const std::vector<Piece> more = ManyItems(request.rpc, fault->bytes);
    pieces.insert(pieces.end(), more.begin(), more.end());
  }
  CriReply reply;
  if (streamed) {
    reply.messages = Chunk(std::move(pieces), options_.stream_chunk);
    reply.endless = fault != nullptr && fault->kind == Fault::Kind::kEndless;
  } else {
    reply.messages.push_back(std::move(pieces));
  }
  return reply;
}

std::vector<Piece> CriService::ManyItems(Rpc rpc, size_t count) const {
  pleg::MutexLock lock(mu_);
  std::vector<Piece>& pieces = many_[{IsContainerList(rpc), count}];
  if (!pieces.empty()) return pieces;
  for (size_t done = 0; done < count; done += options_.stream_chunk) {
    pieces.push_back(InventedItems(rpc, absl::StrCat("object-", done, "-"),
                                   std::min(options_.stream_chunk, count - done)));
  }
  return pieces;
}

Message CriService::MoreItems(Rpc rpc, uint64_t number) const {
  return {InventedItems(rpc, absl::StrCat("more-", number, "-"), options_.stream_chunk)};
}

absl::StatusOr<std::string> CriService::AnswerOne(const CriRequest& request,
                                                  const Fault* fault) const {
  switch (request.rpc) {
    case Rpc::kVersion:
      return Version();
    case Rpc::kStatus:
      return Status();
    case Rpc::kPodSandboxStatus:
      return InspectSandbox(request, fault);
    case Rpc::kContainerStatus:
      return InspectContainer(request, fault);
    default: {
      std::string config;  // RuntimeConfig: the systemd driver is the enum's zero.
      WireWriter(&config, nullptr).Message(1, [] {});
      return config;
    }
  }
}

absl::StatusOr<std::string> CriService::InspectSandbox(const CriRequest& request,
                                                       const Fault* fault) const {
  const auto world = World();
  if (world != nullptr) return SandboxStatus(*world, request.id, ItemDefectOf(fault));
  return runtime_->SandboxStatus(request.id, request.verbose, options_.statuses_with_sandbox,
                                 ItemDefectOf(fault));
}

absl::StatusOr<std::string> CriService::InspectContainer(const CriRequest& request,
                                                         const Fault* fault) const {
  const auto world = World();
  if (world != nullptr) return ContainerStatus(*world, request.id, ItemDefectOf(fault));
  return runtime_->ContainerStatus(request.id, request.verbose, ItemDefectOf(fault));
}

std::string CriService::Version() const {
  const auto world = World();
  std::string out;
  WireWriter wire(&out, nullptr);
  wire.String(1, "0.1.0");
  wire.String(2, world == nullptr ? options_.runtime_name : world->runtime_name);
  wire.String(3, world == nullptr ? options_.runtime_version : world->runtime_version);
  wire.String(4, "v1");
  return out;
}

std::string CriService::Status() const {
  const auto world = World();
  std::string out;
  WireWriter wire(&out, nullptr);
  if (world != nullptr) {
    wire.Bytes(1, world->status.SerializeAsString());
  } else {
    FixedWorld well;
    Complete(well);
    wire.Bytes(1, well.status.SerializeAsString());
  }
  wire.Message(3, [&] { wire.Message(2, [&] { wire.Bool(1, true); }); });
  return out;
}

std::shared_ptr<const FixedWorld> CriService::World() const {
  return options_.world == nullptr ? nullptr : options_.world->Current();
}

}  // namespace sim
