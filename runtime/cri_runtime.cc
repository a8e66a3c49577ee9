#include "runtime/cri_runtime.h"

#include <malloc.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "pleg/status_size.h"
#include "pleg/utf8.h"
#include "runtime/byte_buffer.h"
#include "runtime/convert.h"
#include "runtime/cri_methods.h"
#include "runtime/lenient_parse.h"
#include "runtime/list_receiver.h"
#include "runtime/status_reply.h"
#include "runtime/v1/api.pb.h"

namespace runtime {
namespace {

// A list of that size is far from usual.
constexpr size_t kLargeListBytes = size_t{8} << 20;
// Objects with bad replies that are remembered; beyond it all are told again.
constexpr size_t kMaxRefused = 1000;

template <typename Request>
std::string ListRequestBytes(const std::optional<pleg::PodUid>& pod) {
  Request request;
  request.mutable_filter();  // the kubelet sends an empty filter, not none
  if (pod.has_value()) {
    (*request.mutable_filter()->mutable_label_selector())[std::string(kPodUidLabel)] = pod->value();
  }
  return request.SerializeAsString();
}

std::string ContainerStatusRequestBytes(const pleg::ContainerId& id) {
  v1::ContainerStatusRequest request;
  request.set_container_id(id.value());
  return request.SerializeAsString();
}

}  // namespace

struct CriRuntime::ListOp {
  ListOp(CriRuntime& runtime, std::optional<pleg::PodUid> of_pod)
      : pod(std::move(of_pod)),
        sandboxes(runtime.sandbox_decoder_, runtime.options_.budget, pod),
        containers(runtime.container_decoder_, runtime.options_.budget, pod) {}

