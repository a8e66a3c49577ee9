// Signs of plegd itself: late, starved, blind.

#include <string>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/sign_table.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

constexpr absl::Duration kProbeHangs = absl::Seconds(30);

void JudgeLate(const Facts& facts, SignJudge& judge) {
  const absl::Duration lag = facts.e.self.loop_lag;
  judge.Judge(lag >= kOwnLag, absl::StrCat("plegd's own timer is ", FormatLatency(lag), " late"));
}

void JudgeStarved(const Facts& facts, SignJudge& judge) {
  const absl::Duration delay = facts.e.self.scheduling_delay;
  judge.Judge(delay >= kOwnLag,
              absl::StrCat("plegd has waited ", FormatLatency(delay), " of one second for a CPU"));
}

// What it may not read is no fault of the node, and only unknown.
void JudgeProbe(const Facts& facts, SignJudge& judge) {
  const HostEvidence* host = facts.last_host;
  if (host == nullptr) {
    judge.Unknown(Ignorance::kByChoice, "the host was not looked at");
    return;
  }
  for (const ProbeProblem& problem : host->problems) {
    if (!problem.hangs || problem.hangs_for < kProbeHangs) continue;
    judge.Bad(absl::StrCat("plegd's probe of ", Shorten(Printable(problem.probe), 24),
                           " has hung for ", FormatAge(problem.hangs_for)),
              problem.hangs_for);
    return;
  }
  if (facts.host_is_stale()) {
    const std::string why =
        host->problems.empty()
            ? ""
            : absl::StrCat(": ", Shorten(Printable(host->problems.front().text), 80));
    judge.Bad(
        absl::StrCat("plegd last looked at the host ", FormatAge(host->sampled_ago), " ago", why),
        host->sampled_ago);
    return;
  }
  std::string denied;
  for (const ProbeProblem& problem : host->problems) {
    absl::StrAppend(&denied, denied.empty() ? "not read: " : ", ",
                    Shorten(Printable(problem.probe), 24));
  }
  if (!denied.empty()) {
    judge.Unknown(Ignorance::kNotAllowed, denied);
  } else {
    judge.Good(absl::StrCat("looked at the host ", FormatAge(host->sampled_ago), " ago"));
  }
}

constexpr absl::Duration kRelease = absl::Seconds(5);
constexpr absl::string_view kCompare = "Compare with top";
constexpr absl::string_view kPressure =
    "cat /proc/pressure/cpu /proc/pressure/memory /proc/loadavg";

constexpr SignRow kRows[] = {
    {SignId::kPlegdLate,
     "plegd_late",
     {"plegd",
      "its own timer",
      "1s",
      "every age that plegd tells is in doubt by as much",
      kCompare,
      kPressure,
      Severity::kWarn,
      {},
      kRelease},
     JudgeLate},
    {SignId::kPlegdStarved,
     "plegd_starved",
     {"plegd",
      "/proc/self/schedstat",
      "1s",
      "the node lacks CPU, or plegd's limit is low: every age is in doubt",
      kCompare,
      kPressure,
      Severity::kWarn,
      {},
      kRelease},
     JudgeStarved},
    {SignId::kHostProbe,
     "host_probe",
     {"plegd",
      "the host's probe",
      "hung or silent for 30s",
      "plegd is blind for the host: shims, cgroups, disks and memory are not judged",
      "See where the probe waits",
      "cat /proc/$(pgrep -of plegd-probe)/stack",
      Severity::kWarn,
      {},
      kRelease},
     JudgeProbe},
};

}  // namespace

absl::Span<const SignRow> SelfSigns() { return kRows; }

}  // namespace pleg
