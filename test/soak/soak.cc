// soak [--minutes N] [--pods N] [--seed N] [--calm]: plegd on a real containerd, pods that never
// rest, and a fault every minute, or none. At the end its event log and its cache must be what was
// done, its memory and files flat, all it ever said of health in the kubelet's words, and its
// diagnosis that of the fault while there was one, and otherwise that all is well. A row for each
// minute and a verdict; exit code 1 on any difference, 77 where there can be no real pods.

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/v1/api.pb.h"
#include "test/containerd/churn.h"
#include "test/containerd/containerd_fixture.h"
#include "test/containerd/health_words.h"
#include "test/containerd/scripted_pod.h"
#include "test/process/plegd_process.h"
#include "test/soak/faults.h"
#include "test/soak/watch.h"

namespace plegd_testing {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kSkipped = 77;
constexpr char kThreshold[] = "10s";
constexpr absl::Duration kCalmBeforeFault = absl::Seconds(10);
constexpr absl::Duration kMostWait = absl::Seconds(60);

std::atomic<bool> interrupted = false;

struct Options {
  uint64_t minutes = 30;
  uint64_t pods = 6;
  uint64_t seed = 1;
  bool calm = false;  // no faults
};

std::optional<Options> Parse(int argc, char** argv) {
  Options options;
  const std::map<absl::string_view, uint64_t*> known = {
      {"--minutes", &options.minutes}, {"--pods", &options.pods}, {"--seed", &options.seed}};
  for (int i = 1; i < argc; ++i) {
    const auto flag = known.find(argv[i]);
    if (absl::string_view(argv[i]) == "--calm") {
      options.calm = true;
    } else if (flag == known.end() || ++i >= argc || !absl::SimpleAtoi(argv[i], flag->second)) {
      std::cerr << "usage: soak [--minutes N] [--pods N] [--seed N] [--calm]\n";
      return std::nullopt;
    }
  }
  return options;
}

using StateById = std::map<std::string, std::string>;

// Ids and states by the cache of plegd.
absl::StatusOr<StateById> CachedStates(const PlegdProcess& plegd) {
  const absl::StatusOr<plegd::v1::PodList> list = plegd.Pods();
  if (!list.ok()) return list.status();
  StateById states;
  for (const plegd::v1::PodStatus& pod : list->pods()) {
    for (const auto& sandbox : pod.sandboxes()) states[sandbox.id()] = sandbox.state();
    for (const auto& container : pod.containers()) states[container.id()] = container.state();
  }
  return states;
}

// The same by containerd itself.
absl::StatusOr<StateById> ListedStates(const CriClient& cri) {
  const auto sandboxes = cri.Call<runtime::v1::ListPodSandboxResponse>(
      "ListPodSandbox", runtime::v1::ListPodSandboxRequest());
  if (!sandboxes.ok()) return sandboxes.status();
  const auto containers = cri.Call<runtime::v1::ListContainersResponse>(
      "ListContainers", runtime::v1::ListContainersRequest());
  if (!containers.ok()) return containers.status();
  StateById states;
  for (const auto& item : sandboxes->items()) {
    states[item.id()] = item.state() == runtime::v1::SANDBOX_READY ? "ready" : "notready";
  }
  for (const auto& item : containers->containers()) {
    states[item.id()] = item.state() == runtime::v1::CONTAINER_RUNNING  ? "running"
                        : item.state() == runtime::v1::CONTAINER_EXITED ? "exited"
                                                                        : "created";
  }
  return states;
}

class Soak {
 public:
  explicit Soak(const Options& options) : options_(options) {}

  absl::Status SetUp() {
    auto node = Containerd::Start();
    if (!node.ok()) return node.status();
    node_ = *std::move(node);
    auto plegd =
        PlegdProcess::Start(node_->endpoint(), node_->dir(),
                            {.relist_period = "1s", .flags = {"--relist-threshold", kThreshold}});
    if (!plegd.ok()) return plegd.status();
    plegd_ = *std::move(plegd);
    churn_ = std::make_unique<Churn>(*node_, plegd_->event_log(),
                                     ChurnOptions{.pods = options_.pods, .seed = options_.seed});
    victim_ = std::make_unique<ScriptedPod>(*node_, PodSpec{.name = "victim", .uid = "uid-victim"});
    if (absl::Status status = victim_->RunSandbox(); !status.ok()) return status;
    // Each is seen by itself.
    if (!plegd_->WaitForTwoRelists()) return absl::DeadlineExceededError("plegd does not relist");
    if (absl::Status status = victim_->StartContainer("app"); !status.ok()) return status;
    churn_->AddBystander(*victim_);
    watch_ = std::make_unique<Watch>(*plegd_, kThreshold);
    faults_ = std::make_unique<Faults>(*node_, *plegd_, *watch_, victim_->ContainerIdOf("app"));
    churn_->Start();
    return absl::OkStatus();
  }

  int Run() {
    PrintHead();
    for (uint64_t minute = 1; minute <= options_.minutes && !interrupted; ++minute) {
      const absl::Time end = absl::Now() + absl::Minutes(1);
      SleepUntil(end - absl::Minutes(1) + kCalmBeforeFault);
      if (interrupted) break;
      FaultReport report = {.name = "none"};
      if (!options_.calm) report = faults_->Do(static_cast<int>(minute - 1));
      SleepUntil(end);
      JudgeMinute(report);
      PrintRow(minute, report);
      for (const std::string& problem : report.problems) {
        problems_.push_back(absl::StrCat("minute ", minute, ", ", report.name, ": ", problem));
      }
    }
    churn_->Stop();
    JudgeEnd();
    return PrintVerdict();
  }

 private:
  static void SleepUntil(absl::Time end) {
    while (!interrupted && absl::Now() < end) absl::SleepFor(absl::Milliseconds(100));
  }

