// A CRI v1 runtime behind a unix socket, as the core's RuntimeService.
//
//   CriRuntime runtime({.endpoint = endpoint}, executor, clock, observer, log);
//   runtime.Connect();
//   runtime.List(std::nullopt, [](absl::StatusOr<pleg::Listing> listing) { … });
//
// Read only by construction: it knows six RPCs, all of which read, and never asks for verbose
// replies. Replies are decoded on the transport's thread; the core's thread gets values.

#ifndef PLEGD_RUNTIME_CRI_RUNTIME_H_
#define PLEGD_RUNTIME_CRI_RUNTIME_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pleg/call_stats.h"
#include "pleg/executor.h"
#include "pleg/ids.h"
#include "pleg/log.h"
#include "pleg/model.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"
#include "pleg/runtime_service.h"
#include "pleg/runtime_state.h"
#include "runtime/byte_buffer.h"
#include "runtime/call_ledger.h"
#include "runtime/endpoint.h"
#include "runtime/grpc_status.h"
#include "runtime/handshake.h"
#include "runtime/list_budget.h"
#include "runtime/list_decoder.h"
#include "runtime/transport.h"

namespace runtime {

struct CriOptions {
  std::optional<Endpoint> endpoint{};                 // empty: told later, by Connect
  absl::Duration request_timeout = absl::Minutes(2);  // of each call; a List is two calls
  // Between a handshake that failed and the next.
  absl::Duration handshake_retry = absl::Seconds(1);
  // Of each list. What is more is not taken, and the last good state stays.
  ListBudget budget{};
  DecodeMode decode = DecodeMode::kProjected;
  // Ask for lists as streams, which the kubelet's limit does not end; for plain lists once the
  // runtime does not know them, until the next connection, on which it may be another.
  bool list_streaming = false;
};

// Confined to the core's thread, apart from Snapshot, Identity and Connected, which are
// thread-safe. A connection is kept up by itself; each new one begins with a handshake (CRI's
// Version), which only tells who the runtime is: no call waits for it.
class CriRuntime : public pleg::RuntimeService {
 public:
  using HandshakeCallback = absl::AnyInvocable<void(absl::StatusOr<pleg::RuntimeVersion>)>;
  using ConditionsCallback = absl::AnyInvocable<void(absl::StatusOr<pleg::RuntimeConditions>)>;

  // All references outlive the runtime. The executor need not run yet.
  CriRuntime(CriOptions options, pleg::Executor& executor, const pleg::Clock& clock,
             pleg::CallObserver& observer, pleg::Log& log);
  ~CriRuntime() override;  // shuts down
  CriRuntime(const CriRuntime&) = delete;
  CriRuntime& operator=(const CriRuntime&) = delete;

  // Begins to connect, to the endpoint of the options or to one that was found since. Called once,
  // on the core's thread or before it runs; until then every call fails with kUnavailable.
  void Connect();
  void Connect(Endpoint endpoint);
  // Ends every open call, its callback dropped unrun. Takes as long as the decoding of one reply,
  // whatever the runtime does. Idempotent; calls after it are dropped.
  void Shutdown();

  void List(std::optional<pleg::PodUid> pod, ListCallback done) override;
  void GetSandboxStatus(const pleg::SandboxInfo& sandbox, SandboxStatusCallback done) override;
  void GetContainerStatus(const pleg::ContainerInfo& container,
                          ContainerStatusCallback done) override;
  void ProbeContainer(const pleg::ContainerInfo& container, pleg::Promptness promptness,
                      ProbeCallback done) override;
  // Asks the runtime now who it is; callbacks as of the other calls.
  void Handshake(HandshakeCallback done);

  // CRI's Status, of which the kubelet keeps the two conditions. kInternal if the reply has no
  // status or fewer than two conditions, as the kubelet judges.
  void GetConditions(ConditionsCallback done);
  // Told of what happens, on the core's thread. Set before Connect; may be empty.
  struct Listeners {
    // Every connection made and lost, and the first that could not be made; `reason` for a person,
    // empty if unknown.
    std::function<void(bool connected, absl::string_view reason)> connection{};
    // Every outcome of Version.
    std::function<void(const absl::StatusOr<pleg::RuntimeVersion>&)> identity{};
    // Every outcome of a list of everything, before its callback.
    std::function<void(const absl::Status&)> list{};
  };
  void Listen(Listeners listeners) { listeners_ = std::move(listeners); }

  // Tries to connect now: the socket has just appeared.
  void ResetConnectionBackoff() {
    if (transport_.has_value()) transport_->ResetConnectionBackoff();
  }

  const ListBudget& budget() const { return options_.budget; }
  pleg::CallSnapshot Snapshot() const { return ledger_.Snapshot(); }
  // Of the last handshake that succeeded, also while disconnected; kUnavailable before the first,
  // or why the last one failed.
  absl::StatusOr<pleg::RuntimeVersion> Identity() const;
  bool Connected() const;

