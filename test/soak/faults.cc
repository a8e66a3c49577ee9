#include "test/soak/faults.h"

#include <array>
#include <filesystem>
#include <future>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

constexpr absl::Duration kDown = absl::Seconds(3);
// Beyond the threshold of ten seconds.
constexpr absl::Duration kSilent = absl::Seconds(14);
constexpr absl::Duration kStopped = absl::Seconds(6);
constexpr absl::Duration kSettleBudget = absl::Seconds(20);
constexpr int kOften = 3;
constexpr absl::Duration kRecoveryBudget = absl::Milliseconds(1500);

}  // namespace

FaultReport Faults::Do(int number) {
  struct Kind {
    const char* name;
    void (Faults::*action)(FaultReport&);
    const char* code;                  // has to be told; null if nothing has
    std::set<std::string> on_the_way;  // may be, too
  };
  static const auto* const kinds = new std::array<Kind, kKinds>{{
      {"containerd killed", &Faults::Kill, "RUNTIME_DOWN", {"RUNTIME_RESTARTING"}},
      {"containerd frozen", &Faults::Freeze, "RUNTIME_HUNG", {"UNEXPLAINED"}},
      {"lock convoy", &Faults::Convoy, "LIST_LOCK_CONVOY", {"UNEXPLAINED"}},
      {"socket removed, killed", &Faults::RemoveSocket, "RUNTIME_DOWN", {"RUNTIME_RESTARTING"}},
      {"plegd frozen", &Faults::FreezePlegd, nullptr, {}},
      // Neither lasts.
      {"killed in a convoy",
       &Faults::KillInConvoy,
       nullptr,
       {"LIST_LOCK_CONVOY", "RUNTIME_DOWN", "RUNTIME_RESTARTING"}},
  }};
  const Kind& kind = (*kinds)[static_cast<size_t>(number % kKinds)];
  FaultReport report;
  report.name = kind.name;
  std::set<std::string> allowed = kind.on_the_way;
  if (kind.code != nullptr) allowed.insert(kind.code);
  allowed.merge(CodesAtRest());
  watch_.AllowCodes(allowed);
  watch_.TakeCodes();
  (this->*kind.action)(report);
  if (kind.code != nullptr && watch_.TakeCodes().count(kind.code) == 0) {
    report.problems.push_back(absl::StrCat("was not told that it is ", kind.code));
  }
  AwaitGoodDiagnosis(report);
  watch_.AllowCodes(CodesAtRest());
  return report;
}

std::set<std::string> Faults::CodesAtRest() const {
  // What dies every few minutes restarts again and again, which is what plegd has to say then.
  if (kills_ < kOften) return {};
  return {"RUNTIME_RESTARTING"};
}

void Faults::AwaitGoodDiagnosis(FaultReport& report) const {
  const auto well = [this] {
    const std::string code = watch_.last_code();
    return code == "HEALTHY" || code == "WARNING" || CodesAtRest().count(code) > 0;
  };
  if (!WaitUntil(well, kSettleBudget)) {
    report.problems.push_back(absl::StrCat("still diagnosed as ", watch_.last_code()));
  }
}

double Faults::GoodRelists() const {
  return plegd_.Metric("pleg_relist_phase_duration_seconds_count{phase=\"diff\"}").value_or(-1);
}

void Faults::AwaitRelist(FaultReport& report, double relists_before, absl::Time since) const {
  if (!WaitUntil([&] { return GoodRelists() > relists_before; })) {
    report.problems.push_back("no relist any more");
    return;
  }
  report.recovery = absl::Now() - since;
  if (report.recovery > kRecoveryBudget) {
    report.problems.push_back(
        absl::StrCat("recovers after ", absl::FormatDuration(report.recovery)));
  }
}

void Faults::ExpectUnhealthy(FaultReport& report) const {
  if (plegd_.Metric("pleg_healthy").value_or(-1) != 0) {
    report.problems.push_back("healthy in spite of the silence");
  }
}

void Faults::Restart(FaultReport& report) {
  const double before = GoodRelists();
  if (const absl::Status status = node_.Restart(); !status.ok()) {
    report.problems.push_back(status.ToString());
    return;
  }
  AwaitRelist(report, before, node_.answered_at());
}

void Faults::Kill(FaultReport& report) {
  ++kills_;
  node_.Kill();
  report.outage = kDown;
  absl::SleepFor(kDown);
  Restart(report);
}

void Faults::Freeze(FaultReport& report) {
  node_.Freeze();
  report.outage = kSilent;
  absl::SleepFor(kSilent);
  ExpectUnhealthy(report);
  const double before = GoodRelists();
  node_.Thaw();
  AwaitRelist(report, before, absl::Now());
}

void Faults::Convoy(FaultReport& report) {
  node_.HoldUpdates();
  std::future<absl::Status> update = std::async(std::launch::async, [this] {
    return node_.UpdateContainer(victim_, 200, absl::Seconds(60));
  });
  if (!node_.WaitUntilUpdateIsHeld()) report.problems.push_back("no convoy");
  report.outage = kSilent;
  absl::SleepFor(kSilent);
  ExpectUnhealthy(report);
  const double before = GoodRelists();
  node_.ReleaseUpdates();
  AwaitRelist(report, before, absl::Now());
  if (const absl::Status status = update.get(); !status.ok()) {
    report.problems.push_back(status.ToString());
  }
}

void Faults::RemoveSocket(FaultReport& report) {
  const double before = GoodRelists();
  std::filesystem::remove_all(std::filesystem::path(node_.socket_path()).parent_path());
  if (!WaitUntil([&] { return GoodRelists() >= before + 2; })) {
    report.problems.push_back("without the socket's file no relist over the open connection");
  }
  Kill(report);
}

void Faults::FreezePlegd(FaultReport& report) {
  const double before = GoodRelists();
  watch_.ExpectSilence(true);
  plegd_.Freeze();
  report.outage = kStopped;
  absl::SleepFor(kStopped);
  plegd_.Thaw();
  watch_.ExpectSilence(false);
  AwaitRelist(report, before + 1, absl::Now());
}

void Faults::KillInConvoy(FaultReport& report) {
  node_.HoldUpdates();
  std::future<absl::Status> update = std::async(std::launch::async, [this] {
    return node_.UpdateContainer(victim_, 200, absl::Seconds(60));
  });
  if (!node_.WaitUntilUpdateIsHeld()) report.problems.push_back("no convoy");
  absl::SleepFor(kDown);
  ++kills_;
  node_.Kill();
  report.outage = kDown;
  (void)update.get();  // died with the runtime
  node_.ReleaseUpdates();
  Restart(report);
}

}  // namespace plegd_testing
