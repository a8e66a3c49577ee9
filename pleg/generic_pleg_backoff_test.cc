// When pods whose inspection failed are tried again.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "pleg/testing/pleg_harness.h"

namespace pleg {
namespace {

using testing::PlegHarness;

// Seconds at which the runtime was asked for each pod, the relist period being a second.
std::map<std::string, std::vector<int>> Attempts(PlegHarness& h, int pods, int seconds) {
  std::map<std::string, std::vector<int>> attempts;
  std::map<std::string, size_t> seen;
  for (int second = 0; second < seconds; ++second) {
    for (int i = 0; i < pods; ++i) {
      const std::string uid = absl::StrCat("p", i);
      const size_t calls = h.runtime.status_calls_of_pod(uid);
      if (calls != seen[uid]) attempts[uid].push_back(second);
      seen[uid] = calls;
    }
    h.exec.Advance(absl::Seconds(1));
  }
  return attempts;
}

void FailPods(PlegHarness& h, int pods) {
  for (int i = 0; i < pods; ++i) {
    const std::string uid = absl::StrCat("p", i);
    h.runtime.PutContainer(uid, absl::StrCat("c", i), ContainerState::kRunning);
    h.runtime.FailPod(uid, absl::UnavailableError("hiccup"));
  }
  h.Relist();
}

TEST(BackoffTest, DoublesFromASecondToAMinute) {
  PlegHarness h({.retry_backoff = absl::Seconds(1), .retry_backoff_limit = absl::Seconds(60)});
  FailPods(h, 1);
  const std::vector<int> at = Attempts(h, 1, 400)["p0"];
  ASSERT_GE(at.size(), 9u);
  for (size_t i = 1; i < at.size(); ++i) {
    const double wait = std::min(1 << std::min<size_t>(i - 1, 6), 60);
    // Give or take a tenth, and up to the relist after it.
    EXPECT_GE(at[i] - at[i - 1], wait * 0.9 - 1) << i;
    EXPECT_LE(at[i] - at[i - 1], wait * 1.1 + 2) << i;
  }
}

TEST(BackoffTest, PodsThatFailedTogetherComeBackApart) {
  PlegHarness h({.retry_backoff = absl::Seconds(60), .retry_backoff_limit = absl::Seconds(60)});
  FailPods(h, 20);
  std::set<int> seconds;
  for (const auto& [uid, at] : Attempts(h, 20, 70)) {
    if (at.size() > 1) seconds.insert(at[1]);
  }
  EXPECT_GE(seconds.size(), 5u);
}

}  // namespace
}  // namespace pleg
