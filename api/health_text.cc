#include "api/health_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "pleg/utf8.h"

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

std::string VerboseHealth(const pleg::Verdict& verdict, const node::RuntimeView& runtime) {
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
  absl::StrAppend(&out, "runtime: ", OneLine(runtime.Identity()), "\n");
  absl::StrAppend(&out, "node Ready=", runtime.node_ready.ready ? "True" : "False",
                  " reason=", runtime.node_ready.reason,
                  " message=", OneLine(runtime.node_ready.message), "\n");
  return out;
}

}  // namespace api