  uint64_t id = 0;
  const std::optional<pleg::PodUid> pod;
  pleg::Listing listing;
  pleg::MonoTime sent_at;       // the call that is out
  absl::Status sandbox_damage;  // found while the second call was out
  bool streamed = false;        // the call that is out
  ListReceiver<SandboxListDecoder> sandboxes;
  ListReceiver<ContainerListDecoder> containers;
};

CriRuntime::CriRuntime(CriOptions options, pleg::Executor& executor, const pleg::Clock& clock,
                       pleg::CallObserver& observer, pleg::Log& log)
    : options_(std::move(options)),
      executor_(executor),
      clock_(clock),
      observer_(observer),
      log_(log),
      ledger_(clock, observer),
      streaming_(options_.list_streaming),
      sandbox_decoder_(observer, log, options_.decode),
      container_decoder_(observer, log, options_.decode),
      identity_(absl::UnavailableError("the runtime has not answered yet")) {
  DiscardProtobufLog();
}

CriRuntime::~CriRuntime() { Shutdown(); }

void CriRuntime::Connect() {
  if (options_.endpoint.has_value()) Connect(*options_.endpoint);
}

void CriRuntime::Connect(Endpoint endpoint) {
  if (shut_down_ || transport_.has_value()) return;
  endpoint_ = std::move(endpoint);
  transport_.emplace(
      Transport::Options{.target = endpoint_.GrpcTarget(), .max_list_bytes = options_.budget.bytes},
      [this](bool connected) { OnConnection(connected); });
  transport_->Connect();
}

void CriRuntime::Shutdown() {
  if (shut_down_) return;
  shut_down_ = true;
  if (transport_.has_value()) transport_->Shutdown();
  executor_.Cancel(handshake_timer_);
  lists_.clear();
  sandbox_statuses_.clear();
  container_statuses_.clear();
  probes_.clear();
  handshakes_.clear();
  conditions_.clear();
}

template <typename T>
uint64_t CriRuntime::Expect(Open<T>& open, absl::AnyInvocable<void(T)> done) {
  const uint64_t id = ++last_id_;
  open.emplace(id, std::move(done));
  return id;
}

template <typename T>
pleg::Executor::Task CriRuntime::AnswerTask(Open<T>& open, uint64_t id, T answer) {
  return [&open, id, answer = std::move(answer), alive = std::weak_ptr<bool>(alive_)]() mutable {
    if (alive.expired()) return;
    auto node = open.extract(id);
    if (!node.empty()) node.mapped()(std::move(answer));
  };
}

void CriRuntime::Call(Subject subject, absl::string_view request, OnBytes done, CheckBytes check,
                      Transport::MessageCallback on_message) {
  if (!transport_.has_value()) {
    absl::Status status = absl::UnavailableError("no container runtime has been found yet");
    MarkUnanswered(status);
    return done(status);
  }
  const CriMethod& method = subject.method;
  const CallLedger::Id id =
      ledger_.Open(method.name, subject.target, clock_.Now() + options_.request_timeout);
  auto on_reply = [this, id, subject = std::move(subject), check = std::move(check),
                   done = std::move(done)](Transport::Reply&& reply) mutable {
    const CallSubject call{.method = subject.method.name,
                           .kind = subject.kind,
                           .target = subject.target,
                           .max_reply_bytes = subject.method.is_list
                                                  ? options_.budget.bytes
                                                  : Transport::Options::kMaxReplyBytes};
    absl::Status status = MapStatus(reply.status, call);
    if (!reply.answered) MarkUnanswered(status);
    if (status.ok() && check != nullptr) {
      status = check(reply.body);
      NoteReply(call, status);
    }
    ledger_.Close(id, {.code = status.code(),
                       .answered = reply.answered,
                       .response_bytes = status.ok() ? reply.body.Length() : 0,
                       .text = reply.status.ok() ? pleg::ToValidUtf8(status.message())
                                                 : TextOf(reply.status)});
    done(status.ok() ? Bytes(std::move(reply.body)) : Bytes(status));
  };
  if (on_message != nullptr) {
    transport_->StartStream(method, request, options_.request_timeout, std::move(on_message),
                            std::move(on_reply));
  } else {
    transport_->Start(method, request, options_.request_timeout, std::move(on_reply));
  }
}

void CriRuntime::NoteReply(const CallSubject& subject, const absl::Status& worth) {
  if (worth.ok() && refused_.empty()) return;
  std::pair<std::string, std::string> key(subject.method, subject.target);
  if (worth.ok()) {
    refused_.erase(key);
    return;
  }
  observer_.OnInvalidItem(subject.method, "damaged_reply");
  if (refused_.size() >= kMaxRefused) refused_.clear();
  if (!refused_.insert(std::move(key)).second) return;
  log_.Write(pleg::LogLevel::kError, "a reply of the container runtime cannot be used",
             {{"method", std::string(subject.method), true},
              {"object", std::string(subject.target), true},
              {"error", std::string(worth.message())}});
}

void CriRuntime::NoteTruncation(const CriMethod& method, const pleg::ContainerId& id,
                                size_t reply_bytes, bool truncated) {
  if (!truncated || truncated_.contains(id)) return;
  if (truncated_.size() >= kMaxRefused) truncated_.clear();
  truncated_.insert(id);
  log_.Write(pleg::LogLevel::kWarning, "a part of a status is not kept: it is too large",
             {{"method", std::string(method.name), true},
              {"object", id.value(), true},
              {"reply_bytes", absl::StrCat(reply_bytes), true},
              {"kept_bytes", absl::StrCat(pleg::kMaxStatusBytes)}});
}

template <typename T>
void CriRuntime::CallOne(Open<T>& open, const Subject& subject, absl::string_view request,
                         absl::AnyInvocable<std::type_identity_t<T>(const ReplyBody&)> decode,
                         absl::AnyInvocable<void(std::type_identity_t<T>)> done) {
  if (shut_down_) return;
  const uint64_t id = Expect(open, std::move(done));
  auto value = std::make_shared<T>();
  auto check = [value, decode = std::move(decode)](const ReplyBody& body) mutable {
    *value = decode(body);
    return value->status();
  };
  auto deliver = [this, &open, id, value](const Bytes& reply) {
    Answer(open, id, reply.ok() ? std::move(*value) : T(reply.status()));
  };
  Call(subject, request, std::move(deliver), std::move(check));
}

template <typename Receiver>
void CriRuntime::CallList(const std::shared_ptr<ListOp>& op, const CriMethod& stream,
                          const CriMethod& unary, Receiver& receiver, const std::string& request,
                          OnBytes done) {
  op->streamed = streaming_.load(std::memory_order_relaxed);
  if (!op->streamed) return Call({unary}, request, std::move(done));
  auto on_message = [op, &receiver](ReplyBody message) {
    return receiver.OnMessage(std::move(message));
  };
  auto on_end = [this, op, &receiver, &unary, request, done = std::move(done)](Bytes end) mutable {
    if (!absl::IsUnimplemented(end.status()) || receiver.begun()) return done(std::move(end));
    op->streamed = false;
    auto on_plain = [this, done = std::move(done)](Bytes plain) mutable {
      // A server that knows neither is a runtime that starts: it may know both in a moment.
      if (plain.ok()) streaming_.store(false, std::memory_order_relaxed);
      done(std::move(plain));
    };
    Call({unary}, request, std::move(on_plain));
  };
  Call({stream}, request, std::move(on_end), nullptr, std::move(on_message));
}

template <typename Receiver>
void CriRuntime::NoteSize(const CriMethod& method, const Receiver& receiver, bool good) {
  if (good) {
    ledger_.SetListSize(method.name, receiver.bytes(), receiver.makeup());
  } else if (receiver.excess().has_value()) {
    observer_.OnInvalidItem(method.name, "too_large");
    ledger_.SetListExcess(method.name, *receiver.excess());
  }
  // What a list of that size has used is not used again soon, and is spread over the heap.
  const bool was_large = large_lists_.erase(method.name) > 0;
  const bool is_large = receiver.bytes() > kLargeListBytes;
  if (is_large) large_lists_.insert(method.name);
  if (receiver.excess().has_value() || (was_large && !is_large)) malloc_trim(0);
}

void CriRuntime::List(std::optional<pleg::PodUid> pod, ListCallback done) {
  if (shut_down_) return;
  auto op = std::make_shared<ListOp>(*this, std::move(pod));
  if (!op->pod.has_value()) {
    done = [this, done = std::move(done)](absl::StatusOr<pleg::Listing> listing) mutable {
      if (listeners_.list) listeners_.list(listing.status());
      done(std::move(listing));
    };
  }
  op->id = Expect(lists_, std::move(done));
  op->sent_at = clock_.Now();
  op->listing.started_at = op->sent_at;
  CallList(op, kStreamPodSandboxes, kListPodSandbox, op->sandboxes,
           ListRequestBytes<v1::ListPodSandboxRequest>(op->pod),
           [this, op](Bytes reply) { OnSandboxes(op, std::move(reply)); });
}

void CriRuntime::OnSandboxes(const std::shared_ptr<ListOp>& op, Bytes reply) {
  op->listing.list_sandboxes_took = clock_.Now() - op->sent_at;
  // The next call is under way while this reply is decoded; its answer comes to this thread, later.
  // What is left to do of a stream is little, and of a failure nothing.
  absl::StatusOr<std::vector<pleg::ListedSandbox>> sandboxes;
  const bool later = reply.ok() && !op->streamed;
  if (!later) {
    sandboxes = op->sandboxes.Finish(std::move(reply));
    if (!op->pod.has_value()) NoteSize(kListPodSandbox, op->sandboxes, sandboxes.ok());
    if (!sandboxes.ok()) {
      return Answer(lists_, op->id, absl::StatusOr<pleg::Listing>(sandboxes.status()));
    }
  }
  op->sent_at = clock_.Now();
  CallList(op, kStreamContainers, kListContainers, op->containers,
           ListRequestBytes<v1::ListContainersRequest>(op->pod),
           [this, op](Bytes containers) { OnContainers(op, std::move(containers)); });
  if (later) {
    sandboxes = op->sandboxes.Finish(std::move(reply));
    if (!op->pod.has_value()) NoteSize(kListPodSandbox, op->sandboxes, sandboxes.ok());
  }
  op->sandbox_damage = sandboxes.status();
  // Told when the call that is out has ended: one list at a time.
  if (!op->sandbox_damage.ok()) return;
  op->listing.list_sandboxes_bytes = op->sandboxes.bytes();
  op->listing.sandboxes = *std::move(sandboxes);
  op->containers.TakeFromBudget(op->listing.sandboxes.size());
}

void CriRuntime::OnContainers(const std::shared_ptr<ListOp>& op, Bytes reply) {
  op->listing.list_containers_took = clock_.Now() - op->sent_at;
  if (!op->sandbox_damage.ok()) {
    (void)op->containers.Finish(op->sandbox_damage);
    return Answer(lists_, op->id, absl::StatusOr<pleg::Listing>(op->sandbox_damage));
  }
  absl::StatusOr<std::vector<pleg::ListedContainer>> containers =
      op->containers.Finish(std::move(reply));
  if (!op->pod.has_value()) NoteSize(kListContainers, op->containers, containers.ok());
  if (!containers.ok()) {
    return Answer(lists_, op->id, absl::StatusOr<pleg::Listing>(containers.status()));
  }
  op->listing.containers = *std::move(containers);
  op->listing.list_containers_bytes = op->containers.bytes();
  if (!op->pod.has_value()) ForgetRemovedTargets();
  Answer(lists_, op->id, absl::StatusOr<pleg::Listing>(std::move(op->listing)));
}

void CriRuntime::ForgetRemovedTargets() {
  for (const std::string& target : ledger_.RowTargets()) {
    const pleg::ContainerId id(target);
    if (!sandbox_decoder_.Knows(id) && !container_decoder_.Knows(id)) ledger_.Forget(target);
  }
}

void CriRuntime::GetSandboxStatus(const pleg::SandboxInfo& sandbox, SandboxStatusCallback done) {
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(sandbox.id.value());
  auto decode = [this, id = sandbox.id](const ReplyBody& reply) {
    absl::StatusOr<SandboxStatusPtr> status = DecodeSandboxStatus(reply, id);
    if (status.ok()) NoteTruncation(kPodSandboxStatus, id, reply.Length(), (*status)->truncated);
    return status;
  };
  CallOne(sandbox_statuses_, {kPodSandboxStatus, "sandbox", sandbox.id.value()},
          request.SerializeAsString(), std::move(decode), std::move(done));
}

void CriRuntime::GetContainerStatus(const pleg::ContainerInfo& container,
                                    ContainerStatusCallback done) {
  auto decode = [this, id = container.id, sandbox = container.sandbox_id](const ReplyBody& reply) {
    absl::StatusOr<ContainerStatusPtr> status = DecodeContainerStatus(reply, id, sandbox);
    if (status.ok()) NoteTruncation(kContainerStatus, id, reply.Length(), (*status)->truncated);
    return status;
  };
  CallOne(container_statuses_, {kContainerStatus, "container", container.id.value()},
          ContainerStatusRequestBytes(container.id), std::move(decode), std::move(done));
}

void CriRuntime::ProbeContainer(const pleg::ContainerInfo& container, pleg::Promptness promptness,
                                ProbeCallback done) {
  if (shut_down_) return;
  const uint64_t id = Expect(probes_, std::move(done));
  auto check = [id = container.id, sandbox = container.sandbox_id](const ReplyBody& body) {
    return DecodeContainerStatus(body, id, sandbox).status();
  };
  auto tell = [this, id, promptness](const Bytes&) {
    pleg::Executor::Task answer = AnswerTask(probes_, id, clock_.Now());
    if (promptness == pleg::Promptness::kAtOnce) return executor_.Post(std::move(answer));
    executor_.PostQuietly(std::move(answer));
  };
  Call({kContainerStatus, "container", container.id.value()},
       ContainerStatusRequestBytes(container.id), std::move(tell), std::move(check));
}

void CriRuntime::Handshake(HandshakeCallback done) {
  if (shut_down_) return;
  const uint64_t id = Expect(handshakes_, std::move(done));
  CallVersion([this, id](const absl::StatusOr<pleg::RuntimeVersion>& identity) {
    Answer(handshakes_, id, identity);
  });
}

void CriRuntime::CallVersion(
    absl::AnyInvocable<void(const absl::StatusOr<pleg::RuntimeVersion>&)> done) {
  auto identity = std::make_shared<absl::StatusOr<pleg::RuntimeVersion>>();
  auto check = [identity](const ReplyBody& body) {
    *identity = CheckVersionReply(FlatReply(body).view());
    return identity->status();
  };
  auto deliver = [this, identity, done = std::move(done)](const Bytes& reply) mutable {
    if (!reply.ok()) *identity = reply.status();
    OnVersion(*identity);
    done(*identity);
  };
  Call({kVersion}, VersionRequestBytes(), std::move(deliver), std::move(check));
}

void CriRuntime::GetConditions(ConditionsCallback done) {
  CallOne(conditions_, {kStatus}, v1::StatusRequest().SerializeAsString(), DecodeConditions,
          std::move(done));
}

void CriRuntime::OnConnection(bool connected) {
  {
    pleg::MutexLock lock(mu_);
    connected_ = connected;
  }
  std::string reason;
  if (!connected) {
    const absl::Status socket = CheckSocket(endpoint_.path());
    if (!socket.ok()) reason = std::string(socket.message());
    if (socket.ok() && connection_number_ > 0) reason = "the connection has ended";
  }
  executor_.Post([this, connected, reason, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired() || shut_down_ || !listeners_.connection) return;
    listeners_.connection(connected, reason);
  });
  if (connected) {
    ++connection_number_;
    streaming_.store(options_.list_streaming, std::memory_order_relaxed);
  }
  log_.Write(
      pleg::LogLevel::kDebug,
      connected ? "connected to the container runtime" : "no connection to the container runtime",
      {{"endpoint", endpoint_.Url()},
       {"connection", absl::StrCat(connection_number_), true},
       {"reason", reason}});
  if (connected) StartHandshake();
}

