// A CallObserver that remembers what it was told.

#ifndef PLEGD_RUNTIME_TESTING_RECORDING_OBSERVER_H_
#define PLEGD_RUNTIME_TESTING_RECORDING_OBSERVER_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "pleg/call_stats.h"
#include "pleg/mutex.h"

namespace runtime::testing {

// Thread-safe.
class RecordingObserver : public pleg::CallObserver {
 public:
  using InvalidItems = std::map<std::pair<std::string, std::string>, int>;  // (method, reason)

  void OnCallEnd(const pleg::CallRecord& call) override {
    pleg::MutexLock lock(mu_);
    calls_.push_back(call);
  }
  void OnInvalidItem(absl::string_view method, absl::string_view reason) override {
    pleg::MutexLock lock(mu_);
    ++invalid_[{std::string(method), std::string(reason)}];
  }

  std::vector<pleg::CallRecord> calls() const {
    pleg::MutexLock lock(mu_);
    return calls_;
  }
  InvalidItems invalid() const {
    pleg::MutexLock lock(mu_);
    return invalid_;
  }

 private:
  mutable pleg::Mutex mu_;
  std::vector<pleg::CallRecord> calls_ ABSL_GUARDED_BY(mu_);
  InvalidItems invalid_ ABSL_GUARDED_BY(mu_);
};

}  // namespace runtime::testing

#endif  // PLEGD_RUNTIME_TESTING_RECORDING_OBSERVER_H_
