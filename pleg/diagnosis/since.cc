#include "pleg/diagnosis/since.h"

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

// plegd connects and lists in its first moments; which shims belong to what was listed it sees with
// its second look at the host; a list that was never answered may have been tried a moment later.
constexpr absl::Duration kFirstMoments = absl::Seconds(2);
constexpr absl::Duration kFirstLooks = absl::Seconds(3);
constexpr absl::Duration kFirstTries = absl::Seconds(5);

bool WasThereBefore(const Facts& facts, const UnansweredEvidence& call) {
  const absl::Duration unseen = facts.e.observed_for - call.age;
  if (!IsList(call.method)) return unseen <= kFirstMoments;
  return unseen <= kFirstTries && !facts.e.relist.last_good_ago.has_value();
}

Since For(absl::Duration age) { return {age, absl::StrCat("for ", FormatAge(age))}; }

Since AtLeast(absl::Duration age) {
  return {age, absl::StrCat("since before plegd started (at least ", FormatAge(age), ")")};
}

}  // namespace

Since SinceCall(const Facts& facts, const UnansweredEvidence& call, const Owner& owner) {
  if (!WasThereBefore(facts, call)) return For(call.age);
  if (!owner.age.has_value() || facts.host == nullptr) return AtLeast(call.age);
  const absl::Duration age = *owner.age + facts.host->sampled_ago;
  return age > call.age ? For(age) : AtLeast(call.age);
}

Since SinceSeen(const Facts& facts, absl::Duration seen_for) {
  return facts.e.observed_for - seen_for <= kFirstMoments ? AtLeast(seen_for) : For(seen_for);
}

Since SinceLooked(const Facts& facts, absl::Duration seen_for) {
  const absl::Duration looked_ago =
      facts.host == nullptr ? absl::ZeroDuration() : facts.host->sampled_ago;
  return facts.e.observed_for - looked_ago - seen_for <= kFirstLooks ? AtLeast(seen_for)
                                                                     : For(seen_for);
}

}  // namespace pleg
