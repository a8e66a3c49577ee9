#include "api/list_size_proto.h"

#include "api/evidence_values.h"
#include "pleg/utf8.h"

namespace api {
namespace {

namespace v1 = plegd::v1;
using pleg::ToValidUtf8;

void MakeupToProto(const pleg::ListMakeup& makeup, v1::ListMakeup& out) {
  out.set_items(makeup.items);
  out.set_dead(makeup.dead);
  out.set_dead_bytes(makeup.dead_bytes);
  out.set_label_bytes(makeup.label_bytes);
  const pleg::ListMakeup::PodShare& pod = makeup.largest_pod;
  out.set_pod_uid(ToValidUtf8(pod.uid.value()));
  out.set_pod_namespace(ToValidUtf8(pod.pod_namespace));
  out.set_pod_name(ToValidUtf8(pod.name));
  out.set_pod_items(pod.items);
  out.set_pod_bytes(pod.bytes);
}

pleg::ListMakeup MakeupFromProto(const v1::ListMakeup& message) {
  return {.items = message.items(),
          .dead = message.dead(),
          .dead_bytes = message.dead_bytes(),
          .label_bytes = message.label_bytes(),
          .largest_pod = {.uid = pleg::PodUid(message.pod_uid()),
                          .name = message.pod_name(),
                          .pod_namespace = message.pod_namespace(),
                          .items = message.pod_items(),
                          .bytes = message.pod_bytes()}};
}

}  // namespace

void ListSizeToProto(const pleg::ListSizeEvidence& list, v1::ListSizeEvidence& out) {
  out.set_method(ToValidUtf8(list.method));
  out.set_bytes(list.bytes);
  out.set_limit_bytes(list.limit_bytes);
  out.set_slope_bytes_per_hour(list.slope_bytes_per_hour);
  out.set_objects(list.objects);
  if (list.makeup.items > 0) MakeupToProto(list.makeup, *out.mutable_makeup());
  if (!list.excess.has_value()) return;
  v1::ListExcess& excess = *out.mutable_excess();
  excess.set_age_seconds(Seconds(list.excess->age));
  excess.set_bytes(list.excess->bytes);
  excess.set_given_up(list.excess->given_up);
  excess.set_limit_bytes(list.excess->limit_bytes);
  excess.set_limit_items(list.excess->limit_items);
  excess.set_by_runtime(list.excess->by_runtime);
  if (list.excess->makeup.items > 0) MakeupToProto(list.excess->makeup, *excess.mutable_makeup());
}

pleg::ListSizeEvidence ListSizeFromProto(const v1::ListSizeEvidence& message) {
  pleg::ListSizeEvidence list;
  list.method = message.method();
  list.bytes = message.bytes();
  list.limit_bytes = message.limit_bytes();
  list.slope_bytes_per_hour = message.slope_bytes_per_hour();
  list.objects = message.objects();
  list.makeup = MakeupFromProto(message.makeup());
  if (!message.has_excess()) return list;
  const v1::ListExcess& excess = message.excess();
  list.excess = {.age = FromSeconds(excess.age_seconds()),
                 .bytes = excess.bytes(),
                 .given_up = excess.given_up(),
                 .limit_bytes = excess.limit_bytes(),
                 .limit_items = excess.limit_items(),
                 .by_runtime = excess.by_runtime(),
                 .makeup = MakeupFromProto(excess.makeup())};
  return list;
}

}  // namespace api
