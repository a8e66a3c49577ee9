// What a listing costs the core in which nothing, or one container of each tenth pod, has changed.

#include "pleg/pod_records.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "pleg/ids.h"
#include "pleg/model.h"
#include "pleg/testing/allocation_counter.h"

namespace pleg {
namespace {

constexpr size_t kContainersOfPod = 2;
constexpr size_t kOrders = 8;

Listing NodeOf(size_t pods) {
  Listing listing;
  for (size_t i = 0; i < pods; ++i) {
    const PodUid uid(absl::StrCat("beeb8da1-658e-4ec6-a7f8-", 100'000'000'000 + i));
    const ContainerId sandbox(absl::StrCat("sandbox-", i));
    SandboxInfo info;
    info.id = sandbox;
    info.pod_uid = uid;
    listing.sandboxes.push_back(
        {std::make_shared<SandboxInfo>(std::move(info)), SandboxState::kReady});
    for (size_t c = 0; c < kContainersOfPod; ++c) {
      ContainerInfo container;
      container.id = ContainerId(absl::StrCat("container-", i, "-", c));
      container.sandbox_id = sandbox;
      container.pod_uid = uid;
      listing.containers.push_back(
          {std::make_shared<ContainerInfo>(std::move(container)), ContainerState::kRunning});
    }
  }
  return listing;
}

// A runtime lists in another order each time.
std::vector<Listing> InSeveralOrders(Listing listing) {
  std::mt19937 random(1);
  std::vector<Listing> orders;
  for (size_t i = 0; i < kOrders; ++i) {
    std::shuffle(listing.sandboxes.begin(), listing.sandboxes.end(), random);
    std::shuffle(listing.containers.begin(), listing.containers.end(), random);
    orders.push_back(listing);
  }
  return orders;
}

void BM_ApplyUnchanged(benchmark::State& state) {
  const auto pods = static_cast<size_t>(state.range(0));
  const std::vector<Listing> orders = InSeveralOrders(NodeOf(pods));
  PodRecords records;
  if (records.Apply(orders[0]).size() != pods) return state.SkipWithError("not every pod is new");
  size_t next = 0;
  const uint64_t before = testing::ThreadAllocations();
  for (auto _ : state) {
    benchmark::DoNotOptimize(records.Apply(orders[next++ % kOrders]));
  }
  state.counters["allocations"] = static_cast<double>(testing::ThreadAllocations() - before) /
                                  static_cast<double>(state.iterations());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ApplyUnchanged)->Arg(500)->Arg(5000);

void BM_ApplyEachTenthPodChanged(benchmark::State& state) {
  const auto pods = static_cast<size_t>(state.range(0));
  Listing running = NodeOf(pods);
  Listing exited = running;
  for (size_t i = 0; i < exited.containers.size(); i += 10 * kContainersOfPod) {
    exited.containers[i].state = ContainerState::kExited;
  }
  PodRecords records;
  records.Apply(running);
  bool flip = false;
  for (auto _ : state) {
    flip = !flip;
    benchmark::DoNotOptimize(records.Apply(flip ? exited : running));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ApplyEachTenthPodChanged)->Arg(500);

}  // namespace
}  // namespace pleg
