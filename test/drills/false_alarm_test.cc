// Healthy nodes on which much happens: whatever plegd is asked meanwhile, it finds nothing wrong.
// PLEGD_CALM_SECONDS is how long that is; half a minute without it.

#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pleg/testing/sanitizers.h"
#include "test/drills/calm_host.h"
#include "test/process/cri_sim_process.h"
#include "test/process/plegd_process.h"
#include "test/process/sim_node.h"
#include "test/process/status_testing.h"

namespace plegd_testing {
namespace {

constexpr absl::Duration kAskPeriod = absl::Milliseconds(200);
constexpr absl::Duration kRolloutPeriod = absl::Seconds(5);

absl::Duration CalmTime() {
  const char* text = std::getenv("PLEGD_CALM_SECONDS");
  int64_t seconds = 30;
  if (text != nullptr && !absl::SimpleAtoi(text, &seconds)) ADD_FAILURE() << text;
  return absl::Seconds(seconds);
}

struct Node {
  std::string name;
  std::vector<std::string> flags;  // of cri-sim
  int rollout = 0;                 // so many pods are changed at once, every few seconds
};

// What was told first, how often, and an example of each.
struct Told {
  std::map<std::string, int> codes = {};
  std::map<std::string, std::string> sentences = {};
  std::string failure = {};
};

Told Watch(const Node& node, absl::Duration time) {
  Told told;
  const ScratchDir dir;
  const CalmHost host;
  const auto runtime = CriSimProcess::Start(dir.path(), node.flags);
  if (!runtime.ok()) return {.failure = runtime.status().ToString()};
  host.Show((*runtime)->pid());
  const auto plegd = PlegdProcess::Start((*runtime)->endpoint(), dir.path(),
                                         {.relist_period = "1s", .flags = host.plegd_flags()});
  if (!plegd.ok()) return {.failure = plegd.status().ToString()};
  const absl::Time end = absl::Now() + time;
  absl::Time rollout = absl::Now();
  while (absl::Now() < end) {
    if (node.rollout > 0 && absl::Now() >= rollout) {
      rollout += kRolloutPeriod;
      const auto done = (*runtime)->Control(absl::StrCat("change-many ", node.rollout));
      if (!done.ok()) told.failure = done.status().ToString();
    }
    const absl::StatusOr<plegd::v1::Diagnosis> diagnosis = (*plegd)->Diagnosis();
    if (!diagnosis.ok() || diagnosis->findings().empty()) {
      told.failure = absl::StrCat("no diagnosis: ", diagnosis.status().ToString());
      continue;
    }
    const plegd::v1::Finding& first = diagnosis->findings(0);
    ++told.codes[first.code()];
    told.sentences[first.code()] = first.sentence();
    absl::SleepFor(kAskPeriod);
  }
  return told;
}

TEST(FalseAlarmTest, NoneWhileHealthyPodsComeAndGo) {
  const std::vector<std::string> like_containerd = {"--runtime-name", "containerd",
                                                    "--no-list-streaming", "--churn"};
  const auto flags = [&](const std::string& churn, std::vector<std::string> more) {
    std::vector<std::string> all = like_containerd;
    all.push_back(churn);
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  std::vector<Node> nodes = {
      {.name = "110 pods, 5 changes a second",
       .flags = flags("5", {"--pods", "110", "--exited", "110", "--status-latency", "5ms"})},
      {.name = "500 pods, 20 changes a second",
       .flags = flags("20", {"--pods", "500", "--exited", "500"})},
      {.name = "110 pods, 60 of them anew every 5 s, 20 ms for a status",
       .flags = flags("1", {"--pods", "110", "--status-latency", "20ms"}),
       .rollout = 60},
  };
  // What is sanitized is too slow for so many pods: it really takes minutes to inspect them in
  // turn.
  if (pleg::testing::kSanitized) nodes.erase(nodes.begin() + 1);
  std::vector<std::future<Told>> watches;
  watches.reserve(nodes.size());
  for (const Node& node : nodes) {
    watches.push_back(std::async(std::launch::async, Watch, node, CalmTime()));
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Told told = watches[i].get();
    EXPECT_EQ(told.failure, "") << nodes[i].name;
    int well = 0;
    for (const auto& [code, times] : told.codes) {
      const bool is_well = code == "HEALTHY" || code == "STARTING";
      well += is_well ? times : 0;
      EXPECT_TRUE(is_well) << nodes[i].name << ": " << times << " times: " << code << ": "
                           << told.sentences.at(code);
    }
    EXPECT_GT(well, 0) << nodes[i].name;
    std::cout << nodes[i].name << ": asked " << well << " times and found well" << std::endl;
  }
}

}  // namespace
}  // namespace plegd_testing
