// One random history of a runtime under the real core, judged at every step.
//
//   std::string wrong = RandomHistory(seed, activity).Run(150);

#ifndef PLEGD_TEST_MODEL_RANDOM_HISTORY_H_
#define PLEGD_TEST_MODEL_RANDOM_HISTORY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pleg/event_hub.h"
#include "pleg/event_queue.h"
#include "pleg/generic_pleg.h"
#include "pleg/pod_cache.h"
#include "pleg/testing/fake_runtime.h"
#include "pleg/testing/recording_observer.h"
#include "pleg/testing/sim_executor.h"
#include "test/model/event_oracle.h"
#include "test/model/truth_log.h"

namespace model {

// How much happened, over many histories: to see that they are not idle.
struct Activity {
  size_t events = 0;
  size_t pod_syncs = 0;
  size_t inspections = 0;
  size_t failed_inspections = 0;
  size_t discarded_inspections = 0;
  size_t failed_lists = 0;
  size_t pod_relists = 0;
  size_t answered_waiters = 0;
  size_t expired_waiters = 0;
};

// The world changes in any way but one: an object never comes back to a state, or to life under the
// same pod and ID, that it had before. What flips back between a list and a status is invisible to
// any relister, the kubelet's too. Confined to one thread.
class RandomHistory {
 public:
  // Adds what happens to `activity`, which outlives the history.
  RandomHistory(uint64_t seed, Activity& activity);
  ~RandomHistory();

  // Lets `ops` things happen, then takes all faults back and lets it settle. What went wrong, with
  // the history so far; empty if nothing did. Once only.
  std::string Run(size_t ops);

 private:
  static constexpr int kPods = 5;
  static constexpr absl::Duration kPeriod = absl::Seconds(1);

  class Observer;
  using Key = std::pair<std::string, std::string>;  // pod, object

  pleg::PlegOptions AnyOptions();

  // Draws.
  uint64_t Below(uint64_t n) { return random_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  absl::Duration Up(absl::Duration most);
  std::string AnyPod();
  std::optional<Key> AnyObject();
  std::string FreshId(const char* prefix, const std::string& uid);

  // What may happen.
  void Happen();
  void ChangeWorld();
  void AddSandbox();
  void AddContainer();
  void MoveObject();
  void Fault();
  void Recover();
  void Ask();
  void AskNewerThan();
  void RestartCore();
  void EditListing(pleg::Listing& listing, const std::optional<pleg::PodUid>& pod);
  void ClearFaults();
  void Op(std::string what);

  // The judgement.
  void OnFirstEvent();
  void OnInspectionEnd(pleg::InspectionResult result);
  void JudgeEvents(const std::vector<pleg::Event>& events);
  void JudgeAnswer(const std::string& uid, pleg::MonoTime min_time, pleg::MonoTime deadline,
                   const absl::StatusOr<pleg::CachedPod>& answer);
  void JudgeSettled();
  void JudgeReinspection();
  void JudgeQuiet();
  void JudgePod(const pleg::CachedPod& pod);
  // Notes `wrong` unless it is empty.
  void Wrong(const std::string& wrong);
  std::string Report() const;

  std::mt19937_64 random_;
  pleg::testing::SimExecutor executor_;
  pleg::testing::FakeRuntime runtime_;
  TruthLog truth_;
  EventOracle oracle_;
  pleg::PodCache cache_;
  pleg::EventHub hub_;
  std::unique_ptr<Observer> observer_;
  const pleg::PlegOptions options_;
  pleg::GenericPleg pleg_;
  std::shared_ptr<pleg::EventQueue> queue_;

  bool running_ = false;
  bool fresh_infos_ = false;
  bool doubled_items_ = false;
  int last_id_ = 0;
  std::set<Key> used_;
  std::map<Key, std::set<char>> visited_;
  std::vector<pleg::PodCache::WaiterId> waiters_;

  uint64_t last_seq_ = 0;
  std::set<Key> died_;
  std::set<Key> removed_;
  std::map<std::string, size_t> reasons_to_sync_;
  std::map<std::string, size_t> syncs_;
  using Statuses = std::map<std::string, std::shared_ptr<const pleg::PodStatus>>;
  Statuses last_status_;
  Statuses status_at_first_event_;  // of what the queue holds
  Activity& activity_;

  std::vector<std::string> ops_;
  std::vector<std::string> wrongs_;
};

}  // namespace model

#endif  // PLEGD_TEST_MODEL_RANDOM_HISTORY_H_
