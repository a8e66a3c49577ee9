// plegd and plegctl --direct in a real cgroup of little memory, with a runtime whose lists are far
// larger than that. Needs root.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <list>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "test/process/cri_sim_process.h"
#include "test/process/plegd_process.h"
#include "test/process/scratch_dir.h"
#include "test/process/status_testing.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

using ::testing::Combine;
using ::testing::Values;

constexpr uint64_t kMebibyte = 1 << 20;
constexpr size_t kPods = 30;
constexpr absl::Duration kLong = absl::Minutes(2);

// One of its own, with a limit; of whichever version the machine has for memory.
class Cgroup {
 public:
  explicit Cgroup(uint64_t bytes) {
    for (const auto& [root, limit] : {std::pair("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                                      std::pair("/sys/fs/cgroup", "memory.max")}) {
      path_ = absl::StrCat(root, "/plegd-test-", getpid());
      if (mkdir(path_.c_str(), 0755) != 0) continue;
      const std::string file = absl::StrCat(path_, "/", limit);
      if (access(file.c_str(), W_OK) == 0 && (std::ofstream(file) << bytes).flush()) return;
      rmdir(path_.c_str());
    }
    path_.clear();
  }
  ~Cgroup() {
    // The last process may still be on its way out.
    if (!path_.empty()) WaitUntil([&] { return rmdir(path_.c_str()) == 0; });
  }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  bool made() const { return !path_.empty(); }
  // What executes a program in it.
  std::vector<std::string> Wrapper() const {
    return {"/bin/sh", "-c", absl::StrCat("echo $$ > ", path_, "/cgroup.procs && exec \"$@\""),
            "sh"};
  }
  // Processes that the kernel has ended for want of memory.
  uint64_t Killed() const {
    for (const char* file : {"/memory.oom_control", "/memory.events"}) {
      std::ifstream in(path_ + file);
      for (std::string line; std::getline(in, line);) {
        const std::vector<std::string> words = absl::StrSplit(line, ' ');
        uint64_t count = 0;
        if (words[0] == "oom_kill" && absl::SimpleAtoi(words[1], &count)) return count;
      }
    }
    ADD_FAILURE() << "nothing counts processes killed in " << path_;
    return 0;
  }
  // The most that all of it has used.
  uint64_t Peak() const {
    for (const char* file : {"/memory.max_usage_in_bytes", "/memory.peak"}) {
      uint64_t bytes = 0;
      if (std::ifstream(path_ + file) >> bytes) return bytes;
    }
    return 0;
  }

 private:
  std::string path_;
};

// Peak of the resident memory of a process, in MiB.
uint64_t PeakOf(pid_t pid) {
  std::ifstream in(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    uint64_t kibibytes = 0;
    if (words >> name >> kibibytes && name == "VmHWM:") return kibibytes / 1024;
  }
  return 0;
}

struct Case {
  const char* fault;
  bool streamed;
  const char* words;  // of the finding
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.fault; }

class ListBudgetTest : public ::testing::Test {
 protected:
  void Prepare(uint64_t mebibytes,
               const std::vector<std::string>& node = {"--pods", absl::StrCat(kPods)}) {
    if (getuid() != 0) GTEST_SKIP() << "needs root, for a cgroup";
    limit_ = mebibytes;
    cgroup_ = std::make_unique<Cgroup>(mebibytes * kMebibyte);
    ASSERT_TRUE(cgroup_->made()) << "no cgroup can be made";
    ASSERT_OK_AND_ASSIGN(sim_, CriSimProcess::Start(dir_.path(), node));
  }
  void StartPlegd(const std::string& started_when, bool streamed) {
    ASSERT_OK_AND_ASSIGN(
        plegd_, PlegdProcess::Start(
                    sim_->endpoint(), dir_.path(),
                    {.flags = {"--list-streaming", streamed ? "auto" : "off", "--host-probe", "on"},
                     .wrapper = cgroup_->Wrapper(),
                     .started_when = started_when}));
  }
  // Whether it finds the list too large, in the end, in these words; beside whatever else the
  // machine suffers from.
  bool FindsItTooLarge(const std::string& words) {
    return WaitUntil([&] { return SentenceOfTheList().find(words) != std::string::npos; }, kLong);
  }
  bool FindsItFit() {
    return WaitUntil([&] { return SentenceOfTheList() == "none"; }, kLong);
  }
  std::string SentenceOfTheList() const {
    const auto diagnosis = plegd_->Diagnosis();
    if (!diagnosis.ok()) return "no diagnosis";
    for (const auto& finding : diagnosis->findings()) {
      if (finding.code() == "MESSAGE_TOO_LARGE") return finding.sentence();
    }
    return "none";
  }
  std::string Findings() const {
    const auto diagnosis = plegd_->Diagnosis();
    return diagnosis.ok() ? diagnosis->DebugString() : std::string(diagnosis.status().message());
  }
  bool HasPods(size_t pods) {
    return WaitUntil(
        [&] {
          const auto list = plegd_->Pods();
          return list.ok() && static_cast<size_t>(list->pods_size()) == pods;
        },
        kLong);
  }
  void ExpectAlive() {
    EXPECT_EQ(kill(plegd_->pid(), 0), 0);
    EXPECT_EQ(cgroup_->Killed(), 0u) << plegd_->LogTail();
    std::printf("in %lu MiB: peak of plegd %lu MiB, of its cgroup %lu MiB\n", limit_,
                PeakOf(plegd_->pid()), cgroup_->Peak() / kMebibyte);
  }

  const ScratchDir dir_;
  uint64_t limit_ = 0;
  std::unique_ptr<Cgroup> cgroup_;
  std::unique_ptr<CriSimProcess> sim_;
  std::unique_ptr<PlegdProcess> plegd_;
};

class ListTooLargeTest : public ListBudgetTest,
                         public ::testing::WithParamInterface<std::tuple<uint64_t, Case>> {};

TEST_P(ListTooLargeTest, PlegdLivesSaysSoAndRecovers) {
  const Case& c = std::get<1>(GetParam());
  Prepare(std::get<0>(GetParam()));
  if (IsSkipped() || HasFatalFailure()) return;
  StartPlegd("/readyz", c.streamed);
  ASSERT_TRUE(HasPods(kPods));
  ASSERT_OK(sim_->Control(absl::StrCat("fault add ", c.fault)).status());
  EXPECT_TRUE(FindsItTooLarge(c.words)) << Findings();
  absl::SleepFor(absl::Seconds(2));  // some more of such lists
  EXPECT_TRUE(HasPods(kPods));       // the last good state
  ExpectAlive();

  ASSERT_OK(sim_->Control("fault clear").status());
  EXPECT_TRUE(FindsItFit()) << Findings();
  EXPECT_TRUE(HasPods(kPods));
  ExpectAlive();
}

// As after it was ended by whatever: it begins in the middle of the incident.
TEST_P(ListTooLargeTest, PlegdThatStartsThenLivesSaysSoAndRecovers) {
  const Case& c = std::get<1>(GetParam());
  Prepare(std::get<0>(GetParam()));
  if (IsSkipped() || HasFatalFailure()) return;
  ASSERT_OK(sim_->Control(absl::StrCat("fault add ", c.fault)).status());
  StartPlegd("/livez", c.streamed);
  EXPECT_TRUE(FindsItTooLarge(c.words)) << Findings();
  ASSERT_OK(sim_->Control("fault clear").status());
  EXPECT_TRUE(HasPods(kPods));
  EXPECT_TRUE(FindsItFit()) << Findings();
  ExpectAlive();
}

INSTANTIATE_TEST_SUITE_P(
    Lists, ListTooLargeTest,
    Combine(Values(128u, 256u),
            Values(Case{"ListContainers objects=1000000", false, "all that plegd takes"},
                   Case{"StreamContainers objects=1000000", true, "all that plegd takes"},
                   Case{"ListContainers label=120MiB", false, "all that plegd takes"},
                   Case{"StreamPodSandboxes label=120MiB", true, "all that plegd takes"},
                   Case{"StreamContainers endless", true, "all that plegd takes"})));

std::string OutputOf(const std::string& command) {
  std::string text;
  FILE* output = popen(command.c_str(), "r");
  if (output == nullptr) return text;
  std::array<char, 4096> buffer{};
  size_t read = 0;
  while ((read = fread(buffer.data(), 1, buffer.size(), output)) > 0) {
    text.append(buffer.data(), read);
  }
  pclose(output);
  return text;
}

class DirectListBudgetTest : public ListBudgetTest,
                             public ::testing::WithParamInterface<const char*> {};

TEST_P(DirectListBudgetTest, PlegctlLivesAndSaysSo) {
  Prepare(128);
  if (IsSkipped() || HasFatalFailure()) return;
  ASSERT_OK(sim_->Control(absl::StrCat("fault add ", GetParam())).status());
  std::string command;
  for (const std::string& word : cgroup_->Wrapper()) absl::StrAppend(&command, "'", word, "' ");
  absl::StrAppend(&command, PLEGCTL_BINARY " explain --direct --for 30s --runtime-endpoint ",
                  sim_->endpoint(), " 2>&1");
  std::string text;
  // A machine that is short of CPU has a worse verdict at times.
  EXPECT_TRUE(WaitUntil(
      [&] {
        text = OutputOf(command);
        return absl::StrContains(text, "MESSAGE_TOO_LARGE") &&
               absl::StrContains(text, "plegd takes");
      },
      kLong))
      << text;
  EXPECT_EQ(cgroup_->Killed(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Lists, DirectListBudgetTest,
                         Values("StreamContainers endless", "StreamContainers objects=1000000",
                                "StreamContainers label=120MiB"));

// The most that the budget allows, and all that plegd makes of it: events, statuses, pages.
TEST_F(ListBudgetTest, TheLargestListWithinTheBudgetFits) {
  constexpr size_t kExited = 14'000;
  Prepare(128, {"--pods", absl::StrCat(kPods), "--exited", absl::StrCat(kExited)});
  if (IsSkipped() || HasFatalFailure()) return;
  StartPlegd("/readyz", false);
  EXPECT_TRUE(WaitUntil(
      [&] {
        const auto exited = plegd_->Metric("pleg_containers{state=\"exited\"}");
        const auto pending = plegd_->Metric("pleg_pods_pending");
        return exited.ok() && *exited == kExited && pending.ok() && *pending == 0;
      },
      kLong))
      << plegd_->LogTail();
  for (const char* page : {"/metrics", "/debug/", "/api/v1/pods", "/api/v1/evidence"}) {
    const auto reply = plegd_->Get(page);
    EXPECT_TRUE(reply.ok()) << page << ": " << reply.status();
  }
  const auto events = plegd_->Events();
  ASSERT_OK(events.status());
  EXPECT_GE(events->size(), kExited);
  ExpectAlive();
}

// A node of which some pods have as many labels as an API server takes, with one of the usual kind.
std::string WorldOfManyLabels(size_t large_pods, size_t labels) {
  std::string text;
  for (size_t i = 0; i < labels; ++i) absl::StrAppendFormat(&text, R"(,"%04x":"")", i);
  std::string world = R"({"sandboxes": [)";
  for (size_t i = 0; i <= large_pods; ++i) {
    absl::StrAppend(&world, i > 0 ? "," : "", R"({"id":"s)", i, R"(","metadata":{"name":"pod-)", i,
                    R"(","namespace":"shop","uid":"u)", i, R"("},"labels":{"a":"web")",
                    i < large_pods ? text : "", "}}");
  }
  return world + "]}";
}

TEST_F(ListBudgetTest, PodsWithAsManyLabelsAsTheyMayHaveFit) {
  constexpr size_t kLarge = 11;
  const std::string world = dir_.File("world.json");
  ASSERT_TRUE((std::ofstream(world) << WorldOfManyLabels(kLarge, 65'536)).flush());
  Prepare(64, {"--world", world});
  if (IsSkipped() || HasFatalFailure()) return;
  StartPlegd("/readyz", false);
  // Each is inspected, and is listed some times after that.
  EXPECT_TRUE(WaitUntil(
      [&] {
        const auto pending = plegd_->Metric("pleg_pods_pending");
        const auto relists = plegd_->Metric("pleg_relist_duration_seconds_count");
        return pending.ok() && *pending == 0 && relists.ok() && *relists > 10;
      },
      kLong))
      << plegd_->LogTail();
  const auto pods = plegd_->Pods();
  ASSERT_OK(pods.status());
  ASSERT_EQ(static_cast<size_t>(pods->pods_size()), kLarge + 1);
  for (const auto& pod : pods->pods()) {
    ASSERT_EQ(pod.sandboxes_size(), 1) << pod.DebugString();
    const auto& labels = pod.sandboxes(0).labels();
    const bool large = pod.name() != absl::StrCat("pod-", kLarge);
    EXPECT_EQ(pod.sandboxes(0).truncated(), large) << pod.name();
    if (large) EXPECT_GT(labels.size(), 100u);
    if (!large) EXPECT_EQ(labels.count("a"), 1u);
  }
  EXPECT_EQ(SentenceOfTheList().find("plegd takes"), std::string::npos) << SentenceOfTheList();
  ExpectAlive();
}

// A client of plegd's HTTP socket that asks and does not read. Ended by the destructor.
class SilentReader {
 public:
  SilentReader(const std::string& socket_path, const std::string& target)
      : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    socket_path.copy(name.sun_path, sizeof(name.sun_path) - 1);
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
    const std::string request = absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(write(fd_, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  }
  ~SilentReader() { close(fd_); }
  SilentReader(const SilentReader&) = delete;
  SilentReader& operator=(const SilentReader&) = delete;
  // Blocks until the answer begins: "HTTP/1.1 200".
  std::string Begins() const {
    std::array<char, 12> text{};
    const ssize_t size = recv(fd_, text.data(), text.size(), MSG_WAITALL | MSG_PEEK);
    return {text.data(), static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  const int fd_;
};

// As many as a listener has connections, beside the largest list that fits.
TEST_F(ListBudgetTest, AnswersThatNobodyReadsFit) {
  constexpr size_t kExited = 14'000;
  Prepare(128, {"--pods", absl::StrCat(kPods), "--exited", absl::StrCat(kExited)});
  if (IsSkipped() || HasFatalFailure()) return;
  StartPlegd("/readyz", false);
  EXPECT_TRUE(WaitUntil(
      [&] {
        const auto pending = plegd_->Metric("pleg_pods_pending");
        return pending.ok() && *pending == 0;
      },
      kLong));
  std::list<SilentReader> readers;
  size_t refused = 0;
  for (int i = 0; i < 64; ++i) {
    refused +=
        readers.emplace_back(absl::StrCat(dir_.path(), "/plegd.sock"), "/api/v1/pods").Begins() ==
        "HTTP/1.1 503";
  }
  EXPECT_GT(refused, 0u);
  EXPECT_LT(refused, 64u);
  ExpectAlive();
  readers.clear();
  EXPECT_TRUE(HasPods(kPods));
}

}  // namespace
}  // namespace plegd_testing
