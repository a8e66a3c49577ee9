// One call on the server, from its acceptance to its end.

#ifndef PLEGD_RUNTIME_SIM_SIM_CALL_H_
#define PLEGD_RUNTIME_SIM_SIM_CALL_H_

#include <grpcpp/alarm.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "runtime/sim/cri_service.h"
#include "runtime/sim/fault_table.h"
#include "runtime/sim/rpc_loop.h"

namespace sim {

// accepted → read → (slow) → (held) → messages → status. At most one operation is under way at a
// time, besides the notice of the call's end. Destroyed by its loop after that notice, when none
// is. Confined to the loop's thread.
class SimCall {
 public:
  explicit SimCall(RpcLoop* loop);

  // Waits for a client to call.
  void Request();
  // Faults changed: a call that is held or slowed by one that is gone goes on.
  void Reexamine();
  // An event for the subscriber. When kQueue wait, the new one is dropped, as in CRI-O.
  void Push(const std::shared_ptr<const std::string>& event);

 private:
  static constexpr size_t kQueue = 1000;

  void OnAccepted(bool ok);
  void OnRead(bool ok);
  void OnAlarm(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool ok);
  void OnDone(bool ok);

  void Decide(bool first);
  void Act();
  void Hold();
  void Drop();
  void Answer();
  void Continue();
  void ActMidReply();
  void WriteNextEvent();
  void Subscribe();
  void Finish(const absl::Status& status);
  void Leave();  // May destroy this.
  const Fault* fault() const { return fault_.has_value() ? &fault_->fault : nullptr; }
  // An operation ended; true when nothing more is to be done, and this may be gone.
  bool IsEnded();

  RpcLoop* const loop_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  grpc::ByteBuffer request_bytes_;
  grpc::Alarm alarm_;
  MemberTag<SimCall, &SimCall::OnAccepted> accepted_tag_{this};
  MemberTag<SimCall, &SimCall::OnRead> read_tag_{this};
  MemberTag<SimCall, &SimCall::OnAlarm> alarm_tag_{this};
  MemberTag<SimCall, &SimCall::OnWritten> written_tag_{this};
  MemberTag<SimCall, &SimCall::OnFinished> finished_tag_{this};
  MemberTag<SimCall, &SimCall::OnDone> done_tag_{this};

  std::optional<CriRequest> request_;
  std::optional<FaultTable::Entry> fault_;
  CriReply reply_;
  size_t next_message_ = 0;
  uint64_t more_messages_ = 0;  // Of an endless list.
  std::deque<std::shared_ptr<const std::string>> events_;
  absl::StatusCode outcome_ = absl::StatusCode::kUnknown;
  bool busy_ = false;      // An operation is under way.
  bool sleeping_ = false;  // That operation is the alarm.
  bool held_ = false;
  bool subscribed_ = false;
  bool finished_ = false;  // The status is sent or being sent.
  bool done_ = false;      // The end was announced.
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_SIM_CALL_H_
