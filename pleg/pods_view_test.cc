#include "pleg/pods_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status.h"
#include "pleg/testing/pleg_harness.h"

namespace pleg {
namespace {

using ::pleg::testing::PlegHarness;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kRunning = ContainerState::kRunning;

TEST(PodsViewTest, HoldsWhatIsListedAndStaysTheSameWhileNothingChanges) {
  PlegHarness h;
  EXPECT_THAT(h.pleg.Pods()->listed, IsEmpty());
  h.runtime.PutSandbox("p", "s", SandboxState::kReady);
  h.runtime.PutContainer("p", "c", kRunning);
  h.Start();
  const auto view = h.pleg.Pods();
  ASSERT_THAT(view->listed, SizeIs(1));
  EXPECT_EQ(view->listed[0]->uid, PodUid("p"));
  EXPECT_EQ(view->listed[0]->containers[0].info->name, "c");
  EXPECT_THAT(view->unsettled, IsEmpty());
  h.Relist();
  h.pleg.PublishPods();
  EXPECT_EQ(h.pleg.Pods(), view);
  h.runtime.RemovePod("p");
  h.Relist();
  EXPECT_THAT(h.pleg.Pods()->listed, IsEmpty());
}

TEST(PodsViewTest, APodIsUnsettledSinceTheListingThatShowedItsChange) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.PutContainer("q", "d", kRunning);
  h.Start();
  h.runtime.HoldPod("p");
  h.runtime.ExitContainer("p", "c", 1);
  h.Relist();
  const MonoTime changed = h.exec.clock().Now();
  for (int i = 0; i < 5; ++i) h.Relist();
  ASSERT_THAT(h.pleg.Pods()->unsettled, SizeIs(1));
  EXPECT_EQ(h.pleg.Pods()->unsettled[0].pod->uid, PodUid("p"));
  EXPECT_EQ(h.pleg.Pods()->unsettled[0].since, changed);
  EXPECT_FALSE(h.pleg.Pods()->unsettled[0].failed);
  h.runtime.ReleaseAll();
  h.exec.Settle();
  EXPECT_THAT(h.pleg.Pods()->unsettled, IsEmpty());
}

TEST(PodsViewTest, AFailureIsToldUntilAnInspectionSucceeds) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.FailPod("p", absl::UnavailableError("hiccup"));
  h.Start();
  const MonoTime changed = h.exec.clock().Now();
  h.Relist();
  ASSERT_THAT(h.pleg.Pods()->unsettled, SizeIs(1));
  EXPECT_TRUE(h.pleg.Pods()->unsettled[0].failed);
  EXPECT_EQ(h.pleg.Pods()->unsettled[0].since, changed);
  h.runtime.ClearErrors();
  h.Relist();
  EXPECT_THAT(h.pleg.Pods()->unsettled, IsEmpty());
}

TEST(PodsViewTest, ALaterChangeIsAsOldAsItsOwnListing) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Start();
  h.runtime.HoldPod("p");
  h.runtime.ExitContainer("p", "c", 1);
  h.Relist();
  const MonoTime first = h.exec.clock().Now();
  h.Relist();
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.runtime.ReleasePod("p");
  h.runtime.HoldPod("p");
  h.exec.Settle();
  h.pleg.PublishPods();
  ASSERT_THAT(h.pleg.Pods()->unsettled, SizeIs(1));
  EXPECT_GT(h.pleg.Pods()->unsettled[0].since, first);
}

}  // namespace
}  // namespace pleg
