#include "pleg/history/fan_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/testing/recording_observer.h"

namespace pleg {
namespace {

using ::testing::ElementsAre;

TEST(FanOutTest, EachObserverIsToldEverything) {
  testing::RecordingObserver first;
  testing::RecordingObserver second;
  PlegFanOut observer({&first, &second});
  observer.OnRelistInterval(absl::Seconds(1));
  observer.OnRelistEnd(RelistRecord());
  observer.OnPodRelistEnd(absl::Seconds(2));
  observer.OnInspectionEnd(InspectionResult::kGone, absl::Seconds(3));
  observer.OnEvent(EventType::kContainerDied);
  observer.OnEventsDiscarded(4);
  observer.OnRelistRequestDropped();
  for (testing::RecordingObserver* told : {&first, &second}) {
    EXPECT_THAT(told->intervals, ElementsAre(absl::Seconds(1)));
    EXPECT_EQ(told->relists.size(), 1u);
    EXPECT_THAT(told->pod_relists, ElementsAre(absl::Seconds(2)));
    EXPECT_EQ(told->inspections[InspectionResult::kGone], 1u);
    EXPECT_EQ(told->events[EventType::kContainerDied], 1u);
    EXPECT_EQ(told->events_discarded, 4u);
    EXPECT_EQ(told->relist_requests_dropped, 1u);
  }
}

class Words : public CallObserver {
 public:
  void OnCallEnd(const CallRecord& call) override { words.push_back(call.target); }
  void OnInvalidItem(absl::string_view method, absl::string_view reason) override {
    words.push_back(absl::StrCat(method, " ", reason));
  }
  std::vector<std::string> words;
};

TEST(FanOutTest, CallsToo) {
  Words first;
  Words second;
  CallFanOut observer({&first, &second});
  CallRecord call;
  call.target = "c1";
  observer.OnCallEnd(call);
  observer.OnInvalidItem("ListContainers", "no_id");
  EXPECT_THAT(first.words, ElementsAre("c1", "ListContainers no_id"));
  EXPECT_THAT(second.words, ElementsAre("c1", "ListContainers no_id"));
}

}  // namespace
}  // namespace pleg
