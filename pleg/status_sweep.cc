#include "pleg/status_sweep.h"

#include <algorithm>
#include <utility>

namespace pleg {
namespace {

constexpr size_t kRecent = 9;
constexpr size_t kUsual = 255;
constexpr size_t kLeastUsual = 32;
// Below this a factor of two is noise.
constexpr absl::Duration kNoise = absl::Milliseconds(5);

absl::Duration Median(std::deque<absl::Duration> values) {
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void PushBounded(std::deque<absl::Duration>& values, absl::Duration value, size_t limit) {
  values.push_back(value);
  if (values.size() > limit) values.pop_front();
}

}  // namespace

StatusSweep::StatusSweep(StatusSweepOptions options, RuntimeService& runtime, Executor& executor,
                         const Clock& clock, std::function<Targets()> running)
    : options_(options),
      runtime_(runtime),
      executor_(executor),
      clock_(clock),
      running_(std::move(running)) {}

StatusSweep::~StatusSweep() { Stop(); }

void StatusSweep::Start() {
  if (alive_ != nullptr) return;
  alive_ = std::make_shared<bool>(true);
  paid_until_ = clock_.Now();
  Arm();
}

void StatusSweep::Stop() {
  executor_.Cancel(std::exchange(timer_, 0));
  alive_ = nullptr;
  open_.clear();
}

void StatusSweep::Arm() {
  executor_.Cancel(timer_);
  timer_ = executor_.PostAt(clock_.Now() + options_.patience,
                            [this, weak = std::weak_ptr<bool>(alive_)] {
                              if (!weak.expired()) Beside();
                            });
}

void StatusSweep::Beside() {
  if (alive_ == nullptr) return;
  Arm();
  const MonoTime now = clock_.Now();
  const absl::Duration most = options_.period * static_cast<int64_t>(options_.at_once);
  paid_until_ = std::max(paid_until_, now + -most);
  for (; now - paid_until_ >= options_.period; paid_until_ = paid_until_ + options_.period) {
    SendNext();
  }
}

void StatusSweep::SendNext() {
  if (paused() || open_.size() >= options_.max_open) return;
  if (at_ >= round_.size()) {
    round_ = running_();
    at_ = 0;
  }
  while (at_ < round_.size() && open_.contains(round_[at_]->id)) ++at_;
  if (at_ >= round_.size()) return;
  const std::shared_ptr<const ContainerInfo> target = std::move(round_[at_++]);
  open_.insert(target->id);
  runtime_.ProbeContainer(*target, Promptness::kWithinASecond,
                          [this, weak = std::weak_ptr<bool>(alive_), id = target->id,
                           sent_at = clock_.Now()](MonoTime ended_at) {
                            if (!weak.expired()) OnAnswer(id, ended_at - sent_at);
                          });
}

void StatusSweep::OnAnswer(const ContainerId& id, absl::Duration took) {
  open_.erase(id);
  PushBounded(usual_, took, kUsual);
  PushBounded(recent_, took, kRecent);
  if (!SlowedDown()) return;
  resume_at_ = clock_.Now() + options_.pause;
  recent_.clear();
}

bool StatusSweep::SlowedDown() const {
  if (recent_.size() < kRecent || usual_.size() < kLeastUsual) return false;
  const absl::Duration recent = Median(recent_);
  return recent > kNoise && recent > 2 * Median(usual_);
}

}  // namespace pleg
