#include "runtime/host/shim_count.h"

#include <gtest/gtest.h>

#include <string>

namespace runtime::host {
namespace {

const std::string kListed(64, '5');
const std::string kGone(64, '7');

// On a host that is up for 1,000 s; one shim a bundle, each 900 s old.
HostSample Sample(const std::vector<std::string>& bundles) {
  HostSample sample;
  sample.uptime_seconds = 1000;
  for (const std::string& bundle : bundles) {
    HostProcess& shim = sample.processes.emplace_back();
    shim.stat.pid = 100 + static_cast<int>(sample.processes.size());
    shim.stat.comm = "containerd-shim";
    shim.stat.state = 'S';
    shim.stat.start_ticks = 10'000;
    shim.role = Role::kShim;
    shim.for_kubelet = true;
    shim.bundle = bundle;
  }
  return sample;
}

std::vector<WatchedObject> Watched() {
  WatchedObject watched;
  watched.object.id = pleg::ContainerId(std::string(64, 'c'));
  watched.sandbox = pleg::ContainerId(kListed);
  return {watched};
}

TEST(ShimCountTest, CountsThoseThatServeNothingListed) {
  const auto count = CountShims(Sample({kListed, kGone, ""}), Watched());
  ASSERT_TRUE(count.has_value());
  EXPECT_EQ(count->all, 3u);
  EXPECT_EQ(count->unlisted, 2u);
  EXPECT_EQ(count->oldest_unlisted, absl::Seconds(900));
}

TEST(ShimCountTest, AYoungOneAndAnotherRuntimesCountForNothing) {
  HostSample sample = Sample({kListed, "", "", ""});
  sample.processes[1].stat.start_ticks = 80'000;  // 200 s ago
  sample.processes[2].for_kubelet = false;
  sample.processes[3].stat.state = 'Z';
  const auto count = CountShims(sample, Watched());
  ASSERT_TRUE(count.has_value());
  EXPECT_EQ(count->all, 2u);
  EXPECT_EQ(count->unlisted, 0u);
}

TEST(ShimCountTest, IsNotKnownWhereSomethingWasLeftOut) {
  EXPECT_FALSE(CountShims(Sample({}), Watched()).has_value());
  HostSample sample = Sample({""});
  sample.shims_unknown = true;
  EXPECT_FALSE(CountShims(sample, Watched()).has_value());
  EXPECT_FALSE(CountShims(Sample({""}), std::vector<WatchedObject>(kMaxWatched)).has_value());
}

}  // namespace
}  // namespace runtime::host
