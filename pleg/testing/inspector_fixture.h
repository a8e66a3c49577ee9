// An Inspector on simulated time, with a runtime in memory.

#ifndef PLEGD_PLEG_TESTING_INSPECTOR_FIXTURE_H_
#define PLEGD_PLEG_TESTING_INSPECTOR_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/inspector.h"
#include "pleg/testing/fake_runtime.h"
#include "pleg/testing/sim_executor.h"

namespace pleg::testing {

inline constexpr auto kRunning = ContainerState::kRunning;
inline const MonoTime kListed = MonoTime::FromNanos(77);

class InspectorTest : public ::testing::Test {
 protected:
  void Use(InspectorOptions options) {
    inspector_.emplace(runtime_, exec_, exec_.clock(), options);
  }

  // The pod as the runtime would list it now.
  std::shared_ptr<const Pod> Listed(const std::string& uid) {
    auto pod = std::make_shared<Pod>();
    pod->uid = PodUid(uid);
    pod->name = uid;
    pod->pod_namespace = "default";
    for (const auto& s : runtime_.sandboxes()) {
      if (s->info->pod_uid == pod->uid) pod->sandboxes.insert(pod->sandboxes.begin(), {s->info});
    }
    for (const auto& c : runtime_.containers()) {
      if (c->info->pod_uid == pod->uid) pod->containers.push_back({c->info, c->listed});
    }
    if (large_.contains(uid)) pod->containers.at(0).bytes = 10'000;
    return pod;
  }

  uint64_t Inspect(const std::string& uid, Trust trust = Trust::kNew) {
    const uint64_t id =
        inspector_->Inspect(Listed(uid), kListed, trust, [this, uid](Inspector::Result result) {
          ASSERT_EQ(results_.count(uid), 0u) << "answered twice";
          order_.push_back(uid);
          results_.emplace(uid, std::move(result));
        });
    EXPECT_NE(id, 0u);
    return id;
  }
  const PodStatus& StatusOf(const std::string& uid) { return **results_.at(uid).status; }

  SimExecutor exec_;
  FakeRuntime runtime_{exec_, exec_.clock()};
  std::optional<Inspector> inspector_;
  std::set<std::string> large_;
  std::map<std::string, Inspector::Result> results_;
  std::vector<std::string> order_;
};

}  // namespace pleg::testing

#endif  // PLEGD_PLEG_TESTING_INSPECTOR_FIXTURE_H_
