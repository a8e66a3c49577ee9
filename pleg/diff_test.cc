#include "pleg/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kStarted = EventType::kContainerStarted;
constexpr auto kDied = EventType::kContainerDied;
constexpr auto kRemoved = EventType::kContainerRemoved;
constexpr auto kChanged = EventType::kContainerChanged;

constexpr PlegState kStates[] = {PlegState::kRunning, PlegState::kExited, PlegState::kUnknown,
                                 PlegState::kNonExistent};

// The kubelet's table (generateEvents): a row for each old state, a column for each new one.
const std::vector<EventType> kTable[4][4] = {
    /* running      */ {{}, {kDied}, {kChanged}, {kDied, kRemoved}},
    /* exited       */ {{kStarted}, {}, {kChanged}, {kRemoved}},
    /* unknown      */ {{kStarted}, {kDied}, {}, {kDied, kRemoved}},
    /* non-existent */ {{kStarted}, {kDied}, {kChanged}, {}},
};

// Builds one observation of the pod "uid".
class PodBuilder {
 public:
  PodBuilder() {
    pod_.uid = PodUid("uid");
    pod_.name = "name";
    pod_.pod_namespace = "ns";
  }
  PodBuilder& Container(const char* id, ContainerState state) {
    auto info = std::make_shared<ContainerInfo>();
    info->id = ContainerId(id);
    info->name = absl::StrCat("name-of-", id);
    pod_.containers.push_back({std::move(info), state});
    return *this;
  }
  PodBuilder& Sandbox(const char* id, SandboxState state) {
    auto info = std::make_shared<SandboxInfo>();
    info->id = ContainerId(id);
    pod_.sandboxes.push_back({std::move(info), state});
    return *this;
  }
  PodBuilder& Named(const char* name) {
    pod_.name = name;
    return *this;
  }
  operator const Pod*() const { return &pod_; }  // NOLINT: reads as the argument it stands for

 private:
  Pod pod_;
};

std::vector<std::string> Lines(const std::vector<Event>& events) {
  std::vector<std::string> lines;
  lines.reserve(events.size());
  for (const Event& e : events) {
    lines.push_back(absl::StrCat(EventTypeName(e.type), " ", e.id.value()));
  }
  return lines;
}

std::vector<EventType> Types(const std::vector<Event>& events) {
  std::vector<EventType> types;
  types.reserve(events.size());
  for (const Event& e : events) types.push_back(e.type);
  return types;
}

TEST(TransitionEventsTest, WholeTable) {
  for (int from = 0; from < 4; ++from) {
    for (int to = 0; to < 4; ++to) {
      EXPECT_EQ(TransitionEvents(kStates[from], kStates[to]), kTable[from][to])
          << PlegStateName(kStates[from]) << " -> " << PlegStateName(kStates[to]);
    }
  }
}

// One state of the table as a container and as a sandbox has it; non-existent adds nothing.
PodBuilder WithContainer(PlegState state) {
  PodBuilder pod;
  if (state == PlegState::kRunning) pod.Container("x", ContainerState::kRunning);
  if (state == PlegState::kExited) pod.Container("x", ContainerState::kExited);
  if (state == PlegState::kUnknown) pod.Container("x", ContainerState::kUnknown);
  return pod;
}
PodBuilder WithSandbox(PlegState state) {
  PodBuilder pod;
  if (state == PlegState::kRunning) pod.Sandbox("x", SandboxState::kReady);
  if (state == PlegState::kExited) pod.Sandbox("x", SandboxState::kNotReady);
  if (state == PlegState::kUnknown) pod.Sandbox("x", SandboxState::kUnknown);
  return pod;
}

TEST(ComputeEventsTest, WholeTableForContainersAndForSandboxes) {
  for (int from = 0; from < 4; ++from) {
    for (int to = 0; to < 4; ++to) {
      EXPECT_EQ(Types(ComputeEvents(WithContainer(kStates[from]), WithContainer(kStates[to]))),
                kTable[from][to]);
      EXPECT_EQ(Types(ComputeEvents(WithSandbox(kStates[from]), WithSandbox(kStates[to]))),
                kTable[from][to]);
    }
  }
}

