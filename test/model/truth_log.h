// Which state every object has been in, and when: to judge whether an answer is as fresh as it
// claims.
//
//   truth.Update(runtime, now);  …  truth.Stale("pod", answered_states, min_time);

#ifndef PLEGD_TEST_MODEL_TRUTH_LOG_H_
#define PLEGD_TEST_MODEL_TRUTH_LOG_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/mono_time.h"
#include "pleg/testing/fake_runtime.h"
#include "test/model/event_oracle.h"

namespace model {

// States as EventOracle's letters. Thread-compatible.
class TruthLog {
 public:
  using States = std::map<std::string, char>;  // by ID

  // What `runtime` says at `now`. To be called after every change.
  void Update(const pleg::testing::FakeRuntime& runtime, pleg::MonoTime now) {
    std::map<std::string, States> states;
    for (const auto& s : runtime.sandboxes()) {
      states[s->info->pod_uid.value()][s->info->id.value()] = Letter(s->status.state);
    }
    for (const auto& c : runtime.containers()) {
      states[c->info->pod_uid.value()][c->info->id.value()] = Letter(c->status.state);
    }
    for (const auto& [uid, objects] : states) {
      for (const auto& [id, state] : objects) log_[uid].try_emplace(id);
    }
    for (auto& [uid, objects] : log_) {
      for (auto& [id, log] : objects) {
        auto object = states[uid].find(id);
        const char state = object == states[uid].end() ? '-' : object->second;
        if (log.back().second != state) log.emplace_back(now, state);
      }
    }
    states_ = std::move(states);
  }

  // Of the objects of a pod that are there now.
  States Now(const std::string& uid) const {
    auto it = states_.find(uid);
    return it == states_.end() ? States() : it->second;
  }

  // What of `states` (an object that is missing: '-') has not been true at or after `min_time`.
  // Empty if all has.
  std::string Stale(const std::string& uid, const States& states, pleg::MonoTime min_time) const {
    auto pod = log_.find(uid);
    if (pod == log_.end()) return states.empty() ? "" : "a pod that never was";
    for (const auto& [id, log] : pod->second) {
      auto it = states.find(id);
      const char state = it == states.end() ? '-' : it->second;
      bool held = false;
      for (size_t i = 0; i < log.size(); ++i) {
        const bool lasted = i + 1 == log.size() || log[i + 1].first >= min_time;
        held |= lasted && log[i].second == state;
      }
      if (!held) return absl::StrCat(id, " was '", std::string(1, state), "' only before");
    }
    return "";
  }

 private:
  // (since, state), oldest first.
  struct Log : std::vector<std::pair<pleg::MonoTime, char>> {
    Log() { emplace_back(pleg::MonoTime(), '-'); }
  };

  std::map<std::string, std::map<std::string, Log>> log_;  // by pod, then object
  std::map<std::string, States> states_;
};

}  // namespace model

#endif  // PLEGD_TEST_MODEL_TRUTH_LOG_H_
