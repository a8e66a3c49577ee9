// runtime_cost [--pods N] [--relists N] [--rounds N] [--period-ms N]: the CPU that plegd causes in
// a real containerd, beside what the kubelet's calls cause in the same one: per relist, and per pod
// inspected. A table in Markdown; exit code 77 where there can be no real pods.
//
// The rounds of all candidates alternate, so that what else the machine does falls on all of them.

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <functional>
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
#include "test/containerd/containerd_fixture.h"
#include "test/containerd/event_tail.h"
#include "test/process/plegd_process.h"
#include "test/soak/kubelet_calls.h"

namespace plegd_testing {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kSkipped = 77;
// The kubelet asks for Status at this pace, and so does plegd.
constexpr absl::Duration kStatusPeriod = absl::Seconds(5);
constexpr absl::Duration kSettle = absl::Seconds(3);
constexpr char kRelistCount[] = "pleg_relist_duration_seconds_count";

struct Options {
  uint64_t pods = 60;
  uint64_t relists = 30;
  uint64_t rounds = 3;
  uint64_t period_ms = 1000;

  absl::Duration period() const { return absl::Milliseconds(period_ms); }
};

// Of all threads of a process since its start, those that have ended too: the clock that
// clock_getcpuclockid(3) names.
absl::Duration CpuOf(pid_t pid) {
  timespec time = {};
  clock_gettime((~pid << 3) | 2, &time);
  return absl::DurationFromTimespec(time);
}

// CPU of the runtime, of its shims, and of who asked.
struct Cost {
  absl::Duration containerd, shims, client;

