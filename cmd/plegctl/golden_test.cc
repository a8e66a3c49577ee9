// What people see, as whole screens: cmd/plegctl/golden/*.txt. After a change that is meant,
// PLEGCTL_UPDATE_GOLDEN=1 writes them again, to be read before they are committed.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cmd/plegctl/check.h"
#include "cmd/plegctl/find_pod.h"
#include "cmd/plegctl/render.h"
#include "cmd/plegctl/testing/scenarios.h"
#include "cmd/plegctl/text.h"

namespace plegctl {

using plegctl_testing::Scenario;
}  // namespace plegctl

// For the names of failing tests.

namespace plegctl_testing {
void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }
}  // namespace plegctl_testing

namespace plegctl {
namespace {

constexpr absl::Time kNow = absl::FromUnixSeconds(1'795'315'754);
constexpr Terminal kTerminal = {.unicode = true, .width = 100, .height = 50};

std::string Path(const std::string& name) {
  return absl::StrCat(PLEGCTL_GOLDEN_DIR "/", name, ".txt");
}

void ExpectGolden(const std::string& name, const std::string& text) {
  if (std::getenv("PLEGCTL_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(Path(name)) << text;
    return;
  }
  std::ifstream file(Path(name));
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << Path(name);
}

class ScenarioTest : public testing::TestWithParam<Scenario> {};

constexpr absl::Duration kPatience = absl::Seconds(30);

TEST_P(ScenarioTest, Status) {
  const plegd::v1::Diagnosis diagnosis =
      GetParam().snapshot.diagnosis.value_or(plegd::v1::Diagnosis());
  ExpectGolden(
      absl::StrCat("status-", GetParam().name),
      absl::StrCat(RenderStatus(GetParam().snapshot, kTerminal), "\n$ plegctl check; echo $?\n",
                   CheckLine(diagnosis, kPatience), "\n",
                   CheckExitCode(CheckLevel(diagnosis, kPatience)), "\n$ plegctl check --no-ages\n",
                   StableCheckLine(diagnosis, kPatience), "\n"));
}

TEST_P(ScenarioTest, FitsTheScreen) {
  for (const size_t width : {size_t{60}, size_t{80}, size_t{120}}) {
    Terminal terminal = kTerminal;
    terminal.width = width;
    terminal.height = 24;
    const std::string text = RenderStatus(GetParam().snapshot, terminal);
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      // Seven columns of a table need more than 60, and a word cannot be broken.
      if (width >= 80) {
        EXPECT_LE(Width(line), width) << line;
      }
    }
  }
}

TEST_P(ScenarioTest, NothingThatATerminalObeys) {
  const Snapshot& snapshot = GetParam().snapshot;
  for (const bool unicode : {false, true}) {
    const Terminal terminal = {.unicode = unicode};
    std::string all = RenderStatus(snapshot, terminal);
    if (snapshot.calls.has_value()) absl::StrAppend(&all, RenderCalls(*snapshot.calls, terminal));
    if (snapshot.relists.has_value()) {
      absl::StrAppend(&all, RenderRelists(*snapshot.relists, 0, terminal));
    }
    if (snapshot.diagnosis.has_value()) {
      absl::StrAppend(&all, CheckLine(*snapshot.diagnosis, kPatience));
    }
    for (const absl::string_view line : absl::StrSplit(all, '\n')) {
      EXPECT_EQ(Visible(line, terminal, SIZE_MAX), line);
    }
    EXPECT_LT(all.size(), 20'000U);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest, testing::ValuesIn(plegctl_testing::Scenarios()),
                         [](const auto& scenario) {
                           std::string name = scenario.param.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(GoldenTest, Calls) {
  const Snapshot latent = plegctl_testing::LatentHang();
  Terminal wide = kTerminal;
  wide.exact = true;
  ExpectGolden("calls", absl::StrCat(RenderCalls(*latent.calls, kTerminal), "\n$ -o wide\n",
                                     RenderCalls(*latent.calls, wide), "\n$ of a healthy node\n",
                                     RenderCalls(*plegctl_testing::HungStatus().calls, kTerminal)));
}

TEST(GoldenTest, Relists) {
  Terminal wide;
  wide.exact = true;
  const Snapshot down = plegctl_testing::RuntimeDown();
  ExpectGolden("relists",
               absl::StrCat(RenderRelists(*down.relists, 20, kTerminal), "\n$ -o wide\n",
                            RenderRelists(*plegctl_testing::HungList().relists, 5, wide)));
}

TEST(GoldenTest, Pods) {
  const plegd::v1::PodList list = plegctl_testing::Pods();
  const auto pods = PodsIn(list, "");
  Terminal wide;
  wide.exact = true;
  std::string text = RenderPods(pods, kNow, kTerminal);
  absl::StrAppend(&text, "\n$ -o wide\n", RenderPods(pods, kNow, wide));
  const plegd::v1::Calls calls = *plegctl_testing::HungStatus().calls;
  for (const plegd::v1::PodStatus* pod : pods) {
    absl::StrAppend(&text, "\n$ plegctl pod ", pod->name(), "\n",
                    RenderPod(*pod, &calls, kNow, kTerminal));
  }
  ExpectGolden("pods", text);
}

// The clock went back: the second instance is older than the first by its creation, and runs.
TEST(PodsTest, TheCurrentInstanceIsTheOneWithTheMostRestarts) {
  plegd::v1::PodStatus pod;
  pod.set_name("web-0");
  for (const int restarts : {1, 2, 0}) {
    plegd::v1::ContainerStatus& container = *pod.add_containers();
    container.set_name("app");
    container.set_state(restarts == 2 ? "running" : "exited");
    container.set_restart_count(restarts);
  }
  EXPECT_THAT(RenderPods({&pod}, kNow, kTerminal), testing::ContainsRegex(" 1/1 +2 "));
}

TEST(PodsTest, ATimeThatCannotBeMeantIsUnknown) {
  plegd::v1::PodStatus pod;
  pod.set_name("web-0");
  google::protobuf::Timestamp& created = *pod.add_sandboxes()->mutable_created_at();
  const auto now = absl::ToUnixSeconds(kNow);
  for (const int64_t seconds : {int64_t{-6795364579}, int64_t{1}, now + 25 * 3600}) {
    created.set_seconds(seconds);
    EXPECT_THAT(RenderPods({&pod}, kNow, kTerminal), testing::HasSubstr(" unknown "));
  }
  created.set_seconds(now - 7200);
  EXPECT_THAT(RenderPods({&pod}, kNow, kTerminal), testing::HasSubstr(" 2h"));
}

TEST(GoldenTest, ColoursEndOnTheirLine) {
  Terminal terminal = kTerminal;
  terminal.color = true;
  const std::string text = RenderStatus(plegctl_testing::NotReady(), terminal);
  EXPECT_NE(text.find("\x1b[1;31m"), std::string::npos);
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t last = line.rfind('\x1b');
    if (last != absl::string_view::npos) {
      EXPECT_EQ(line.substr(last, 4), "\x1b[0m") << line;
    }
  }
}

}  // namespace
}  // namespace plegctl
