// What must hold of the events, whatever the core does inside: each batch of a pod's events is
// exactly the step from a listing that may already be reported to a later listing that it belongs
// to.
//
//   oracle.OnListing(listing, pod);  …  oracle.OnInspected(uid, timestamp, events);

#ifndef PLEGD_TEST_MODEL_EVENT_ORACLE_H_
#define PLEGD_TEST_MODEL_EVENT_ORACLE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pleg/event.h"
#include "pleg/ids.h"
#include "pleg/model.h"
#include "pleg/mono_time.h"

namespace model {

// States as letters: 'R'unning, 'E'xited, 'U'nknown (created, too), '-' not there.
char Letter(pleg::ContainerState state);
char Letter(pleg::SandboxState state);

// Keeps, of each pod, every listing that differed from the one before, and which of them the events
// so far may have reported. Every check answers what is wrong; empty if nothing is.
// Thread-compatible.
class EventOracle {
 public:
  // The core is given this listing, of everything or filtered for one pod.
  void OnListing(const pleg::Listing& listing, const std::optional<pleg::PodUid>& pod);

  // An inspection of a listing begun at `timestamp` succeeded and sent `events`.
  std::string OnInspected(const std::string& uid, pleg::MonoTime timestamp,
                          const std::vector<pleg::Event>& events);
  // The pod left, with `events`.
  std::string OnGone(const std::string& uid, const std::vector<pleg::Event>& events);

  // Whether the last listing has the pod.
  bool Listed(const std::string& uid) const;
  // Whether the events lead to every pod's last listing.
  std::string CheckAllReported() const;

 private:
  using Item = std::pair<std::string, char>;
  // One pod in one or more equal listings, in the kubelet's order.
  struct Seen {
    std::vector<Item> containers;
    std::vector<Item> sandboxes;
    std::set<int64_t> listed_at;

    bool Same(const Seen& other) const {
      return containers == other.containers && sandboxes == other.sandboxes;
    }
    bool empty() const { return containers.empty() && sandboxes.empty(); }
  };
  struct PodHistory {
    std::vector<Seen> seen = {Seen()};  // the first: not there
    std::set<size_t> reported = {0};    // indexes into `seen`
  };
  using Sent = std::vector<std::pair<pleg::EventType, std::string>>;

  static Sent Step(const Seen& from, const Seen& to);
  static Sent Plain(const std::vector<pleg::Event>& events);
  template <typename Allowed>
  std::string Advance(const std::string& uid, const std::vector<pleg::Event>& events,
                      Allowed allowed);

  std::map<std::string, PodHistory> pods_;
};

}  // namespace model

#endif  // PLEGD_TEST_MODEL_EVENT_ORACLE_H_