TEST(ComputeEventsTest, AMissingPodIsAPodWithoutObjects) {
  for (int state = 0; state < 4; ++state) {
    EXPECT_EQ(Types(ComputeEvents(nullptr, WithContainer(kStates[state]))), kTable[3][state]);
    EXPECT_EQ(Types(ComputeEvents(WithContainer(kStates[state]), nullptr)), kTable[state][3]);
  }
  EXPECT_THAT(ComputeEvents(nullptr, nullptr), IsEmpty());
}

TEST(ComputeEventsTest, CreatedIsUnknown) {
  PodBuilder created;
  created.Container("x", ContainerState::kCreated);
  EXPECT_THAT(Types(ComputeEvents(nullptr, created)), ElementsAre(kChanged));
  EXPECT_THAT(ComputeEvents(created, WithContainer(PlegState::kUnknown)), IsEmpty());
  EXPECT_THAT(ComputeEvents(WithContainer(PlegState::kUnknown), created), IsEmpty());
}

TEST(ComputeEventsTest, OldContainersOldSandboxesNewContainersNewSandboxes) {
  const PodBuilder old_pod = PodBuilder()
                                 .Sandbox("s2", SandboxState::kReady)
                                 .Sandbox("s1", SandboxState::kNotReady)
                                 .Container("c2", ContainerState::kRunning)
                                 .Container("c1", ContainerState::kExited);
  const PodBuilder new_pod = PodBuilder()
                                 .Sandbox("s3", SandboxState::kReady)
                                 .Sandbox("s2", SandboxState::kNotReady)
                                 .Container("c3", ContainerState::kRunning)
                                 .Container("c2", ContainerState::kExited);
  EXPECT_THAT(Lines(ComputeEvents(old_pod, new_pod)),
              ElementsAre("ContainerDied c2", "ContainerRemoved c1", "ContainerDied s2",
                          "ContainerRemoved s1", "ContainerStarted c3", "ContainerStarted s3"));
}

TEST(ComputeEventsTest, DiedComesBeforeRemoved) {
  EXPECT_THAT(Lines(ComputeEvents(WithSandbox(PlegState::kRunning), nullptr)),
              ElementsAre("ContainerDied x", "ContainerRemoved x"));
}

TEST(ComputeEventsTest, AnIdOfAContainerAndASandboxIsTheContainer) {
  const PodBuilder old_pod =
      PodBuilder().Sandbox("x", SandboxState::kReady).Container("x", ContainerState::kExited);
  const std::vector<Event> events = ComputeEvents(old_pod, nullptr);
  EXPECT_THAT(Lines(events), ElementsAre("ContainerRemoved x"));
  EXPECT_FALSE(events[0].is_sandbox);
  EXPECT_THAT(ComputeEvents(old_pod, WithContainer(PlegState::kExited)), IsEmpty());
}

TEST(ComputeEventsTest, EventsNameTheirPodAndContainer) {
  const PodBuilder old_pod = PodBuilder().Named("before").Container("c", ContainerState::kRunning);
  const PodBuilder new_pod = PodBuilder().Named("after").Sandbox("s", SandboxState::kReady);
  const std::vector<Event> events = ComputeEvents(old_pod, new_pod);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].pod_uid, PodUid("uid"));
  EXPECT_EQ(events[0].pod_name, "after");
  EXPECT_EQ(events[0].pod_namespace, "ns");
  EXPECT_EQ(events[0].container_name, "name-of-c");
  EXPECT_FALSE(events[0].is_sandbox);
  EXPECT_EQ(events[0].exit_code, std::nullopt);
  EXPECT_EQ(events[0].seq, 0u);
  EXPECT_TRUE(events[2].is_sandbox);
  EXPECT_EQ(events[2].container_name, "");
  const std::vector<Event> gone = ComputeEvents(old_pod, nullptr);
  ASSERT_EQ(gone.size(), 2u);
  EXPECT_EQ(gone[0].pod_name, "before");
}

TEST(EventTypeNameTest, AreTheKubelets) {
  EXPECT_EQ(EventTypeName(kStarted), "ContainerStarted");
  EXPECT_EQ(EventTypeName(kDied), "ContainerDied");
  EXPECT_EQ(EventTypeName(kRemoved), "ContainerRemoved");
  EXPECT_EQ(EventTypeName(kChanged), "ContainerChanged");
  EXPECT_EQ(EventTypeName(EventType::kPodSync), "PodSync");
}

}  // namespace
}  // namespace pleg