  void JudgeMinute(FaultReport& report) {
    for (std::string& problem : watch_->TakeProblems()) report.problems.push_back(problem);
    if (churn_->longest_wait() > kMostWait) {
      report.problems.push_back(
          absl::StrCat("a change was not told for ", absl::FormatDuration(churn_->longest_wait())));
    }
  }

  void Expect(bool holds, absl::string_view otherwise) {
    if (!holds) problems_.emplace_back(otherwise);
  }

  void JudgeEnd() {
    const std::string wrong = churn_->Verdict();
    Expect(wrong.empty(), absl::StrCat("events differ from the truth:\n", wrong));
    Expect(plegd_->WaitForTwoRelists(), "plegd does not relist");
    std::map<std::string, std::string> cached;
    if (const auto pods = plegd_->Pods(); pods.ok()) {
      for (const auto& pod : pods->pods()) cached[pod.uid()] = Describe(pod);
    }
    Expect(cached == churn_->ExpectedStatuses(), "the cache differs from what was done");
    const auto states = CachedStates(*plegd_);
    const auto listed = ListedStates(node_->cri());
    Expect(states.ok() && listed.ok() && *states == *listed,
           "the cache differs from containerd's final listing");
    const auto metric = [&](absl::string_view name) { return plegd_->Metric(name).value_or(-1); };
    Expect(metric("pleg_events_discarded_total") == 0, "events were discarded");
    Expect(metric("pleg_event_log_dropped_total") == 0, "events were not written");
    const std::string log = plegd_->Log();
    const int lost = LogLines(log, "the container runtime is lost");
    const int back = LogLines(log, "the container runtime is back");
    Expect(lost == faults_->kills() && back == faults_->kills(),
           absl::StrCat("the log tells ", lost, " times that the runtime is lost and ", back,
                        " times that it is back, though it died ", faults_->kills(), " times"));
    JudgeResources();
  }

  void JudgeResources() {
    std::vector<double> memory, files, threads;
    for (const Resources& sample : watch_->samples()) {
      memory.push_back(sample.resident_mb);
      files.push_back(sample.files);
      threads.push_back(sample.threads);
    }
    for (const std::string& growth :
         {Growth("resident memory, MB,", memory, 1), Growth("open files", files, 2),
          Growth("threads", threads, 0)}) {
      if (!growth.empty()) problems_.push_back(growth);
    }
  }

  void PrintHead() const {
    std::cout << "soak: " << options_.minutes << " minutes, " << options_.pods << " pods, seed "
              << options_.seed << "\n"
              << absl::StrFormat("%6s  %-24s %6s %8s %8s %7s %6s %7s %8s %6s %5s %7s\n", "minute",
                                 "fault", "out, s", "back, ms", "actions", "refused", "pods",
                                 "events", "RSS, MB", "files", "thr.", "problems")
              << std::flush;
  }

  void PrintRow(uint64_t minute, const FaultReport& report) const {
    const Resources now = MeasureResources(plegd_->pid());
    std::cout << absl::StrFormat("%6d  %-24s %6.0f %8.0f %8d %7d %6d %7d %8.1f %6.0f %5.0f %7d\n",
                                 minute, report.name, absl::ToDoubleSeconds(report.outage),
                                 absl::ToDoubleMilliseconds(report.recovery), churn_->actions(),
                                 churn_->failed_calls(), churn_->pods_made(), churn_->events_told(),
                                 now.resident_mb, now.files, now.threads, report.problems.size())
              << std::flush;
    for (const std::string& problem : report.problems)
      std::cout << "        " << problem << std::endl;
  }

  int PrintVerdict() {
    if (testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed()) {
      problems_.push_back("the harness failed, see above");
    }
    std::cout << "events: " << churn_->told().count() << " told of " << churn_->pods_made() + 1
              << " pods in " << churn_->actions() << " actions; " << churn_->failed_calls()
              << " calls were refused or cut off; longest wait for an event "
              << absl::FormatDuration(churn_->longest_wait()) << "\ncontainerd missed the end of "
              << churn_->lost_exits()
              << " containers while it was dead\nhealth: " << watch_->texts() << " texts read, "
              << watch_->unhealthy_texts() << " unhealthy; " << watch_->diagnoses()
              << " diagnoses\n";
    for (const std::string& problem : problems_) std::cout << "PROBLEM: " << problem << "\n";
    std::cout << "verdict: " << (problems_.empty() ? "equal to the truth" : "DIFFERS") << std::endl;
    if (!problems_.empty()) std::cout << "plegd's log:\n" << plegd_->LogTail() << std::endl;
    return problems_.empty() ? 0 : kFailed;
  }

  const Options options_;
  std::unique_ptr<Containerd> node_;
  std::unique_ptr<PlegdProcess> plegd_;
  std::unique_ptr<ScriptedPod> victim_;
  std::unique_ptr<Churn> churn_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<Faults> faults_;
  std::vector<std::string> problems_;
};

int Main(int argc, char** argv) {
  const std::optional<Options> options = Parse(argc, argv);
  if (!options.has_value()) return kUsage;
  if (const std::string reason = Containerd::Unavailable(); !reason.empty()) {
    std::cout << "SKIPPED: " << reason << std::endl;
    return kSkipped;
  }
  for (const int number : {SIGINT, SIGTERM}) signal(number, [](int) { interrupted = true; });
  Soak soak(*options);
  if (const absl::Status status = soak.SetUp(); !status.ok()) {
    std::cerr << "soak: " << status << "\n";
    return kFailed;
  }
  return soak.Run();
}

}  // namespace
}  // namespace plegd_testing

int main(int argc, char** argv) { return plegd_testing::Main(argc, argv); }