 private:
  struct ListOp;
  using Bytes = absl::StatusOr<ReplyBody>;
  using OnBytes = absl::AnyInvocable<void(Bytes)>;
  template <typename T>
  using Open = absl::flat_hash_map<uint64_t, absl::AnyInvocable<void(T)>>;

  using CheckBytes = absl::AnyInvocable<absl::Status(const ReplyBody&)>;

  // Which call on what.
  struct Subject {
    const CriMethod& method;
    absl::string_view kind{};  // outlives the call
    std::string target{};
  };
  // One call, entered in the ledger. `done` runs on the transport's thread. A reply that `check`
  // refuses is no good answer: to the ledger, to the metrics and to `done` it is that error.
  // With `on_message` it is a stream, and `done` gets an empty body.
  void Call(Subject subject, absl::string_view request, OnBytes done, CheckBytes check = nullptr,
            Transport::MessageCallback on_message = nullptr);
  // One call whose reply is one value, brought to the core's thread.
  template <typename T>
  void CallOne(Open<T>& open, const Subject& subject, absl::string_view request,
               absl::AnyInvocable<std::type_identity_t<T>(const ReplyBody& reply)> decode,
               absl::AnyInvocable<void(std::type_identity_t<T>)> done);
  // A reply that was refused, or a good one. Transport's thread.
  void NoteReply(const CallSubject& subject, const absl::Status& worth);
  // A status of which not all is kept is logged, once for each object. Transport's thread.
  void NoteTruncation(const CriMethod& method, const pleg::ContainerId& id, size_t reply_bytes,
                      bool truncated);
  // Keeps `done` for the answer that Answer brings. Core's thread.
  template <typename T>
  uint64_t Expect(Open<T>& open, absl::AnyInvocable<void(T)> done);
  // Brings `answer` to the core's thread and runs its callback, unless shut down. Any thread.
  template <typename T>
  void Answer(Open<T>& open, uint64_t id, T answer) {
    executor_.Post(AnswerTask(open, id, std::move(answer)));
  }
  template <typename T>
  pleg::Executor::Task AnswerTask(Open<T>& open, uint64_t id, T answer);

  // One list, as a stream if that is possible, which `receiver`, a part of `op`, decodes as it
  // comes. `done` runs on the transport's thread.
  template <typename Receiver>
  void CallList(const std::shared_ptr<ListOp>& op, const CriMethod& stream, const CriMethod& unary,
                Receiver& receiver, const std::string& request, OnBytes done);

  // Transport's thread.
  void OnSandboxes(const std::shared_ptr<ListOp>& op, Bytes reply);
  void OnContainers(const std::shared_ptr<ListOp>& op, Bytes reply);
  // Notes how large a list of everything was, or that it was too large.
  template <typename Receiver>
  void NoteSize(const CriMethod& method, const Receiver& receiver, bool good);
  void ForgetRemovedTargets();
  void OnConnection(bool connected);
  void StartHandshake();
  // Asks for Version; `done` runs on the transport's thread.
  void CallVersion(absl::AnyInvocable<void(const absl::StatusOr<pleg::RuntimeVersion>&)> done);
  void OnVersion(const absl::StatusOr<pleg::RuntimeVersion>& identity);
  void RetryHandshakeLater();

  const CriOptions options_;
  pleg::Executor& executor_;
  const pleg::Clock& clock_;
  pleg::CallObserver& observer_;
  pleg::Log& log_;
  CallLedger ledger_;

  // Core's thread.
  bool shut_down_ = false;
  uint64_t last_id_ = 0;
  Open<absl::StatusOr<pleg::Listing>> lists_;
  Open<absl::StatusOr<std::shared_ptr<const pleg::SandboxStatus>>> sandbox_statuses_;
  Open<absl::StatusOr<std::shared_ptr<const pleg::ContainerStatus>>> container_statuses_;
  Open<pleg::MonoTime> probes_;
  Open<absl::StatusOr<pleg::RuntimeVersion>> handshakes_;
  Open<absl::StatusOr<pleg::RuntimeConditions>> conditions_;
  Listeners listeners_;
  pleg::Executor::TimerId handshake_timer_ = 0;
  // Dies with this object: what is posted later finds it gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  // Until the runtime says that it does not know it; anew with each connection.
  std::atomic<bool> streaming_;

  // Transport's thread.
  SandboxListDecoder sandbox_decoder_;
  ContainerListDecoder container_decoder_;
  uint64_t connection_number_ = 0;
  absl::flat_hash_set<absl::string_view> large_lists_;  // methods whose last list was large
  // Whose replies were refused last, by method and object; told of once.
  absl::flat_hash_set<std::pair<std::string, std::string>> refused_;
  absl::flat_hash_set<pleg::ContainerId> truncated_;  // told of

  mutable pleg::Mutex mu_;
  bool connected_ ABSL_GUARDED_BY(mu_) = false;
  absl::StatusOr<pleg::RuntimeVersion> identity_ ABSL_GUARDED_BY(mu_);

  Endpoint endpoint_{""};               // written before there is a transport
  std::optional<Transport> transport_;  // last: its callbacks use all of the above
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_CRI_RUNTIME_H_
