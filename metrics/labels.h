// The closed sets of label values. Every series of a set exists from the start, so that a rate or
// an alert sees the first increment, and no id can ever become a label.

#ifndef PLEGD_METRICS_LABELS_H_
#define PLEGD_METRICS_LABELS_H_

#include <array>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace metrics {

// The calls of CRI that plegd makes.
inline constexpr std::array<absl::string_view, 6> kMethods = {
    "Version", "Status", "ListPodSandbox", "ListContainers", "PodSandboxStatus", "ContainerStatus"};
// The kubelet's names of the same calls, in the same order (operation_type).
inline constexpr std::array<absl::string_view, kMethods.size()> kOperationTypes = {
    "version",           "status",          "list_podsandbox", "list_containers",
    "podsandbox_status", "container_status"};
inline constexpr std::array<absl::string_view, 2> kListMethods = {"ListPodSandbox",
                                                                  "ListContainers"};

// gRPC's codes as Go prints them, by number: "OK", "Canceled", …, "Unauthenticated".
inline constexpr size_t kCodes = 17;
// "Unknown" for a number without a name.
absl::string_view CodeName(absl::StatusCode code);
// Index below kCodes; Unknown's for a number without a name.
size_t CodeIndex(absl::StatusCode code);

// What was wrong with an item of a list, or with a whole list; see pleg::CallObserver. The last one
// stands for all others.
inline constexpr std::array<absl::string_view, 9> kInvalidReasons = {
    "no_metadata",  "no_id",         "no_image",  "malformed", "duplicate_id",
    "invalid_utf8", "damaged_reply", "too_large", "other"};
// Index into kInvalidReasons.
size_t InvalidReasonIndex(absl::string_view reason);

// Index into `names`, or their count.
template <size_t N>
constexpr size_t IndexOf(const std::array<absl::string_view, N>& names, absl::string_view name) {
  size_t i = 0;
  while (i < N && names[i] != name) ++i;
  return i;
}

}  // namespace metrics

#endif  // PLEGD_METRICS_LABELS_H_
