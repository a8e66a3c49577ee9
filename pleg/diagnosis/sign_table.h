// The table of signs: what each of them means, and how it is judged. Private to the diagnosis.

#ifndef PLEGD_PLEG_DIAGNOSIS_SIGN_TABLE_H_
#define PLEGD_PLEG_DIAGNOSIS_SIGN_TABLE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "pleg/diagnosis/facts.h"
#include "pleg/diagnosis/sign.h"

namespace pleg {

// How much a sign says of itself in one diagnosis: beyond it, the last one says how many more.
inline constexpr size_t kMaxBadObjects = 20;

// Takes down what a row finds. What is called last counts, but for several that are bad, each with
// an object of its own.
class SignJudge {
 public:
  SignJudge(const Facts& facts, SignId id) : facts_(facts), id_(id) {}

  void Good(absl::string_view value);
  // The sign may be refined until the next call; not one that is beyond kMaxBadObjects.
  Sign& Bad(absl::string_view value, std::optional<absl::Duration> since = {},
            const ObjectRef& object = {});
  void Unknown(Ignorance why, absl::string_view text = "");
  // What is bad is no worse than this.
  void Soften(Severity severity);
  // Good with the same value if it is not bad.
  void Judge(bool bad, absl::string_view value, std::optional<absl::Duration> since = {});

  // The host, if it was looked at lately enough to judge by; else the sign is unknown. What an old
  // look excludes is unknown in the end, too.
  const HostEvidence* Host();
  // The same, for what comes and goes: only a look of this moment counts.
  const HostEvidence* FreshHost();
  const KubeletEvidence* Kubelet();

  // At least one: unknown if nothing was found.
  std::vector<Sign> Done();

 private:
  const Facts& facts_;
  const SignId id_;
  std::vector<Sign> signs_;
  Sign spare_;       // what is refined of one that is not kept
  size_t more_ = 0;  // bad ones that are not kept
  bool by_host_ = false;
};

struct SignRow {
  SignId id;
  absl::string_view label;
  SignMeaning meaning;
  void (*judge)(const Facts&, SignJudge&);
};

// By theme, each in the order of SignId.
absl::Span<const SignRow> CallSigns();     // signs_calls.cc
absl::Span<const SignRow> StatusSigns();   // signs_statuses.cc
absl::Span<const SignRow> ObjectSigns();   // signs_objects.cc
absl::Span<const SignRow> KubeletSigns();  // signs_kubelet.cc
absl::Span<const SignRow> HostSigns();     // signs_host.cc
absl::Span<const SignRow> SelfSigns();     // signs_self.cc

// All of them, in the order of SignId.
const std::vector<SignRow>& SignTable();

// Of this moment alone. At least one of each.
std::vector<Sign> ReadSigns(const Facts& facts);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_SIGN_TABLE_H_
