// What was last reported of every pod beside what the runtime last listed, and which pods a listing
// changed.
//
//   for (PodRecord* record : records.Apply(listing)) …
//
// Listings are compared by the identity of their *Info objects: a decoder that hands out the same
// object for the same container makes an unchanged listing cost one lookup per item and no
// allocation. Other objects for the same container cost more, and yield the same result.

#ifndef PLEGD_PLEG_POD_RECORDS_H_
#define PLEGD_PLEG_POD_RECORDS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "pleg/ids.h"
#include "pleg/inspector.h"
#include "pleg/model.h"
#include "pleg/mono_time.h"

namespace pleg {

// One pod. Thread-compatible.
struct PodRecord {
  PodUid uid;
  std::string name;  // as last listed
  std::string pod_namespace;
  std::shared_ptr<const Pod> reported;  // what its events have told; null if nothing
  std::shared_ptr<const Pod> current;   // as last listed; null if it is not there

  // The inspection that is queued or under way for it; 0 if none. It is of `target`.
  uint64_t inspection = 0;
  std::shared_ptr<const Pod> target;
  MonoTime target_at;         // when `target` was last seen to be listed
  bool reinspection = false;  // that inspection was asked for whether or not anything changed
  MonoTime unsettled_since;   // see UnsettledPod; of a pod that is

  Trust trust = Trust::kNew;
  MonoTime retry_at;       // after a failure, unless the pod changes before
  absl::Duration backoff;  // the last one

 private:
  friend class PodRecords;
  MonoTime listed_at;  // of the last listing of this pod alone
  uint32_t rebuild_epoch = 0;
};

struct ListingCounts {
  size_t pods_ready = 0;
  size_t pods_notready = 0;
  size_t pods_no_sandbox = 0;
  size_t containers[4] = {};  // by ContainerState
  size_t sandboxes = 0;
};

// Confined to the core's thread.
class PodRecords {
 public:
  // Makes `listing` the current observation of every pod. Returns the records whose `current` is
  // now another object (also null), newest pod first; the pods that have gone come last.
  std::vector<PodRecord*> Apply(const Listing& listing);

  // The same for one pod, from a listing that was filtered for it; objects of other pods are
  // ignored. A listing without any object of the pod changes nothing: it may come from a runtime
  // that filters otherwise, and removal is for Apply to find. Returns the record if it changed,
  // else null.
  PodRecord* ApplyPod(const PodUid& uid, const Listing& listing);

  // Start of the latest listing, global or of this pod alone, that a listed pod was part of.
  MonoTime ListedAt(const PodRecord& record) const;

  // Null if unknown.
  PodRecord* Find(const PodUid& uid);
  // Invalidates the record.
  void Erase(const PodUid& uid);

  // The containers that run, in no particular order.
  std::vector<std::shared_ptr<const ContainerInfo>> RunningContainers() const;
  // Every pod as last listed, in no particular order.
  std::vector<std::shared_ptr<const Pod>> ListedPods() const;

  // Of the last Apply.
  const ListingCounts& counts() const { return counts_; }
  size_t size() const { return records_.size(); }

 private:
  struct Item {
    PodRecord* record;
    uint8_t state;
    uint32_t epoch;
  };

  PodRecord& FindOrCreate(const PodUid& uid);
  // Notes that this listing has the object; its record is to be rebuilt if it is new or changed.
  void Touch(const void* info, const PodUid& uid, uint8_t state);
  void MarkChanged(PodRecord* record);
  void SweepUntouched();
  void SweepUntouchedOf(const Pod& pod);
  // Builds `current` of the changed records out of the listing's items.
  void Rebuild(const Listing& listing);
  void Count(const Listing& listing);

  absl::flat_hash_map<PodUid, std::unique_ptr<PodRecord>> records_;
  // The objects of all `current` pods, which keep them alive.
  absl::flat_hash_map<const void*, Item> items_;
  std::vector<PodRecord*> changed_;
  uint32_t epoch_ = 0;
  size_t touched_ = 0;
  MonoTime listed_at_;
  ListingCounts counts_;
  bool pods_counted_ = true;  // no pod was rebuilt since they were
};

}  // namespace pleg

#endif  // PLEGD_PLEG_POD_RECORDS_H_
