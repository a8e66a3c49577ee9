// Versions of kernels, runtimes and systemd that are known to hang containers. Data: a match is a
// hint beside a diagnosis and never a verdict.

#ifndef PLEGD_PLEG_DIAGNOSIS_KNOWN_VERSIONS_H_
#define PLEGD_PLEG_DIAGNOSIS_KNOWN_VERSIONS_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace pleg {

enum class Component : uint8_t { kKernel, kContainerd, kCrio, kSystemd };

struct KnownVersion {
  Component component;
  absl::string_view contains;  // which builds: ".amzn2."; empty for all
  absl::string_view from;      // first bad version; empty for the beginning
  absl::string_view until;     // first that is not; empty if all later ones are
  absl::string_view fixed;     // first good one; empty if none is known
  absl::string_view what;
  absl::string_view source;
  absl::string_view date;  // of the report: "2022-11"
};

// All that are known.
absl::Span<const KnownVersion> KnownVersions();

// Those that `version` is among. Never fails: what is no version matches nothing.
std::vector<const KnownVersion*> MatchVersion(Component component, absl::string_view version);

// By the numbers a version begins with, one after another, whatever separates them; "v1.7" is below
// "1.7.14-rc.1", which equals "1.7.14.1". Negative, zero or positive.
int CompareVersions(absl::string_view a, absl::string_view b);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_KNOWN_VERSIONS_H_
