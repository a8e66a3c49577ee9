#include "test/drills/judge.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "plegd/v1/diagnosis.pb.h"
#include "test/process/plegd_process.h"
#include "test/process/status_testing.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

constexpr absl::Duration kBudget = absl::Seconds(15);
constexpr absl::Duration kRecovery = absl::Seconds(20);

class Trial {
 public:
  Trial(const Drill& drill, Incident& incident) : drill_(drill), incident_(incident) {}

  void Run() {
    ASSERT_OK(incident_.Prepare());
    if (!drill_.cold) {
      ASSERT_NO_FATAL_FAILURE(StartPlegd("/readyz"));
      ASSERT_TRUE(Becomes([&] { return finding_.code() == "HEALTHY"; })) << Told();
    }
    ASSERT_OK(incident_.Break());
    const absl::Time broken = absl::Now();
    if (drill_.cold) {
      ASSERT_NO_FATAL_FAILURE(StartPlegd("/livez"));
    }
    EXPECT_TRUE(Becomes([&] { return Fits(); }, broken + kBudget)) << Told();
    Note("after", broken);
    ASSERT_OK(incident_.Heal());
    const absl::Time healed = absl::Now();
    EXPECT_TRUE(Becomes([&] { return IsWell(); }, healed + kRecovery)) << Told();
    Note("healed for", healed);
  }

 private:
  void StartPlegd(const std::string& when) {
    PlegdOptions options = {.relist_period = "1s", .flags = incident_.plegd_flags()};
    options.started_when = when;
    ASSERT_OK_AND_ASSIGN(plegd_,
                         PlegdProcess::Start(incident_.endpoint(), incident_.dir(), options));
  }

  template <typename Condition>
  bool Becomes(const Condition& condition, absl::Time deadline = absl::Now() + kRecovery) {
    return WaitUntil(
        [&] {
          Ask();
          return condition();
        },
        deadline - absl::Now());
  }

  void Ask() {
    finding_.Clear();
    const absl::StatusOr<HttpReply> reply = plegd_->Get("/api/v1/diagnosis");
    plegd::v1::Diagnosis diagnosis;
    if (reply.ok() && google::protobuf::util::JsonStringToMessage(reply->body, &diagnosis).ok() &&
        !diagnosis.findings().empty()) {
      finding_ = diagnosis.findings(0);
    }
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
    return finding_.code() == drill_.code && std::all_of(victims.begin(), victims.end(), blamed) &&
           (victims.empty() || std::any_of(victims.begin(), victims.end(), told));
  }

  bool IsWell() const {
    return finding_.code() == "HEALTHY" ||
           (!drill_.afterwards.empty() && finding_.code() == drill_.afterwards);
  }

  std::string Told() const { return finding_.DebugString() + plegd_->LogTail(); }

  void Note(absl::string_view what, absl::Time since) const {
    std::cout << drill_.name << ": " << what << " " << absl::FormatDuration(absl::Now() - since)
              << ": " << finding_.code() << ": " << finding_.sentence() << std::endl;
  }

  const Drill& drill_;
  Incident& incident_;
  std::unique_ptr<PlegdProcess> plegd_;
  plegd::v1::Finding finding_;
};

}  // namespace

void Judge(const Drill& drill, DrillGround& ground) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Incident> incident, drill.make(ground));
  Trial(drill, *incident).Run();
}

void PrintTo(const Drill& drill, std::ostream* out) { *out << drill.name; }

}  // namespace plegd_testing
