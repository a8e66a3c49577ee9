#include "pleg/diagnosis/sign_memory.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/rule.h"

namespace pleg {
namespace {

// Two signs of one id differ by their object: a container, or a pod.
std::string ObjectKey(const Sign& sign) {
  return absl::StrCat(sign.object.id.value(), "/", sign.object.pod_uid.value(), "/",
                      sign.object.container);
}

bool IsYoung(const Sign& sign) {
  return sign.since.has_value() && *sign.since < MeaningOf(sign.id).hold;
}

constexpr absl::Duration kLongestRelease = absl::Minutes(1);

void NotYet(Sign& sign) {
  sign.state = SignState::kGood;
  sign.object = ObjectRef{};
}

// One that is good beside one that is bad says nothing, and of several that are good one says all.
void DropSuperfluous(std::vector<Sign>& signs) {
  std::stable_sort(signs.begin(), signs.end(), [](const Sign& a, const Sign& b) {
    return std::tuple(a.id, a.state != SignState::kBad) <
           std::tuple(b.id, b.state != SignState::kBad);
  });
  const auto superfluous = [](const Sign& a, const Sign& b) {
    return a.id == b.id && b.state != SignState::kBad;
  };
  signs.erase(std::unique(signs.begin(), signs.end(), superfluous), signs.end());
}

}  // namespace

struct SignMemory::Kept {
  Ranked ranked;
  MonoTime at;
};

SignMemory::SignMemory() = default;
SignMemory::~SignMemory() = default;

void SettleAlone(std::vector<Sign>& signs) {
  for (Sign& sign : signs) {
    if (sign.state == SignState::kBad && IsYoung(sign)) NotYet(sign);
  }
  DropSuperfluous(signs);
}

void SignMemory::NoteBad(MonoTime now, Sign& sign) {
  const SignMeaning& meaning = MeaningOf(sign.id);
  Past& past =
      past_.try_emplace(Key(sign.id, ObjectKey(sign)), Past{now, now, false, {}}).first->second;
  past.bad_at = now;
  past.explained_by.reset();
  if (!sign.since.has_value()) sign.since = now - past.bad_since;
  past.sign = sign;
  const bool old = sign.since.has_value() && *sign.since >= meaning.hold;
  past.counted |= old || now - past.bad_since >= meaning.hold;
  if (!past.counted) NotYet(sign);
}

void SignMemory::Forget(MonoTime now) {
  std::erase_if(past_, [now](const auto& entry) {
    return now - entry.second.bad_at > MeaningOf(entry.first.first).release;
  });
}

void SignMemory::Settle(MonoTime now, std::vector<Sign>& signs) {
  Forget(now);
  for (Sign& sign : signs) {
    if (sign.state == SignState::kBad) NoteBad(now, sign);
  }
  for (const auto& [key, past] : past_) {
    if (past.bad_at == now || !past.counted) continue;
    Sign held = past.sign;
    held.held = true;
    if (held.since.has_value()) *held.since += now - past.bad_at;
    signs.push_back(std::move(held));
  }
  DropSuperfluous(signs);
}

void SignMemory::Keep(MonoTime now, const std::vector<Ranked>& findings) {
  for (auto& [key, past] : past_) {
    if (past.bad_at != now) continue;
    for (const Ranked& ranked : findings) {
      if (!Explains(ranked.finding, past.sign)) continue;
      past.explained_by = ranked.finding.code;
      break;
    }
  }
  for (const Ranked& ranked : findings) {
    const auto same = [&ranked](const Kept& kept) {
      return kept.ranked.finding.code == ranked.finding.code;
    };
    kept_.erase(std::remove_if(kept_.begin(), kept_.end(), same), kept_.end());
    kept_.push_back({ranked, now});
  }
  kept_.erase(std::remove_if(kept_.begin(), kept_.end(),
                             [now](const Kept& kept) { return now - kept.at > kLongestRelease; }),
              kept_.end());
}

std::optional<Ranked> SignMemory::Recall(MonoTime now, const Sign& held) const {
  const auto past = past_.find(Key(held.id, ObjectKey(held)));
  if (past == past_.end() || !past->second.explained_by.has_value()) return std::nullopt;
  for (const Kept& kept : kept_) {
    if (kept.ranked.finding.code != *past->second.explained_by) continue;
    Ranked ranked = kept.ranked;
    if (ranked.finding.since.has_value()) *ranked.finding.since += now - kept.at;
    return ranked;
  }
  return std::nullopt;
}

}  // namespace pleg
