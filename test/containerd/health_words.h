// The kubelet's words of health, with the ages in them taken out and judged.
//
//   HealthWords words(text of /healthz?verbose);
//   EXPECT_EQ(words.text(), ExpectedHealth({.pleg_is_late = true}, "10s"));
//   EXPECT_GT(words.ages().front(), absl::Seconds(10));

#ifndef PLEGD_TEST_CONTAINERD_HEALTH_WORDS_H_
#define PLEGD_TEST_CONTAINERD_HEALTH_WORDS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace plegd_testing {

class HealthWords {
 public:
  explicit HealthWords(absl::string_view text);

  // The checks and the node's condition, without what plegd says besides of endpoint and runtime;
  // with <age> in place of each age, unless it is not as Go prints a duration.
  const std::string& text() const { return text_; }
  const std::vector<absl::Duration>& ages() const { return ages_; }

 private:
  void TakeLine(absl::string_view line);

  std::string text_;
  std::vector<absl::Duration> ages_;
};

// How many lines of a log of plegd have this message.
int LogLines(absl::string_view log, absl::string_view message);

// What a node's health reads like by the kubelet's rules, ages aside.
struct NodeCondition {
  bool pleg_is_late = false;     // its last good relist is older than the threshold
  bool runtime_is_down = false;  // no Status for 30 s
};

// What HealthWords must make of it.
std::string ExpectedHealth(const NodeCondition& condition, absl::string_view threshold);

}  // namespace plegd_testing

#endif  // PLEGD_TEST_CONTAINERD_HEALTH_WORDS_H_
