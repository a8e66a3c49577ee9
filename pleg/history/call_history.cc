#include "pleg/history/call_history.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "pleg/utf8.h"

namespace pleg {
namespace {

// Four buckets for each doubling, from 8 µs up to half an hour.
constexpr int kBucketsPerOctave = 4;
constexpr int kFirstOctave = 3;
constexpr size_t kBuckets = size_t{28} * kBucketsPerOctave;

size_t BucketOf(absl::Duration duration) {
  const auto micros = static_cast<uint64_t>(
      std::max<int64_t>(absl::ToInt64Microseconds(duration), int64_t{1} << kFirstOctave));
  const int octave = static_cast<int>(std::bit_width(micros)) - 1;
  const auto part = static_cast<int>((micros >> (octave - 2)) & 3);
  const int bucket = (octave - kFirstOctave) * kBucketsPerOctave + part;
  return std::min(static_cast<size_t>(bucket), kBuckets - 1);
}

// Its middle: at most an eighth away from what it stands for.
absl::Duration MiddleOf(size_t bucket) {
  const auto octave = static_cast<int>(bucket / kBucketsPerOctave) + kFirstOctave;
  const double part = static_cast<double>(bucket % kBucketsPerOctave) + 0.5;
  return absl::Microseconds(std::ldexp(1.0 + part / kBucketsPerOctave, octave));
}

using Counts = std::array<uint32_t, kBuckets>;

absl::Duration MedianOf(const Counts& counts) {
  uint64_t all = 0;
  for (const uint32_t count : counts) all += count;
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts[i];
    if (2 * seen >= all && all > 0) return MiddleOf(i);
  }
  return absl::ZeroDuration();
}

bool Slower(const CallHistory::Ended& a, const CallHistory::Ended& b) {
  return a.duration > b.duration;
}

}  // namespace

struct CallHistory::Window {
  int64_t number = -1;  // windows since the clock's start; the ring reuses its place
  uint32_t ended = 0;
  uint32_t failed = 0;
  Counts answered = {};
  std::vector<Ended> slowest;  // a heap, the fastest of them first
};

struct CallHistory::Track {
  absl::string_view method;
  // The last that ended, once one has; not as an Ended, whose text would be made for each call.
  bool any = false;
  MonoTime last_at;
  absl::Duration last_duration;
  absl::StatusCode last_code = absl::StatusCode::kOk;
  bool last_answered = true;
  std::optional<FailingCalls> failing;
  std::optional<Error> last_error;
  std::array<MonoTime, kMaxRows> row_starts;  // of rows of errors, a ring; zero where there is none
  size_t rows = 0;                            // begun so far
  std::array<Window, kWindows> windows;

  Window& At(MonoTime now);
  // Adds the buckets of the windows that are at most `back` older than the current one.
  void AddCounts(int64_t current, size_t back, Counts& sum) const;
  void NoteFailure(const CallRecord& call, MonoTime now);
  uint32_t RowsSince(MonoTime then) const;
};

namespace {

int64_t WindowNumber(MonoTime time) {
  return time.nanos() / absl::ToInt64Nanoseconds(CallHistory::kWindow);
}

bool IsKept(int64_t number, int64_t current, size_t back) {
  return number >= 0 && number <= current && current - number <= static_cast<int64_t>(back);
}

}  // namespace

CallHistory::Window& CallHistory::Track::At(MonoTime now) {
  const int64_t number = WindowNumber(now);
  Window& window = windows[static_cast<size_t>(number) % kWindows];
  if (window.number != number) {
    window = Window();
    window.number = number;
  }
  return window;
}

void CallHistory::Track::AddCounts(int64_t current, size_t back, Counts& sum) const {
  for (const Window& window : windows) {
    if (!IsKept(window.number, current, back)) continue;
    for (size_t i = 0; i < kBuckets; ++i) sum[i] += window.answered[i];
  }
}

void CallHistory::Track::NoteFailure(const CallRecord& call, MonoTime now) {
  if (!failing.has_value()) {
    failing.emplace();
    failing->since = now + -call.duration;
    if (call.answered) row_starts[rows++ % kMaxRows] = now;
  }
  ++failing->in_a_row;
  failing->code = call.code;
  failing->text = Abridge(call.text, kMaxErrorBytes);
  failing->answered = call.answered;
  if (call.answered) last_error = {now, call.code, failing->text};
}

