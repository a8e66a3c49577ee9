#include "test/soak/watch.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "pleg/go_duration.h"
#include "test/containerd/health_words.h"

namespace plegd_testing {
namespace {

constexpr absl::Duration kHealthPeriod = absl::Milliseconds(200);
constexpr absl::Duration kDiagnosisPeriod = absl::Seconds(1);
constexpr absl::Duration kSamplePeriod = absl::Seconds(10);
constexpr size_t kMostProblems = 5;

double StatusField(absl::string_view status, absl::string_view field) {
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (!absl::ConsumePrefix(&line, field)) continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(": \tkB"), absl::SkipEmpty());
    double value = 0;
    if (!words.empty() && absl::SimpleAtod(words[0], &value)) return value;
  }
  return 0;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

Resources MeasureResources(pid_t pid) {
  const std::string proc = absl::StrCat("/proc/", pid);
  const std::string status = ReadFile(proc + "/status");
  std::error_code error;
  const std::filesystem::directory_iterator files(proc + "/fd", error);
  return {.resident_mb = StatusField(status, "VmRSS") * 1024 / 1e6,
          .files = static_cast<double>(std::distance(begin(files), end(files))),
          .threads = StatusField(status, "Threads")};
}

std::string Growth(absl::string_view what, const std::vector<double>& samples, double margin) {
  const std::ptrdiff_t third = static_cast<std::ptrdiff_t>(samples.size() / 3);
  if (third < 3) return "";
  const double middle = Median({samples.begin() + third, samples.begin() + 2 * third});
  const double last = Median({samples.begin() + 2 * third, samples.end()});
  if (last <= middle + margin) return "";
  return absl::StrFormat("%s grows: median %.2f in the middle third, %.2f in the last, margin %.2f",
                         what, middle, last, margin);
}

Watch::Watch(const PlegdProcess& plegd, std::string threshold)
    : plegd_(plegd), threshold_(std::move(threshold)) {
  for (const bool late : {false, true}) {
    for (const bool down : {false, true}) {
      const NodeCondition condition = {.pleg_is_late = late, .runtime_is_down = down};
      allowed_.push_back(ExpectedHealth(condition, threshold_));
    }
  }
  thread_ = std::thread([this] { Run(); });
}

Watch::~Watch() {
  stop_ = true;
  thread_.join();
}

void Watch::Run() {
  absl::Time next_sample = absl::Now();
  absl::Time next_diagnosis = absl::Now();
  while (!stop_) {
    ReadHealth();
    if (absl::Now() >= next_diagnosis) {
      next_diagnosis = absl::Now() + kDiagnosisPeriod;
      ReadDiagnosis();
    }
    if (absl::Now() >= next_sample) {
      next_sample += kSamplePeriod;
      const std::lock_guard lock(mu_);
      samples_.push_back(MeasureResources(plegd_.pid()));
    }
    absl::SleepFor(kHealthPeriod);
  }
}

void Watch::ReadHealth() {
  const absl::StatusOr<HttpReply> reply = plegd_.Get("/healthz?verbose");
  if (!reply.ok()) {
    if (!silent_) Problem(absl::StrCat("/healthz does not answer: ", reply.status().ToString()));
    return;
  }
  ++texts_;
  if (reply->code != 200) ++unhealthy_texts_;
  const HealthWords words(reply->body);
  if (std::find(allowed_.begin(), allowed_.end(), words.text()) == allowed_.end()) {
    Problem("no kubelet would say: " + words.text());
  }
  const absl::StatusOr<absl::Duration> threshold = pleg::ParseGoDuration(threshold_);
  for (const absl::Duration age : words.ages()) {
    if (!threshold.ok() || age <= *threshold) {
      Problem(absl::StrCat("unhealthy at an age of ", pleg::FormatGoDuration(age)));
    }
  }
}

void Watch::ReadDiagnosis() {
  const absl::StatusOr<plegd::v1::Diagnosis> diagnosis = plegd_.Diagnosis();
  if (!diagnosis.ok() || diagnosis->findings().empty()) {
    if (!silent_) Problem(absl::StrCat("no diagnosis: ", diagnosis.status().ToString()));
    return;
  }
  ++diagnoses_;
  const plegd::v1::Finding& first = diagnosis->findings(0);
  // What hurts nobody may be of this machine.
  bool allowed = first.severity() != "page" && first.severity() != "";
  if (first.severity() == "warn" && first.code() != "WARNING") allowed = false;
  {
    const std::lock_guard lock(mu_);
    allowed |= allowed_codes_.count(first.code()) > 0;
    told_codes_.insert(first.code());
    last_code_ = first.code();
  }
  if (!allowed) Problem(absl::StrCat("false alarm: ", first.code(), ": ", first.sentence()));
}

void Watch::AllowCodes(std::set<std::string> codes) {
  const std::lock_guard lock(mu_);
  allowed_codes_ = std::move(codes);
}

std::set<std::string> Watch::TakeCodes() {
  const std::lock_guard lock(mu_);
  return std::exchange(told_codes_, {});
}

std::string Watch::last_code() const {
  const std::lock_guard lock(mu_);
  return last_code_;
}

void Watch::Problem(std::string text) {
  const std::lock_guard lock(mu_);
  if (problems_.size() < kMostProblems) problems_.push_back(std::move(text));
}

std::vector<std::string> Watch::TakeProblems() {
  const std::lock_guard lock(mu_);
  return std::exchange(problems_, {});
}

std::vector<Resources> Watch::samples() const {
  const std::lock_guard lock(mu_);
  return samples_;
}

}  // namespace plegd_testing
