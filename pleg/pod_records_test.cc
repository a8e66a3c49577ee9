#include "pleg/pod_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace {

size_t allocations = 0;

}  // namespace

// Counted, so that a test can tell that something allocates nothing. Not inlined: GCC would take
// the pair that it then sees, new and free, for a mistake. The one that does not throw is here
// because std::stable_sort frees what it gives with the ordinary delete.
ABSL_ATTRIBUTE_NOINLINE void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
ABSL_ATTRIBUTE_NOINLINE void* operator new(size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
ABSL_ATTRIBUTE_NOINLINE void operator delete(void* memory) noexcept { std::free(memory); }
ABSL_ATTRIBUTE_NOINLINE void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

MonoTime At(int64_t nanos) { return MonoTime::FromNanos(nanos); }
absl::Time Wall(int64_t seconds) { return absl::FromUnixSeconds(seconds); }

ListedSandbox Sandbox(absl::string_view uid, absl::string_view id, int64_t created = 0,
                      SandboxState state = SandboxState::kReady) {
  auto info = std::make_shared<SandboxInfo>();
  info->id = ContainerId(id);
  info->pod_uid = PodUid(uid);
  info->pod_name = absl::StrCat("name-", uid);
  info->pod_namespace = "ns";
  info->created_at = Wall(created);
  return {std::move(info), state};
}

ListedContainer Container(absl::string_view uid, absl::string_view id,
                          ContainerState state = ContainerState::kRunning, int64_t created = 0) {
  auto info = std::make_shared<ContainerInfo>();
  info->id = ContainerId(id);
  info->pod_uid = PodUid(uid);
  info->pod_name = absl::StrCat("label-", uid);
  info->pod_namespace = "label-ns";
  info->created_at = Wall(created);
  return {std::move(info), state};
}

// The same object decoded once more.
template <typename Listed>
Listed Copy(const Listed& listed) {
  using Info = std::remove_const_t<typename decltype(listed.info)::element_type>;
  return {std::make_shared<const Info>(*listed.info), listed.state};
}

Listing Of(std::vector<ListedSandbox> sandboxes, std::vector<ListedContainer> containers,
           MonoTime at = At(1)) {
  Listing listing;
  listing.started_at = at;
  listing.sandboxes = std::move(sandboxes);
  listing.containers = std::move(containers);
  return listing;
}

std::vector<std::string> Uids(const std::vector<PodRecord*>& records) {
  std::vector<std::string> uids;
  uids.reserve(records.size());
  for (const PodRecord* record : records) {
    uids.push_back(absl::StrCat(record->current == nullptr ? "-" : "", record->uid.value()));
  }
  return uids;
}

std::vector<std::string> Ids(const Pod& pod) {
  std::vector<std::string> ids;
  for (const ListedSandbox& s : pod.sandboxes) ids.push_back(s.info->id.value());
  for (const ListedContainer& c : pod.containers) ids.push_back(c.info->id.value());
  return ids;
}

// Kubernetes: TestGetPods, TestGetPod.
TEST(PodRecordsTest, GroupsByPod) {
  PodRecords records;
  const Listing listing = Of({Sandbox("p1", "s1", 10), Sandbox("p2", "s2", 20)},
                             {Container("p2", "c2"), Container("p1", "c1")}, At(7));
  EXPECT_THAT(Uids(records.Apply(listing)), ElementsAre("p2", "p1"));
  const PodRecord& record = *records.Find(PodUid("p1"));
  const Pod& pod = *record.current;
  EXPECT_EQ(pod.uid, PodUid("p1"));
  EXPECT_EQ(pod.name, "name-p1");
  EXPECT_EQ(pod.pod_namespace, "ns");
  EXPECT_EQ(pod.timestamp, At(7));
  EXPECT_EQ(pod.created_at, Wall(10));
  EXPECT_THAT(Ids(pod), ElementsAre("s1", "c1"));
  EXPECT_EQ(record.name, "name-p1");
  EXPECT_EQ(record.reported, nullptr);
  EXPECT_EQ(records.Find(PodUid("absent")), nullptr);
}

// Kubernetes: TestGetPodsSorted.
TEST(PodRecordsTest, NewestPodFirstThenUidThenTheGone) {
  PodRecords records;
  const ListedSandbox gone = Sandbox("gone", "s0", 99);
  records.Apply(Of({gone}, {}));
  const Listing listing = Of({Sandbox("p10", "s1", 10), Sandbox("p5", "s2", 5),
                              Sandbox("p20b", "s3", 20), Sandbox("p20a", "s4", 20)},
                             {});
  EXPECT_THAT(Uids(records.Apply(listing)), ElementsAre("p20a", "p20b", "p10", "p5", "-gone"));
}

TEST(PodRecordsTest, APodIsAsOldAsItsOldestSandboxAndNamedByItsNewest) {
  PodRecords records;
  ListedSandbox first = Sandbox("p", "s1", 30);
  ListedSandbox second = Sandbox("p", "s2", 40);
  auto renamed = std::make_shared<SandboxInfo>(*second.info);
  renamed->attempt = 1;
  renamed->pod_name = "renamed";
  second.info = renamed;
  records.Apply(Of({first, second}, {}));
  const Pod& pod = *records.Find(PodUid("p"))->current;
  EXPECT_EQ(pod.created_at, Wall(30));
  EXPECT_EQ(pod.name, "renamed");
  EXPECT_THAT(Ids(pod), ElementsAre("s2", "s1"));
}

TEST(PodRecordsTest, APodOfContainersAloneIsNamedByTheirLabels) {
  PodRecords records;
  records.Apply(Of({}, {Container("p", "c"), Container("", "stray")}));
  const Pod& pod = *records.Find(PodUid("p"))->current;
  EXPECT_EQ(pod.name, "label-p");
  EXPECT_EQ(pod.pod_namespace, "label-ns");
  EXPECT_EQ(pod.created_at, absl::InfinitePast());
  EXPECT_NE(records.Find(PodUid("")), nullptr);
}

TEST(PodRecordsTest, AnUnchangedListingChangesNothingInWhateverOrder) {
  PodRecords records;
  Listing listing = Of({Sandbox("p1", "s1"), Sandbox("p2", "s2")},
                       {Container("p1", "c1"), Container("p1", "c2")});
  records.Apply(listing);
  const Pod* before = records.Find(PodUid("p1"))->current.get();
  std::swap(listing.sandboxes[0], listing.sandboxes[1]);
  std::swap(listing.containers[0], listing.containers[1]);
  listing.started_at = At(5);
  EXPECT_THAT(records.Apply(listing), IsEmpty());
  const PodRecord& record = *records.Find(PodUid("p1"));
  EXPECT_EQ(record.current.get(), before);
  EXPECT_EQ(records.ListedAt(record), At(5));
}

TEST(PodRecordsTest, OnlyThePodOfAChangedStateIsRebuilt) {
  PodRecords records;
  Listing listing = Of({Sandbox("p1", "s1"), Sandbox("p2", "s2")},
                       {Container("p1", "c1"), Container("p2", "c2")});
  records.Apply(listing);
  const Pod* other = records.Find(PodUid("p2"))->current.get();
  listing.containers[0].state = ContainerState::kExited;
  EXPECT_THAT(Uids(records.Apply(listing)), ElementsAre("p1"));
  EXPECT_EQ(records.Find(PodUid("p1"))->current->containers[0].state, ContainerState::kExited);
  EXPECT_EQ(records.Find(PodUid("p2"))->current.get(), other);
}

TEST(PodRecordsTest, NewObjectsOfEqualContentsYieldTheSamePods) {
  PodRecords records;
  const Listing listing = Of({Sandbox("p", "s")}, {Container("p", "c1"), Container("p", "c2")});
  records.Apply(listing);
  const Listing again =
      Of({Copy(listing.sandboxes[0])}, {Copy(listing.containers[0]), Copy(listing.containers[1])});
  EXPECT_THAT(Uids(records.Apply(again)), ElementsAre("p"));
  EXPECT_THAT(Ids(*records.Find(PodUid("p"))->current), ElementsAre("s", "c1", "c2"));
  EXPECT_THAT(records.Apply(again), IsEmpty());
  EXPECT_THAT(Uids(records.Apply(Of({}, {}))), ElementsAre("-p"));
}

TEST(PodRecordsTest, ARemovedObjectLeavesItsPod) {
  PodRecords records;
  Listing listing = Of({Sandbox("p", "s")}, {Container("p", "c1"), Container("p", "c2")});
  records.Apply(listing);
  listing.containers.pop_back();
  EXPECT_THAT(Uids(records.Apply(listing)), ElementsAre("p"));
  EXPECT_THAT(Ids(*records.Find(PodUid("p"))->current), ElementsAre("s", "c1"));
}

TEST(PodRecordsTest, AnIdMayMoveToAnotherPod) {
  PodRecords records;
  const ListedSandbox s1 = Sandbox("p1", "s1", 1);
  const ListedSandbox s2 = Sandbox("p2", "s2", 2);
  records.Apply(Of({s1, s2}, {Container("p1", "c")}));
  EXPECT_THAT(Uids(records.Apply(Of({s1, s2}, {Container("p2", "c")}))), ElementsAre("p2", "p1"));
  EXPECT_THAT(Ids(*records.Find(PodUid("p1"))->current), ElementsAre("s1"));
  EXPECT_THAT(Ids(*records.Find(PodUid("p2"))->current), ElementsAre("s2", "c"));
}

TEST(PodRecordsTest, TheFirstOfTwoObjectsOfOneIdCounts) {
  PodRecords records;
  const ListedContainer first = Container("p", "c", ContainerState::kRunning);
  ListedContainer second = Copy(first);
  second.state = ContainerState::kExited;
  const Listing listing = Of({Sandbox("p", "s")}, {first, second});
  records.Apply(listing);
  const Pod& pod = *records.Find(PodUid("p"))->current;
  EXPECT_THAT(Ids(pod), ElementsAre("s", "c"));
  EXPECT_EQ(pod.containers[0].state, ContainerState::kRunning);
  EXPECT_THAT(Uids(records.Apply(Of({}, {}))), ElementsAre("-p"));
}

TEST(PodRecordsTest, TheSameObjectListedTwiceIsStillMissedWhenItGoes) {
  PodRecords records;
  const ListedSandbox s = Sandbox("p", "s");
  const ListedContainer c = Container("p", "c");
  records.Apply(Of({s}, {c, c}));
  EXPECT_THAT(Ids(*records.Find(PodUid("p"))->current), ElementsAre("s", "c"));
  EXPECT_THAT(records.Apply(Of({s}, {c, c})), IsEmpty());
  EXPECT_THAT(Uids(records.Apply(Of({s}, {}))), ElementsAre("p"));
  EXPECT_THAT(Uids(records.Apply(Of({}, {}))), ElementsAre("-p"));
}

TEST(PodRecordsTest, ApplyPodTouchesThatPodAlone) {
  PodRecords records;
  Listing listing = Of({Sandbox("p1", "s1"), Sandbox("p2", "s2")},
                       {Container("p1", "c1"), Container("p2", "c2")}, At(1));
  records.Apply(listing);
  for (ListedContainer& c : listing.containers) c.state = ContainerState::kExited;
  listing.started_at = At(2);
  PodRecord* changed = records.ApplyPod(PodUid("p1"), listing);
  ASSERT_NE(changed, nullptr);
  EXPECT_EQ(changed->current->containers[0].state, ContainerState::kExited);
  EXPECT_EQ(changed->current->timestamp, At(2));
  const PodRecord& other = *records.Find(PodUid("p2"));
  EXPECT_EQ(other.current->containers[0].state, ContainerState::kRunning);
  EXPECT_EQ(records.ListedAt(*changed), At(2));
  EXPECT_EQ(records.ListedAt(other), At(1));
  EXPECT_EQ(records.ApplyPod(PodUid("p1"), listing), nullptr);
  listing.started_at = At(3);
  EXPECT_THAT(Uids(records.Apply(listing)), ElementsAre("p2"));
}

TEST(PodRecordsTest, ApplyPodFindsNewPodsAndLostObjectsButNoRemoval) {
  PodRecords records;
  const ListedSandbox s = Sandbox("p", "s");
  ASSERT_NE(records.ApplyPod(PodUid("p"), Of({s}, {Container("p", "c")})), nullptr);
  PodRecord* changed = records.ApplyPod(PodUid("p"), Of({s}, {}));
  ASSERT_NE(changed, nullptr);
  EXPECT_THAT(Ids(*changed->current), ElementsAre("s"));
  EXPECT_EQ(records.ApplyPod(PodUid("p"), Of({Sandbox("other", "x")}, {})), nullptr);
  EXPECT_NE(changed->current, nullptr);
  EXPECT_EQ(records.Find(PodUid("other")), nullptr);
  EXPECT_THAT(Uids(records.Apply(Of({}, {}))), ElementsAre("-p"));
}

TEST(PodRecordsTest, CountsPodsAndContainersOfTheLastListing) {
  PodRecords records;
  Listing listing = Of(
      {Sandbox("p1", "s1"), Sandbox("p1", "s1b"), Sandbox("p2", "s2", 0, SandboxState::kNotReady),
       Sandbox("p3", "s3", 0, SandboxState::kUnknown)},
      {Container("p1", "c1"), Container("p1", "c2", ContainerState::kCreated),
       Container("p2", "c3", ContainerState::kExited), Container("p4", "c4"),
       Container("p4", "c5", ContainerState::kUnknown)});
  records.Apply(listing);
  EXPECT_EQ(records.counts().pods_ready, 1u);
  EXPECT_EQ(records.counts().pods_notready, 2u);
  EXPECT_EQ(records.counts().pods_no_sandbox, 1u);
  EXPECT_EQ(records.counts().sandboxes, 4u);
  EXPECT_THAT(records.counts().containers, ElementsAre(1u, 2u, 1u, 1u));
  EXPECT_EQ(records.size(), 4u);
  listing.containers.clear();
  records.Apply(listing);
  EXPECT_THAT(records.counts().containers, ElementsAre(0u, 0u, 0u, 0u));
  EXPECT_EQ(records.counts().pods_no_sandbox, 0u);
}

TEST(PodRecordsTest, CountsFollowWhatApplyPodFoundFirst) {
  PodRecords records;
  Listing listing = Of({Sandbox("p", "s")}, {});
  records.Apply(listing);
  listing.sandboxes[0].state = SandboxState::kNotReady;
  records.ApplyPod(PodUid("p"), listing);
  records.Apply(listing);
  EXPECT_EQ(records.counts().pods_ready, 0u);
  EXPECT_EQ(records.counts().pods_notready, 1u);
}

TEST(PodRecordsTest, AnErasedRecordComesBackEmpty) {
  PodRecords records;
  const ListedSandbox s = Sandbox("p", "s");
  PodRecord* record = records.Apply(Of({s}, {}))[0];
  record->reported = record->current;
  records.Apply(Of({}, {}));
  records.Erase(PodUid("p"));
  EXPECT_EQ(records.size(), 0u);
  ASSERT_THAT(Uids(records.Apply(Of({s}, {}))), ElementsAre("p"));
  EXPECT_EQ(records.Find(PodUid("p"))->reported, nullptr);
}

TEST(PodRecordsTest, AnUnchangedListingAllocatesNothing) {
  PodRecords records;
  Listing listing;
  for (int pod = 0; pod < 1000; ++pod) {
    const std::string uid = absl::StrCat("pod-", pod);
    listing.sandboxes.push_back(Sandbox(uid, absl::StrCat("s-", pod)));
    listing.containers.push_back(Container(uid, absl::StrCat("a-", pod)));
    listing.containers.push_back(Container(uid, absl::StrCat("b-", pod)));
  }
  const size_t none = allocations;
  records.Apply(listing);
  ASSERT_GT(allocations, none);
  const size_t before = allocations;
  const bool changed = !records.Apply(listing).empty();
  const size_t after = allocations;
  EXPECT_FALSE(changed);
  EXPECT_EQ(after, before);
}

TEST(PodRecordsTest, AStateIsAsOldAsTheFirstListingThatShowedIt) {
  PodRecords records;
  Listing listing = Of({Sandbox("p", "s", 5)}, {Container("p", "a", ContainerState::kUnknown, 7),
                                                Container("p", "b", ContainerState::kRunning, 6)});
  listing.started_at = At(100);
  records.Apply(listing);
  listing.started_at = At(200);
  listing.containers[1].state = ContainerState::kExited;
  listing.containers.push_back(Container("p", "c", ContainerState::kCreated, 8));
  records.Apply(listing);
  const Pod& pod = *records.Find(PodUid("p"))->current;
  EXPECT_EQ(pod.sandboxes[0].since, At(100));
  ASSERT_EQ(pod.containers.size(), 3u);
  EXPECT_EQ(pod.containers[0].info->id.value(), "c");
  EXPECT_EQ(pod.containers[0].since, At(200));
  EXPECT_EQ(pod.containers[1].info->id.value(), "a");
  EXPECT_EQ(pod.containers[1].since, At(100));
  EXPECT_EQ(pod.containers[2].since, At(200));
}

}  // namespace
}  // namespace pleg
