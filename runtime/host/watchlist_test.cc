#include "runtime/host/watchlist.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace runtime::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A pod whose sandbox is "s", with a container that runs, "r", and two that have exited.
pleg::PodsView MakePods() {
  auto pod = std::make_shared<pleg::Pod>();
  pod->uid = pleg::PodUid("uid");
  pod->name = "web";
  auto sandbox = std::make_shared<pleg::SandboxInfo>();
  sandbox->id = pleg::ContainerId("s");
  pod->sandboxes.push_back({sandbox, pleg::SandboxState::kReady});
  const auto add = [&pod](const std::string& id, pleg::ContainerState state) {
    auto container = std::make_shared<pleg::ContainerInfo>();
    container->id = pleg::ContainerId(id);
    container->sandbox_id = pleg::ContainerId("s");
    container->name = "app";
    pod->containers.push_back({container, state});
  };
  add("r", pleg::ContainerState::kRunning);
  add("e1", pleg::ContainerState::kExited);
  add("e2", pleg::ContainerState::kExited);
  pleg::PodsView pods;
  pods.listed = {pod};
  return pods;
}

std::vector<std::string> Ids(const std::vector<WatchedObject>& watched) {
  std::vector<std::string> ids;
  for (const WatchedObject& object : watched) ids.push_back(object.object.id.value());
  return ids;
}

TEST(WatchlistTest, HasTheSilentOnesAndThoseThatRun) {
  const pleg::PodsView pods = MakePods();
  Watchlist list(pods);
  list.Add("s", true);
  list.Add("r", true);
  list.Add("", true);
  list.AddRunning();
  const std::vector<WatchedObject> watched = list.Take();
  EXPECT_THAT(Ids(watched), ElementsAre("s", "r"));
  EXPECT_TRUE(watched[1].silent);
  EXPECT_EQ(watched[1].listed_state, "running");
  EXPECT_EQ(watched[1].sandbox.value(), "s");
  EXPECT_EQ(watched[1].object.pod_name, "web");
}

TEST(WatchlistTest, HasWhatTheHostSeesThoughItIsListedAsExited) {
  const pleg::PodsView pods = MakePods();
  Watchlist list(pods);
  list.AddRunning();
  list.AddSeen({"s", "r", "e2", "another-runtimes"}, true);
  const std::vector<WatchedObject> watched = list.Take();
  EXPECT_THAT(Ids(watched), ElementsAre("r", "s", "e2"));
  EXPECT_EQ(watched[1].listed_state, "");
  EXPECT_EQ(watched[1].object.pod_name, "web");
  EXPECT_EQ(watched[2].listed_state, "exited");
  EXPECT_FALSE(watched[2].silent);
}

TEST(WatchlistTest, BeforeTheFirstListingAllThatTheHostSeesMayBeTheRuntimes) {
  const pleg::PodsView pods;
  Watchlist list(pods);
  list.AddSeen({"cold"}, false);
  const std::vector<WatchedObject> watched = list.Take();
  EXPECT_THAT(Ids(watched), ElementsAre("cold"));
  EXPECT_EQ(watched[0].listed_state, "");
}

TEST(WatchlistTest, OfThousandsThatHaveExitedNoneIsAskedFor) {
  const pleg::PodsView pods = MakePods();
  Watchlist list(pods);
  list.AddSeen({}, true);
  EXPECT_THAT(list.Take(), IsEmpty());
}

TEST(WatchlistTest, IsBounded) {
  const pleg::PodsView pods;
  Watchlist list(pods);
  for (size_t i = 0; i < Watchlist::kMax + 10; ++i) list.Add(absl::StrCat("id", i));
  EXPECT_EQ(list.Take().size(), Watchlist::kMax);
}

}  // namespace
}  // namespace runtime::host