uint32_t CallHistory::Track::RowsSince(MonoTime then) const {
  uint32_t count = 0;
  for (size_t i = 0; i < std::min(rows, kMaxRows); ++i) count += row_starts[i] >= then ? 1 : 0;
  return count;
}

CallHistory::CallHistory(const Clock& clock) : clock_(clock) {}
CallHistory::~CallHistory() = default;

CallHistory::Track* CallHistory::FindOrAddLocked(absl::string_view method) {
  for (const auto& track : tracks_) {
    if (track->method == method) return track.get();
  }
  if (tracks_.size() >= kMaxMethods) return nullptr;
  tracks_.push_back(std::make_unique<Track>());
  tracks_.back()->method = method;
  return tracks_.back().get();
}

const CallHistory::Track* CallHistory::FindLocked(absl::string_view method) const {
  for (const auto& track : tracks_) {
    if (track->method == method) return track.get();
  }
  return nullptr;
}

void CallHistory::OnCallEnd(const CallRecord& call) {
  const MonoTime now = clock_.Now();
  const bool failed =
      call.code != absl::StatusCode::kOk && call.code != absl::StatusCode::kNotFound;
  MutexLock lock(mu_);
  Track* track = FindOrAddLocked(call.method);
  if (track == nullptr) return;
  track->any = true;
  track->last_at = now;
  track->last_duration = call.duration;
  track->last_code = call.code;
  track->last_answered = call.answered;
  if (failed) {
    track->NoteFailure(call, now);
  } else {
    track->failing.reset();
  }
  Window& window = track->At(now);
  ++window.ended;
  if (failed) {
    ++window.failed;
  } else {
    ++window.answered[BucketOf(call.duration)];
  }
  std::vector<Ended>& slowest = window.slowest;
  if (slowest.size() == kSlowest) {
    if (call.duration <= slowest.front().duration) return;
    std::pop_heap(slowest.begin(), slowest.end(), Slower);
    slowest.pop_back();
  }
  slowest.push_back({call.target, now, call.duration, call.code, call.answered});
  std::push_heap(slowest.begin(), slowest.end(), Slower);
}

std::vector<CallHistory::Method> CallHistory::Methods() const {
  const MonoTime now = clock_.Now();
  const int64_t current = WindowNumber(now);
  std::vector<Method> methods;
  MutexLock lock(mu_);
  for (const auto& track : tracks_) {
    Method method = {.name = track->method, .median = {}, .slowest = {}};
    Counts counts = {};
    track->AddCounts(current, kWindows - 1, counts);
    method.median = MedianOf(counts);
    for (const Window& window : track->windows) {
      if (!IsKept(window.number, current, kWindows - 1)) continue;
      method.ended += window.ended;
      method.failed += window.failed;
      method.slowest.insert(method.slowest.end(), window.slowest.begin(), window.slowest.end());
    }
    std::sort(method.slowest.begin(), method.slowest.end(), Slower);
    if (method.slowest.size() > kSlowest) method.slowest.resize(kSlowest);
    method.failing = track->failing;
    method.error_rows = track->RowsSince(now + -kWindow);
    method.last_error = track->last_error;
    methods.push_back(std::move(method));
  }
  return methods;
}

absl::Duration CallHistory::Usual(absl::string_view method) const {
  const int64_t current = WindowNumber(clock_.Now());
  MutexLock lock(mu_);
  const Track* track = FindLocked(method);
  if (track == nullptr) return absl::ZeroDuration();
  for (const size_t back : {size_t{1}, kWindows - 1}) {
    Counts counts = {};
    track->AddCounts(current, back, counts);
    if (const absl::Duration median = MedianOf(counts); median > absl::ZeroDuration()) {
      return median;
    }
  }
  return absl::ZeroDuration();
}

std::optional<CallHistory::Ended> CallHistory::Last(absl::string_view method) const {
  MutexLock lock(mu_);
  const Track* track = FindLocked(method);
  if (track == nullptr || !track->any) return std::nullopt;
  return Ended{{}, track->last_at, track->last_duration, track->last_code, track->last_answered};
}

}  // namespace pleg