void CriRuntime::StartHandshake() {
  CallVersion([this, connection = connection_number_](const auto& identity) {
    const bool stale = connection != connection_number_;
    if (identity.ok() && !stale) ledger_.HideIdle();
    if (!identity.ok() && !stale && Connected()) RetryHandshakeLater();
  });
}

void CriRuntime::OnVersion(const absl::StatusOr<pleg::RuntimeVersion>& identity) {
  {
    pleg::MutexLock lock(mu_);
    // A call that got no answer says nothing of who is there.
    if (identity.ok() || WasAnswered(identity.status()) || !identity_.ok()) identity_ = identity;
  }
  executor_.Post([this, identity, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired() || shut_down_ || !listeners_.identity) return;
    listeners_.identity(identity);
  });
}

void CriRuntime::RetryHandshakeLater() {
  executor_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired() || shut_down_) return;
    executor_.Cancel(handshake_timer_);
    handshake_timer_ = executor_.PostAt(clock_.Now() + options_.handshake_retry, [this, alive] {
      if (alive.expired() || shut_down_ || !Connected()) return;
      Handshake([this](const absl::StatusOr<pleg::RuntimeVersion>& identity) {
        if (!identity.ok()) RetryHandshakeLater();
      });
    });
  });
}

absl::StatusOr<pleg::RuntimeVersion> CriRuntime::Identity() const {
  pleg::MutexLock lock(mu_);
  return identity_;
}

bool CriRuntime::Connected() const {
  pleg::MutexLock lock(mu_);
  return connected_;
}

}  // namespace runtime
