// The exposition through Prometheus' own linter. PLEGD_PROMTOOL names the tool; else it is looked
// for on PATH.

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metrics/testing/busy_state.h"
#include "metrics/testing/golden.h"
#include "pleg/testing/sim_executor.h"

namespace metrics {
namespace {

constexpr absl::string_view kOddNames[] = {
    "kubelet_evented_pleg_connection_error_count", "kubelet_evented_pleg_connection_success_count",
    "kubelet_pleg_discard_events", "kubelet_runtime_operations",
    "kubelet_runtime_operations_errors"};

std::string FindPromtool() {
  if (const char* named = std::getenv("PLEGD_PROMTOOL"); named != nullptr) return named;
  const std::unique_ptr<FILE, int (*)(FILE*)> which(popen("command -v promtool", "r"), &pclose);
  char path[4096] = {};
  if (which == nullptr || fgets(path, sizeof(path), which.get()) == nullptr) return "";
  return std::string(path, std::string(path).find_last_not_of('\n') + 1);
}

// The tool's exit codes.
constexpr int kClean = 0;
constexpr int kUnclean = 3;

// Runs it on `text`; its complaints go to our stderr, and so into the test's log.
int Check(const std::string& promtool, const std::string& text) {
  FILE* lint = popen(absl::StrCat("'", promtool, "' check metrics").c_str(), "w");
  if (lint == nullptr) return -1;
  const bool written = fwrite(text.data(), 1, text.size(), lint) == text.size();
  const int status = pclose(lint);
  return written && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class PromtoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (promtool_.empty()) {
      GTEST_SKIP() << "promtool is not installed (Debian package prometheus)";
    }
  }

  std::string Busy(const MetricsOptions& options) const {
    pleg::testing::SimClock clock;
    Metrics metrics(options, clock);
    const testing::BusyNode node(clock);
    testing::MakeBusy(metrics, node);
    return metrics.Render();
  }

  const std::string promtool_ = FindPromtool();
};

TEST_F(PromtoolTest, FindsNothingToComplainOf) {
  const std::string text = Busy({.revision = "abc"});
  EXPECT_EQ(Check(promtool_, text), kClean) << "promtool's verdict on:\n" << text;
}

// Names that Prometheus' conventions forbid and the kubelet has all the same: counters without
// _total, counters that end in _count, microseconds. All else of both sets must be clean.
TEST_F(PromtoolTest, FindsOnlyTheKubeletsOwnOddNames) {
  const std::string text = Busy({.kubelet_names = true, .legacy_names = true});
  EXPECT_EQ(Check(promtool_, text), kUnclean) << "it must parse, and be as odd as the kubelet's";
  std::string clean;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const absl::string_view name = testing::NameOf(line);
    if (absl::StrContains(name, "_microseconds")) continue;
    if (absl::c_linear_search(kOddNames, name)) continue;
    absl::StrAppend(&clean, line, "\n");
  }
  EXPECT_THAT(clean, ::testing::HasSubstr("kubelet_runtime_operations_duration_seconds_bucket"));
  EXPECT_EQ(Check(promtool_, clean), kClean) << "promtool's verdict on:\n" << clean;
}

}  // namespace
}  // namespace metrics
