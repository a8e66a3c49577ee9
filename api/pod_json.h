// Pods of the cache in plegd's own schema (proto/plegd/v1/pod.proto), and that schema as JSON:
// proto field names, every field without presence printed, 64-bit numbers as strings, times in RFC
// 3339. Annotations are not in it; bytes that are not UTF-8 become U+FFFD.
//
//   std::string json = PodJson(cache.Get(uid), clock.Now());

#ifndef PLEGD_API_POD_JSON_H_
#define PLEGD_API_POD_JSON_H_

#include <string>
#include <vector>

#include "pleg/mono_time.h"
#include "pleg/pod_cache.h"

namespace plegd::v1 {
class PodStatus;
}

namespace api {

// Fills `out`, which is empty. `now` is for the age.
void PodToProto(const pleg::CachedPod& pod, pleg::MonoTime now, plegd::v1::PodStatus& out);

// One pod; ends in a line feed.
std::string PodJson(const pleg::CachedPod& pod, pleg::MonoTime now);
// {"pods":[…]} in the order given; ends in a line feed.
std::string PodListJson(const std::vector<pleg::CachedPod>& pods, pleg::MonoTime now);

}  // namespace api

#endif  // PLEGD_API_POD_JSON_H_