  Cost operator-(const Cost& other) const {
    return {containerd - other.containerd, shims - other.shims, client - other.client};
  }
  Cost operator*(double factor) const {
    return {containerd * factor, shims * factor, client * factor};
  }
};

absl::Duration Median(std::vector<absl::Duration> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The figures of all rounds of one candidate.
class Series {
 public:
  void Add(const Cost& cost) { costs_.push_back(cost); }
  Cost median() const {
    return {Median(Values(&Cost::containerd)), Median(Values(&Cost::shims)),
            Median(Values(&Cost::client))};
  }
  absl::Duration least() const { return *Extremes().first; }
  absl::Duration most() const { return *Extremes().second; }

 private:
  std::vector<absl::Duration> Values(absl::Duration Cost::*part) const {
    std::vector<absl::Duration> values;
    for (const Cost& cost : costs_) values.push_back(cost.*part);
    return values;
  }
  std::pair<const absl::Duration*, const absl::Duration*> Extremes() const {
    const auto by_containerd = [](const Cost& a, const Cost& b) {
      return a.containerd < b.containerd;
    };
    const auto [least, most] = std::minmax_element(costs_.begin(), costs_.end(), by_containerd);
    return {&least->containerd, &most->containerd};
  }

  std::vector<Cost> costs_;
};

class Measurement {
 public:
  explicit Measurement(const Options& options)
      : options_(options), period_(absl::StrCat(options.period_ms, "ms")) {}

  absl::Status Run() {
    if (absl::Status status = SetUp(); !status.ok()) return status;
    for (uint64_t round = 0; round < options_.rounds; ++round) {
      Rest();
      if (absl::Status status = RunRound(); !status.ok()) return status;
      std::cerr << "round " << round + 1 << " of " << options_.rounds << " done\n";
    }
    Print();
    return absl::OkStatus();
  }

 private:
  absl::Status SetUp() {
    auto node = Containerd::Start();
    if (!node.ok()) return node.status();
    node_ = *std::move(node);
    for (uint64_t i = 0; i < options_.pods; ++i) {
      const auto pod =
          node_->RunPod({.name = absl::StrCat("pod-", i), .uid = absl::StrCat("uid-", i)});
      if (!pod.ok()) return pod.status();
      const auto container = node_->CreateContainer(*pod, {.name = "app"});
      if (!container.ok()) return container.status();
      if (absl::Status status = node_->StartContainer(*container); !status.ok()) return status;
      shims_.push_back(node_->ShimPid(*pod));
    }
    absl::SleepFor(kSettle);
    return absl::OkStatus();
  }

  absl::Status RunRound() {
    for (const bool sweep : {false, true}) {
      if (absl::Status status = RelistByPlegd(sweep); !status.ok()) return status;
    }
    if (absl::Status status = RelistByKubelet(); !status.ok()) return status;
    if (absl::Status status = InspectByPlegd(); !status.ok()) return status;
    for (const KubeletVersion version : {KubeletVersion::kUpTo135, KubeletVersion::kFrom136}) {
      if (absl::Status status = InspectByKubelet(version); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  Cost Now(pid_t client) const {
    Cost cost = {CpuOf(node_->pid()), absl::ZeroDuration(), CpuOf(client)};
    for (const pid_t shim : shims_) cost.shims += CpuOf(shim);
    return cost;
  }

  // What containerd takes without anybody asking, per second.
  void Rest() {
    const Cost before = Now(getpid());
    const absl::Time begin = absl::Now();
    absl::SleepFor(options_.period() * static_cast<double>(options_.relists) / 2);
    const Cost took = Now(getpid()) - before;
    at_rest_.Add(took * (1 / absl::ToDoubleSeconds(absl::Now() - begin)));
  }

  // Beyond what the time would have taken at rest, for one of `count`.
  Cost PerOne(Cost took, absl::Duration time, double count) const {
    const double seconds = absl::ToDoubleSeconds(time);
    const Cost rest = at_rest_.median();
    took.containerd -= rest.containerd * seconds;
    took.shims -= rest.shims * seconds;
    return took * (1 / count);
  }

  absl::StatusOr<std::unique_ptr<PlegdProcess>> StartPlegd(bool sweep) {
    // A log of its own: what is told now is what this one has seen.
    std::remove((node_->dir() + "/events.jsonl").c_str());
    return PlegdProcess::Start(node_->endpoint(), node_->dir(),
                               {.relist_period = period_,
                                .flags = {"--sweep", sweep ? "on" : "off"},
                                .started_when = "/livez"});
  }

  absl::Status RelistByPlegd(bool sweep) {
    const auto plegd = StartPlegd(sweep);
    if (!plegd.ok()) return plegd.status();
    absl::SleepFor(kSettle);
    const auto relists = [&] { return (*plegd)->Metric(kRelistCount).value_or(0); };
    const double first = relists();
    const absl::Time begin = absl::Now();
    const Cost before = Now((*plegd)->pid());
    absl::SleepFor(options_.period() * static_cast<double>(options_.relists));
    const Cost took = Now((*plegd)->pid()) - before;
    const absl::Duration time = absl::Now() - begin;
    relist_[sweep ? "plegd" : "plegd, sweep off"].Add(PerOne(took, time, relists() - first));
    return absl::OkStatus();
  }

  absl::Status RelistByKubelet() {
    KubeletCalls kubelet(node_->endpoint());
    if (absl::Status status = kubelet.Connect(); !status.ok()) return status;
    absl::SleepFor(kSettle);
    const absl::Time begin = absl::Now();
    const Cost before = Now(getpid());
    absl::Time next_status = begin;
    for (uint64_t i = 0; i < options_.relists; ++i) {
      absl::Status status = kubelet.Relist();
      if (status.ok() && absl::Now() >= next_status) {
        next_status += kStatusPeriod;
        status = kubelet.Status();
      }
      if (!status.ok()) return status;
      absl::SleepFor(options_.period());
    }
    const Cost took = Now(getpid()) - before;
    relist_["the kubelet's calls"].Add(
        PerOne(took, absl::Now() - begin, static_cast<double>(options_.relists)));
    return absl::OkStatus();
  }

  // A start inspects every pod: what it costs beyond one relist.
  void AddInspection(const std::string& who, const std::string& relists, Cost took,
                     absl::Duration time) {
    const double pods = static_cast<double>(options_.pods);
    inspection_[who].Add(PerOne(took - relist_[relists].median(), time, pods));
  }

  absl::Status InspectByPlegd() {
    const Cost before = Now(getpid());
    const absl::Time begin = absl::Now();
    const auto plegd = StartPlegd(false);
    if (!plegd.ok()) return plegd.status();
    EventTail tail((*plegd)->event_log());
    const auto all_told = [&] {
      tail.Read();
      return tail.count() == 2 * options_.pods;
    };
    if (!WaitUntil(all_told)) return absl::DeadlineExceededError("plegd does not tell of all pods");
    Cost took = Now(getpid()) - before;
    took.client = CpuOf((*plegd)->pid());
    AddInspection("plegd", "plegd, sweep off", took, absl::Now() - begin);
    return absl::OkStatus();
  }

  absl::Status InspectByKubelet(KubeletVersion version) {
    const Cost before = Now(getpid());
    const absl::Time begin = absl::Now();
    KubeletCalls kubelet(node_->endpoint());
    absl::Status status = kubelet.Connect();
    if (status.ok()) status = kubelet.Relist();
    if (status.ok()) status = kubelet.InspectAll(version);
    if (!status.ok()) return status;
    const std::string who = version == KubeletVersion::kUpTo135
                                ? "the kubelet's calls, 1.20 to 1.35"
                                : "the kubelet's calls, from 1.36 on";
    AddInspection(who, "the kubelet's calls", Now(getpid()) - before, absl::Now() - begin);
    return absl::OkStatus();
  }

  static void PrintRow(const std::string& what, const std::string& who, const Series& series,
                       bool with_client) {
    const auto ms = [](absl::Duration time) {
      return absl::StrFormat("%.3f", absl::ToDoubleMilliseconds(time));
    };
    const Cost median = series.median();
    std::cout << "| " << what << " | " << who << " | " << ms(median.containerd) << " ("
              << ms(series.least()) << " … " << ms(series.most()) << ") | " << ms(median.shims)
              << " | " << (with_client ? ms(median.client) : "") << " |\n";
  }

  void Print() const {
    std::cout << "| CPU, ms: median (range) | of | containerd | its shims | plegd itself |\n"
              << "| --- | --- | --- | --- | --- |\n";
    for (const auto& [who, series] : relist_) {
      PrintRow("per relist", who, series, who[0] == 'p');
    }
    for (const auto& [who, series] : inspection_) {
      PrintRow("per pod inspected", who, series, who[0] == 'p');
    }
    PrintRow("per second", "nobody", at_rest_, false);
  }

  const Options options_;
  const std::string period_;
  std::unique_ptr<Containerd> node_;
  std::vector<pid_t> shims_;
  Series at_rest_;
  std::map<std::string, Series> relist_, inspection_;
};

std::optional<Options> Parse(int argc, char** argv) {
  Options options;
  const std::map<absl::string_view, uint64_t*> known = {{"--pods", &options.pods},
                                                        {"--relists", &options.relists},
                                                        {"--rounds", &options.rounds},
                                                        {"--period-ms", &options.period_ms}};
  for (int i = 1; i < argc; i += 2) {
    const auto flag = known.find(argv[i]);
    const bool valid = flag != known.end() && i + 1 < argc &&
                       absl::SimpleAtoi(argv[i + 1], flag->second) && *flag->second > 0;
    if (!valid) {
      std::cerr << "usage: runtime_cost [--pods N] [--relists N] [--rounds N] [--period-ms N]\n";
      return std::nullopt;
    }
  }
  return options;
}

int Main(int argc, char** argv) {
  const std::optional<Options> options = Parse(argc, argv);
  if (!options.has_value()) return kUsage;
  if (const std::string reason = Containerd::Unavailable(); !reason.empty()) {
    std::cout << "SKIPPED: " << reason << std::endl;
    return kSkipped;
  }
  const absl::Status status = Measurement(*options).Run();
  if (status.ok()) return 0;
  std::cerr << "runtime_cost: " << status << "\n";
  return kFailed;
}

}  // namespace
}  // namespace plegd_testing

int main(int argc, char** argv) { return plegd_testing::Main(argc, argv); }
