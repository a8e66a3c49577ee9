#include "api/node_messages.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "api/evidence_proto.h"
#include "api/evidence_values.h"
#include "pleg/utf8.h"

namespace api {
namespace {

using pleg::ToValidUtf8;

double Age(absl::Duration duration) { return Seconds(std::max(duration, absl::ZeroDuration())); }

void NameTarget(const pleg::ObjectNames& names, absl::string_view id, plegd::v1::CallTarget& out) {
  if (!id.empty()) TargetToProto(names.Find(id), out);
}

}  // namespace

void TimeToProto(absl::Time time, google::protobuf::Timestamp& out) {
  if (HasTimestamp(time)) SetTimestamp(time, out);
}

void RunningToProto(const pleg::RunningCall& call, const pleg::ObjectNames& names,
                    pleg::MonoTime now, plegd::v1::RunningCall& out) {
  out.set_method(std::string(call.method));
  NameTarget(names, call.target, *out.mutable_target());
  out.set_age_seconds(Age(now - call.started_at));
  out.set_remaining_seconds(Age(call.deadline - now));
}

void UnansweredToProto(const pleg::UnansweredTarget& row, const pleg::ObjectNames& names,
                       pleg::MonoTime now, plegd::v1::UnansweredTarget& out) {
  out.set_method(std::string(row.method));
  NameTarget(names, row.target, *out.mutable_target());
  out.set_age_seconds(Age(now - row.since));
  out.set_attempts(row.attempts);
  if (row.hanging_since.has_value()) out.set_hanging_seconds(Age(now - *row.hanging_since));
}

void MethodToProto(const pleg::CallHistory::Method& method, const pleg::ObjectNames& names,
                   const WallClock& clock, plegd::v1::MethodHistory& out) {
  out.set_method(std::string(method.name));
  out.set_ended(method.ended);
  out.set_failed(method.failed);
  out.set_median_seconds(Age(method.median));
  for (const pleg::CallHistory::Ended& call : method.slowest) {
    plegd::v1::EndedCall& ended = *out.add_slowest();
    NameTarget(names, call.target, *ended.mutable_target());
    TimeToProto(clock.At(call.ended_at), *ended.mutable_ended_at());
    ended.set_duration_seconds(Age(call.duration));
    ended.set_code(absl::StatusCodeToString(call.code));
  }
}

void RelistToProto(const pleg::RelistRing::Entry& entry, const WallClock& clock,
                   plegd::v1::Relist& out) {
  TimeToProto(clock.At(entry.started_at), *out.mutable_started_at());
  out.set_total_seconds(Age(entry.total));
  out.set_list_sandboxes_seconds(Age(entry.list_sandboxes));
  out.set_list_containers_seconds(Age(entry.list_containers));
  out.set_diff_seconds(Age(entry.diff));
  out.set_inspect_seconds(Age(entry.inspect));
  out.set_sandboxes(entry.sandboxes);
  out.set_containers(entry.containers);
  out.set_changed_pods(entry.changed_pods);
  out.set_list_sandboxes_bytes(entry.list_sandboxes_bytes);
  out.set_list_containers_bytes(entry.list_containers_bytes);
  if (entry.error != nullptr) out.set_error(ToValidUtf8(*entry.error));
}

void CountsToProto(const pleg::PlegSnapshot& core, plegd::v1::Counts& out) {
  auto count = [](size_t value) { return static_cast<uint32_t>(value); };
  out.set_pods(count(core.pods_ready + core.pods_notready + core.pods_no_sandbox));
  out.set_pods_ready(count(core.pods_ready));
  out.set_pods_notready(count(core.pods_notready));
  out.set_pods_without_sandbox(count(core.pods_no_sandbox));
  out.set_sandboxes(count(core.sandboxes));
  out.set_containers(count(core.containers_created + core.containers_running +
                           core.containers_exited + core.containers_unknown));
  out.set_containers_created(count(core.containers_created));
  out.set_containers_running(count(core.containers_running));
  out.set_containers_exited(count(core.containers_exited));
  out.set_containers_unknown(count(core.containers_unknown));
  out.set_inspections_running(count(core.inspections_running));
  out.set_pods_pending(count(core.pods_pending));
}

}  // namespace api
