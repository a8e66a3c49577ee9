#include "test/drills/judge.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "plegd/v1/diagnosis.pb.h"
#include "test/process/plegd_process.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

constexpr absl::Duration kBudget = absl::Seconds(15);
constexpr absl::Duration kRecovery = absl::Seconds(20);
constexpr absl::Duration kSteady = absl::Seconds(2);
// For which a plegd that starts then cannot tell by itself; more than a drill is dated within.
constexpr absl::Duration kUnseen = absl::Seconds(7);
constexpr absl::Duration kClocks = absl::Seconds(1);  // a process's age is of a coarser one

class Trial {
 public:
  Trial(const Drill& drill, Incident& incident) : drill_(drill), incident_(incident) {}

  // An error is a problem of the drill's, or that plegd was wrong.
  absl::Status Run() {
    if (absl::Status status = incident_.Prepare(); !status.ok()) return status;
    if (!drill_.cold) {
      if (absl::Status status = StartPlegd("/readyz"); !status.ok()) return status;
      if (!Becomes([&] { return IsHealthy(); }, kRecovery)) {
        return Wrong("is not healthy at first");
      }
      if (!plegd_->WaitForTwoRelists()) return Wrong("does not relist");
    }
    breaks_ = absl::Now();
    if (absl::Status status = incident_.Break(); !status.ok()) return status;
    broken_ = absl::Now();
    if (drill_.cold && drill_.dated_by_process) absl::SleepFor(kUnseen);
    start_ = absl::Now();
    Note("broken");
    if (drill_.cold) {
      if (absl::Status status = StartPlegd("/livez"); !status.ok()) return status;
    }
    if (!Becomes([&] { return Fits(); }, kBudget - (absl::Now() - start_))) {
      return Wrong(absl::StrCat("does not say ", drill_.code, " in time"));
    }
    if (!IsDated()) return Wrong("takes it to have begun at another time");
    if (Becomes([&] { return !Fits(); }, kSteady)) return Wrong("changes its mind");
    if (absl::Status status = incident_.Heal(); !status.ok()) return status;
    Note("healed");
    if (!Becomes([&] { return IsWell(); }, kRecovery)) return Wrong("is not healthy again");
    return absl::OkStatus();
  }

  const std::string& log() const { return log_; }

 private:
  absl::Status StartPlegd(const std::string& when) {
    PlegdOptions options = {.relist_period = "1s", .flags = incident_.plegd_flags()};
    options.wrapper = incident_.starter(drill_.confined);
    options.started_when = when;
    absl::StatusOr<std::unique_ptr<PlegdProcess>> plegd =
        PlegdProcess::Start(incident_.endpoint(), incident_.dir(), options);
    if (!plegd.ok()) return plegd.status();
    plegd_ = *std::move(plegd);
    return absl::OkStatus();
  }

  template <typename Condition>
  bool Becomes(const Condition& condition, absl::Duration timeout) {
    return WaitUntil(
        [&] {
          Ask();
          return condition();
        },
        timeout);
  }

  void Ask() {
    const std::string before = finding_.code();
    finding_.Clear();
    asked_ = absl::Now();
    const absl::StatusOr<plegd::v1::Diagnosis> diagnosis = plegd_->Diagnosis();
    if (diagnosis.ok() && !diagnosis->findings().empty()) finding_ = diagnosis->findings(0);
    answered_ = absl::Now();
    if (finding_.code() != before) Note(finding_.sentence());
  }

  bool Blames(const Victim& victim) const {
    return std::any_of(finding_.culprits().begin(), finding_.culprits().end(),
                       [&](const plegd::v1::Object& culprit) {
                         const plegd::v1::CallTarget& target = culprit.target();
                         return target.id() == victim.id && target.pod_name() == victim.pod_name &&
                                target.pod_namespace() == victim.pod_namespace;
                       });
  }

  bool Fits() const {
    const std::vector<Victim> victims = incident_.victims();
    const auto blamed = [&](const Victim& victim) { return Blames(victim); };
    const auto told = [&](const Victim& victim) {
      return absl::StrContains(finding_.sentence(), victim.pod_name);
    };
    const std::vector<std::string> words = incident_.words();
    const auto has = [&](const std::string& word) {
      return absl::StrContains(finding_.sentence(), word);
    };
    return finding_.code() == drill_.code && std::all_of(victims.begin(), victims.end(), blamed) &&
           (victims.empty() || std::any_of(victims.begin(), victims.end(), told)) &&
           std::all_of(words.begin(), words.end(), has);
  }

  // Nothing that was found began before it broke.
  bool IsDated() const {
    if (!finding_.has_since_seconds()) return !drill_.dated_by_process;
    const absl::Duration since = absl::Seconds(finding_.since_seconds()) - drill_.staged_age;
    return since <= answered_ - breaks_ + kClocks &&
           since >= asked_ - broken_ - drill_.dated_within - kClocks;
  }

  // Nothing hurts; the machine may lack a kubelet, or have a full disk.
  bool IsHealthy() const { return finding_.code() == "HEALTHY" || finding_.code() == "WARNING"; }

  bool IsWell() const {
    return IsHealthy() || (!drill_.afterwards.empty() && finding_.code() == drill_.afterwards);
  }

  absl::Status Wrong(absl::string_view what) const {
    return absl::InternalError(
        absl::StrCat("plegd ", what, ":\n", finding_.DebugString(), plegd_->LogTail()));
  }

  void Note(absl::string_view text) {
    absl::StrAppend(&log_, drill_.name, ": ", absl::FormatDuration(absl::Now() - start_), ": ",
                    finding_.code(), finding_.code().empty() ? "" : ": ", text, "\n");
  }

  const Drill& drill_;
  Incident& incident_;
  std::unique_ptr<PlegdProcess> plegd_;
  plegd::v1::Finding finding_;
  absl::Time start_ = absl::Now();
  absl::Time breaks_ = start_;
  absl::Time broken_ = start_;
  absl::Time asked_ = start_;  // for the finding
  absl::Time answered_ = start_;
  std::string log_;
};

}  // namespace

Judgement Judge(const Drill& drill, DrillGround& ground) {
  absl::StatusOr<std::unique_ptr<Incident>> incident = drill.make(ground);
  if (!incident.ok()) return {incident.status().ToString(), ""};
  Trial trial(drill, **incident);
  const absl::Status status = trial.Run();
  return {status.ok() ? "" : status.ToString(), trial.log()};
}

std::vector<Drill> Selected(const std::vector<Drill>& drills) {
  const bool slow = std::getenv("PLEGD_SLOW_DRILLS") != nullptr;
  std::vector<Drill> selected;
  for (const Drill& drill : drills) {
    if (slow || !drill.slow) selected.push_back(drill);
  }
  return selected;
}

void PrintTo(const Drill& drill, std::ostream* out) { *out << drill.name; }

}  // namespace plegd_testing
