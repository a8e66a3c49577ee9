// Tokens that name an observation of a pod: what a client has seen, so that it can wait for what
// is newer.
//
//   std::string token = PodToken(boot_id, pod.observed_at);
//   absl::StatusOr<pleg::MonoTime> seen = ParsePodToken(token, boot_id, clock.Now());

#ifndef PLEGD_API_POD_TOKEN_H_
#define PLEGD_API_POD_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pleg/mono_time.h"

namespace api {

std::string PodToken(absl::string_view boot_id, pleg::MonoTime observed_at);

// The observation it names. One of an earlier run of plegd is older than anything this run has
// observed. kInvalidArgument for what no plegd issues, or what this one cannot have issued yet.
absl::StatusOr<pleg::MonoTime> ParsePodToken(absl::string_view token, absl::string_view boot_id,
                                             pleg::MonoTime now);

}  // namespace api

#endif  // PLEGD_API_POD_TOKEN_H_
