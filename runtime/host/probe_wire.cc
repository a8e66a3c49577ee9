#include "runtime/host/probe_wire.h"

#include <errno.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "plegd/v1/probe.pb.h"

namespace runtime::host {
namespace {

constexpr size_t kMaxSilent = 8;
constexpr uint32_t kMaxFrame = uint32_t{64} * 1024 * 1024;

absl::Status Gone(const char* what) {
  return absl::UnavailableError(absl::StrCat(what, ": the other side has gone"));
}

absl::Status SendAll(int socket, absl::string_view data) {
  while (!data.empty()) {
    const ssize_t sent = send(socket, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return Gone("send");
    data.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

absl::Status ReceiveAll(int socket, char* data, size_t size) {
  while (size > 0) {
    const ssize_t got = recv(socket, data, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Gone("receive");
    data += got;
    size -= static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SendFrame(int socket, absl::string_view payload) {
  if (payload.size() > kMaxFrame) {
    return absl::ResourceExhaustedError(absl::StrCat("a frame of ", payload.size(), " bytes"));
  }
  const auto size = static_cast<uint32_t>(payload.size());
  char header[sizeof(size)];
  std::memcpy(header, &size, sizeof(size));
  if (absl::Status status = SendAll(socket, {header, sizeof(header)}); !status.ok()) return status;
  return SendAll(socket, payload);
}

absl::StatusOr<std::string> ReceiveFrame(int socket) {
  uint32_t size = 0;
  char header[sizeof(size)];
  if (absl::Status status = ReceiveAll(socket, header, sizeof(header)); !status.ok()) return status;
  std::memcpy(&size, header, sizeof(size));
  if (size > kMaxFrame) {
    return absl::ResourceExhaustedError(absl::StrCat("a frame of ", size, " bytes"));
  }
  std::string payload(size, '\0');
  if (absl::Status status = ReceiveAll(socket, payload.data(), size); !status.ok()) return status;
  return payload;
}

absl::Status SendReply(int socket, ReplyKind kind, absl::string_view payload) {
  return SendFrame(socket, absl::StrCat(std::string(1, static_cast<char>(kind)), payload));
}

absl::Status SendPart(int socket, ProbePart part) {
  return SendReply(socket, ReplyKind::kPart, std::string(1, static_cast<char>(part)));
}

absl::StatusOr<ProbeReply> ReceiveReply(int socket) {
  absl::StatusOr<std::string> frame = ReceiveFrame(socket);
  if (!frame.ok()) return frame.status();
  const absl::Status nonsense = absl::InvalidArgumentError("it sent what is no answer");
  if (frame->empty()) return nonsense;
  ProbeReply reply;
  reply.kind = static_cast<ReplyKind>(frame->front());
  switch (reply.kind) {
    case ReplyKind::kPart: {
      const uint8_t part = frame->size() == 2 ? static_cast<uint8_t>((*frame)[1]) : kProbeParts;
      if (part >= kProbeParts) return nonsense;
      reply.part = static_cast<ProbePart>(part);
      return reply;
    }
    case ReplyKind::kEvidence:
    case ReplyKind::kContainers:
      frame->erase(0, 1);
      reply.payload = *std::move(frame);
      return reply;
  }
  return nonsense;
}

std::string EncodeQuestion(const ProbeQuestion& question) {
  plegd::v1::ProbeRequest request;
  for (const WatchedObject& watched : question.watched) {
    plegd::v1::ProbeRequest::Watched& out = *request.add_watched();
    out.set_id(watched.object.id.value());
    out.set_pod_uid(watched.object.pod_uid.value());
    out.set_pod_namespace(watched.object.pod_namespace);
    out.set_pod_name(watched.object.pod_name);
    out.set_container(watched.object.container);
    out.set_image(watched.object.image);
    out.set_sandbox_id(watched.sandbox.value());
    out.set_listed_state(watched.listed_state);
    out.set_silent(watched.silent);
  }
  request.set_runtime_pid(question.runtime_pid.value_or(0));
  request.set_runtime_start_ticks(question.runtime_start_ticks);
  const NodeDirectories& directories = question.host.directories;
  request.mutable_runtime_roots()->Assign(directories.runtime_roots.begin(),
                                          directories.runtime_roots.end());
  request.mutable_kubelet_roots()->Assign(directories.kubelet_roots.begin(),
                                          directories.kubelet_roots.end());
  request.mutable_task_roots()->Assign(directories.task_roots.begin(),
                                       directories.task_roots.end());
  for (const ProbePart part : question.off) request.add_off(static_cast<uint32_t>(part));
  return request.SerializeAsString();
}

ProbeQuestion DecodeQuestion(absl::string_view bytes) {
  ProbeQuestion question;
  plegd::v1::ProbeRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return question;
  for (const plegd::v1::ProbeRequest::Watched& in : request.watched()) {
    WatchedObject watched;
    watched.object = {pleg::ContainerId(in.id()),
                      pleg::PodUid(in.pod_uid()),
                      in.pod_namespace(),
                      in.pod_name(),
                      in.container(),
                      in.image()};
    watched.sandbox = pleg::ContainerId(in.sandbox_id());
    watched.listed_state = in.listed_state();
    watched.silent = in.silent();
    question.watched.push_back(std::move(watched));
  }
  if (request.runtime_pid() > 0) question.runtime_pid = request.runtime_pid();
  question.runtime_start_ticks = request.runtime_start_ticks();
  NodeDirectories& directories = question.host.directories;
  directories.runtime_roots.assign(request.runtime_roots().begin(), request.runtime_roots().end());
  directories.kubelet_roots.assign(request.kubelet_roots().begin(), request.kubelet_roots().end());
  directories.task_roots.assign(request.task_roots().begin(), request.task_roots().end());
  for (const uint32_t part : request.off()) {
    if (part < kProbeParts) question.off.push_back(static_cast<ProbePart>(part));
  }
  question.host.listener = request.runtime_pid();
  question.host.listener_start_ticks = request.runtime_start_ticks();
  for (const WatchedObject& watched : question.watched) {
    if (question.host.silent.size() == kMaxSilent) break;
    if (!watched.silent) continue;
    question.host.silent.push_back(watched.object.id.value());
    const std::string& pod = watched.object.pod_uid.value();
    if (!pod.empty()) question.host.silent_pods.push_back(pod);
  }
  return question;
}

}  // namespace runtime::host
