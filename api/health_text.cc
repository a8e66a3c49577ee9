#include "api/health_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "google/protobuf/util/json_util.h"
#include "pleg/utf8.h"
#include "plegd/v1/health.pb.h"

namespace api {
namespace {

using pleg::ToValidUtf8;

// The runtime's words must not make lines of their own.
std::string OneLine(const std::string& text) {
  return absl::StrReplaceAll(ToValidUtf8(text), {{"\n", " "}, {"\r", " "}, {"\x1b", " "}});
}

void AppendChecks(std::string& out, absl::string_view name,
                  const std::vector<std::string>& errors) {
  if (errors.empty()) absl::StrAppend(&out, "[+]", name, " ok\n");
  for (const std::string& error : errors) {
    absl::StrAppend(&out, "[-]", name, " failed: ", OneLine(error), "\n");
  }
}

}  // namespace

std::string VerboseHealth(const pleg::Verdict& verdict, const RuntimeView& runtime) {
  std::string out;
  AppendChecks(out, "PLEG",
               verdict.healthy
                   ? std::vector<std::string>{}
                   : std::vector<std::string>{"PLEG is not healthy: " + verdict.reason});
  AppendChecks(out, "runtime", runtime.runtime_errors);
  AppendChecks(out, "network", runtime.network_errors);
  absl::StrAppend(&out, "endpoint: ", runtime.endpoint.empty() ? "none" : OneLine(runtime.endpoint),
                  " (", OneLine(runtime.endpoint_reason), ")\n");
  absl::StrAppend(&out, "connection: ", OneLine(runtime.connection), "\n");
  absl::StrAppend(&out, "runtime: ", OneLine(runtime.identity), "\n");
  absl::StrAppend(&out, "node Ready=", runtime.node_ready.ready ? "True" : "False",
                  " reason=", runtime.node_ready.reason,
                  " message=", OneLine(runtime.node_ready.message), "\n");
  return out;
}

std::string HealthJson(const pleg::Verdict& verdict, const RuntimeView& runtime) {
  plegd::v1::Health health;
  health.set_pleg_healthy(verdict.healthy);
  health.set_pleg_reason(verdict.reason);
  health.set_node_ready(runtime.node_ready.ready);
  health.set_node_ready_reason(runtime.node_ready.reason);
  health.set_node_ready_message(ToValidUtf8(runtime.node_ready.message));
  for (const std::string& e : runtime.runtime_errors) health.add_runtime_errors(ToValidUtf8(e));
  for (const std::string& e : runtime.network_errors) health.add_network_errors(ToValidUtf8(e));
  health.set_runtime_endpoint(ToValidUtf8(runtime.endpoint));
  health.set_runtime_endpoint_reason(ToValidUtf8(runtime.endpoint_reason));
  health.set_runtime(ToValidUtf8(runtime.identity));
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  // Cannot fail: every text is UTF-8.
  (void)google::protobuf::util::MessageToJsonString(health, &json, options);
  return json;
}

}  // namespace api
