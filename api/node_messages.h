// plegd's observations as messages of plegd.v1. Bytes that are not UTF-8 become U+FFFD; infinite
// durations are left out.
//
//   pleg::ObjectNames names(*view);   RunningToProto(call, names, now, *calls.add_running());

#ifndef PLEGD_API_NODE_MESSAGES_H_
#define PLEGD_API_NODE_MESSAGES_H_

#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"
#include "pleg/call_stats.h"
#include "pleg/diagnosis/gather.h"
#include "pleg/history/call_history.h"
#include "pleg/history/relist_ring.h"
#include "pleg/mono_time.h"
#include "pleg/observer.h"
#include "plegd/v1/calls.pb.h"
#include "plegd/v1/node.pb.h"
#include "plegd/v1/relists.pb.h"

namespace api {

// The moment on the wall clock as it is now.
struct WallClock {
  pleg::MonoTime now;
  absl::Time wall_now;

  absl::Time At(pleg::MonoTime time) const { return wall_now - (now - time); }
};

// To the microsecond; nothing for what the schema cannot hold.
void TimeToProto(absl::Time time, google::protobuf::Timestamp& out);

void RunningToProto(const pleg::RunningCall& call, const pleg::ObjectNames& names,
                    pleg::MonoTime now, plegd::v1::RunningCall& out);
void UnansweredToProto(const pleg::UnansweredTarget& row, const pleg::ObjectNames& names,
                       pleg::MonoTime now, plegd::v1::UnansweredTarget& out);
void MethodToProto(const pleg::CallHistory::Method& method, const pleg::ObjectNames& names,
                   const WallClock& clock, plegd::v1::MethodHistory& out);
void RelistToProto(const pleg::RelistRing::Entry& entry, const WallClock& clock,
                   plegd::v1::Relist& out);
void CountsToProto(const pleg::PlegSnapshot& core, plegd::v1::Counts& out);

}  // namespace api

#endif  // PLEGD_API_NODE_MESSAGES_H_
