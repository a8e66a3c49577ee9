// Pods of the cache in plegd's own schema (proto/plegd/v1/pod.proto). Annotations are not in it;
// bytes that are not UTF-8 become U+FFFD.
//
//   plegd::v1::PodStatus message;   PodToProto(cache.Get(uid), clock.Now(), message);

#ifndef PLEGD_API_POD_JSON_H_
#define PLEGD_API_POD_JSON_H_

#include "pleg/mono_time.h"
#include "pleg/pod_cache.h"

namespace plegd::v1 {
class PodStatus;
}

namespace api {

// Fills `out`, which is empty. `now` is for the age.
void PodToProto(const pleg::CachedPod& pod, pleg::MonoTime now, plegd::v1::PodStatus& out);

}  // namespace api

#endif  // PLEGD_API_POD_JSON_H_
