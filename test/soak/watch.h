// What is looked at all the time while a plegd is tormented: its health in words, its diagnosis,
// its memory and its files.

#ifndef PLEGD_TEST_SOAK_WATCH_H_
#define PLEGD_TEST_SOAK_WATCH_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "test/process/plegd_process.h"

namespace plegd_testing {

// Of one process at one moment.
struct Resources {
  double resident_mb = 0;
  double files = 0;
  double threads = 0;
};

Resources MeasureResources(pid_t pid);

// Whether a quantity is flat: the median of the last third of its samples is not beyond that of the
// middle third by more than the margin. Empty if it is, or for less than nine samples.
std::string Growth(absl::string_view what, const std::vector<double>& samples, double margin);

// Thread-safe.
class Watch {
 public:
  // `plegd` must outlive this object; `threshold` as Go prints it.
  Watch(const PlegdProcess& plegd, std::string threshold);
  ~Watch();

  // While plegd is stopped it need not answer.
  void ExpectSilence(bool silent) { silent_ = silent; }

  // What may be diagnosed from now on, beside HEALTHY and STARTING.
  void AllowCodes(std::set<std::string> codes);
  // What was told first by the diagnoses since the last call, and by the last of them.
  std::set<std::string> TakeCodes();
  std::string last_code() const;

  // Since the last call: texts of health that no kubelet would write, and false alarms, at most a
  // few.
  std::vector<std::string> TakeProblems();
  uint64_t texts() const { return texts_; }
  uint64_t unhealthy_texts() const { return unhealthy_texts_; }
  uint64_t diagnoses() const { return diagnoses_; }
  // A sample every few seconds from the start on.
  std::vector<Resources> samples() const;

 private:
  void Run();
  void ReadHealth();
  void ReadDiagnosis();
  void Problem(std::string text);

  const PlegdProcess& plegd_;
  const std::string threshold_;
  std::vector<std::string> allowed_;
  std::atomic<bool> stop_ = false, silent_ = false;
  std::atomic<uint64_t> texts_ = 0, unhealthy_texts_ = 0, diagnoses_ = 0;
  mutable std::mutex mu_;
  std::vector<std::string> problems_;
  std::vector<Resources> samples_;
  std::set<std::string> allowed_codes_, told_codes_;
  std::string last_code_;
  std::thread thread_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_SOAK_WATCH_H_
