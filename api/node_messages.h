// plegd's observations as messages of plegd.v1. Bytes that are not UTF-8 become U+FFFD; infinite
// durations are left out.
//
//   TargetNames names(*view);   RunningToProto(call, names, now, *calls.add_running());

#ifndef PLEGD_API_NODE_MESSAGES_H_
#define PLEGD_API_NODE_MESSAGES_H_

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"
#include "pleg/call_stats.h"
#include "pleg/history/call_history.h"
#include "pleg/history/relist_ring.h"
#include "pleg/mono_time.h"
#include "pleg/observer.h"
#include "pleg/pods_view.h"
#include "pleg/twin/twin_feed.h"
#include "plegd/v1/calls.pb.h"
#include "plegd/v1/node.pb.h"
#include "plegd/v1/relists.pb.h"

namespace api {

// Whose ids these are. Refers into the view, which outlives it. Thread-compatible.
class TargetNames {
 public:
  explicit TargetNames(const pleg::PodsView& view);
  // Names stay empty for an id that is not listed.
  void Fill(absl::string_view id, plegd::v1::CallTarget& out) const;

 private:
  struct Owner {
    const pleg::Pod* pod = nullptr;
    const pleg::ContainerInfo* container = nullptr;  // null for a sandbox
  };
  absl::flat_hash_map<absl::string_view, Owner> owners_;
};

// The moment on the wall clock as it is now.
struct WallClock {
  pleg::MonoTime now;
  absl::Time wall_now;

  absl::Time At(pleg::MonoTime time) const { return wall_now - (now - time); }
};

// To the microsecond; nothing for what the schema cannot hold.
void TimeToProto(absl::Time time, google::protobuf::Timestamp& out);

void RunningToProto(const pleg::RunningCall& call, const TargetNames& names, pleg::MonoTime now,
                    plegd::v1::RunningCall& out);
void UnansweredToProto(const pleg::UnansweredTarget& row, const TargetNames& names,
                       pleg::MonoTime now, plegd::v1::UnansweredTarget& out);
void MethodToProto(const pleg::CallHistory::Method& method, const TargetNames& names,
                   const WallClock& clock, plegd::v1::MethodHistory& out);
void RelistToProto(const pleg::RelistRing::Entry& entry, const WallClock& clock,
                   plegd::v1::Relist& out);
void CountsToProto(const pleg::PlegSnapshot& core, plegd::v1::Counts& out);
void TwinToProto(const pleg::GenerationReport& report, plegd::v1::KubeletTwin& out);

}  // namespace api

#endif  // PLEGD_API_NODE_MESSAGES_H_
