#include "cmd/plegd/service_manager_limits.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "gtest/gtest.h"

namespace plegd {
namespace {

TEST(FileLimitTest, WhatIsWanted) {
  EXPECT_EQ(WantedSoftLimit({.rlim_cur = 1024, .rlim_max = 524'288}), 4096);
  EXPECT_EQ(WantedSoftLimit({.rlim_cur = 1024, .rlim_max = 2000}), 2000);
  EXPECT_EQ(WantedSoftLimit({.rlim_cur = 65'536, .rlim_max = 524'288}), 65'536);
  EXPECT_EQ(WantedSoftLimit({.rlim_cur = 100, .rlim_max = RLIM_INFINITY}), 4096);
  EXPECT_EQ(WantedSoftLimit({.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY}), RLIM_INFINITY);
}

// Sets the soft limit for a scope; the hard one cannot be had back.
class SoftLimit {
 public:
  explicit SoftLimit(rlim_t soft) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit limit{.rlim_cur = soft, .rlim_max = before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  ~SoftLimit() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }
  rlim_t hard() const { return before_.rlim_max; }

 private:
  rlimit before_{};
};

TEST(FileLimitTest, IsRaised) {
  const SoftLimit low(256);
  const FileLimit limit = RaiseFileLimit();
  EXPECT_EQ(limit.soft, std::min<rlim_t>(low.hard(), kWantedFiles));
  EXPECT_EQ(limit.hard, low.hard());
  EXPECT_EQ(limit.warning.empty(), low.hard() >= kNeededFiles) << limit.warning;
  rlimit now{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &now), 0);
  EXPECT_EQ(now.rlim_cur, limit.soft);
  EXPECT_EQ(now.rlim_max, low.hard());
}

// In a child, which alone loses its hard limit.
TEST(FileLimitTest, WarnsOfTooFew) {
  const auto in_child = [] {
    const rlimit limit{.rlim_cur = 64, .rlim_max = 512};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(1);
    const FileLimit raised = RaiseFileLimit();
    const bool warned = raised.warning.find("only 512 files may be open") != std::string::npos;
    _exit(raised.soft == 512 && warned ? 0 : 2);
  };
  EXPECT_EXIT(in_child(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace plegd
