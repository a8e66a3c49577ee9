// The exposition through Prometheus' own linter. PLEGD_PROMTOOL names the tool; else it is looked
// for on PATH.

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "metrics/testing/busy_state.h"
#include "pleg/testing/sim_executor.h"

namespace metrics {
namespace {

std::string FindPromtool() {
  if (const char* named = std::getenv("PLEGD_PROMTOOL"); named != nullptr) return named;
  const std::unique_ptr<FILE, int (*)(FILE*)> which(popen("command -v promtool", "r"), &pclose);
  char path[4096] = {};
  if (which == nullptr || fgets(path, sizeof(path), which.get()) == nullptr) return "";
  return std::string(path, std::string(path).find_last_not_of('\n') + 1);
}

TEST(PromtoolTest, FindsNothingToComplainOf) {
  const std::string promtool = FindPromtool();
  if (promtool.empty()) GTEST_SKIP() << "promtool is not installed (Debian package prometheus)";
  pleg::testing::SimClock clock;
  Metrics metrics({.version = "1.2.3", .revision = "abc"}, clock);
  testing::MakeBusy(metrics, clock);
  const std::string text = metrics.Render();

  // Its complaints go to our stderr, and so into the test's log.
  FILE* lint = popen(absl::StrCat("'", promtool, "' check metrics").c_str(), "w");
  ASSERT_NE(lint, nullptr);
  ASSERT_EQ(fwrite(text.data(), 1, text.size(), lint), text.size());
  const int status = pclose(lint);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "promtool's verdict on:\n" << text;
}

}  // namespace
}  // namespace metrics
