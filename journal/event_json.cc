#include "journal/event_json.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "journal/text_escape.h"

namespace journal {
namespace {

// RFC 3339 in UTC with nanoseconds, within the years it has.
std::string Rfc3339(absl::Time time) {
  static const absl::Time first = absl::FromCivil(absl::CivilSecond(1, 1, 1), absl::UTCTimeZone());
  static const absl::Time last =
      absl::FromCivil(absl::CivilSecond(9999, 12, 31, 23, 59, 59), absl::UTCTimeZone());
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E9SZ", std::clamp(time, first, last),
                          absl::UTCTimeZone());
}

void AppendField(std::string& out, absl::string_view key, absl::string_view value) {
  absl::StrAppend(&out, ",\"", key, "\":");
  AppendJsonString(out, value);
}

}  // namespace

void AppendEventLine(std::string& out, const pleg::Event& event, absl::string_view boot_id) {
  absl::StrAppend(&out, "{\"time\":\"", Rfc3339(event.time), "\"");
  AppendField(out, "boot_id", boot_id);
  absl::StrAppend(&out, ",\"seq\":", event.seq);
  AppendField(out, "type", pleg::EventTypeName(event.type));
  AppendField(out, "pod_uid", event.pod_uid.value());
  AppendField(out, "pod_namespace", event.pod_namespace);
  AppendField(out, "pod_name", event.pod_name);
  AppendField(out, "id", event.id.value());
  AppendField(out, "container", event.container_name);
  if (event.exit_code.has_value()) absl::StrAppend(&out, ",\"exit_code\":", *event.exit_code);
  out += "}\n";
}

}  // namespace journal
