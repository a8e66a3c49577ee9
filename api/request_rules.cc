#include "api/request_rules.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace api {
namespace {

constexpr std::array<absl::string_view, 3> kHealth = {"/healthz", "/livez", "/readyz"};

bool IsForAnyHost(absl::string_view path) { return path == "/metrics" || IsHealth(path); }

// What may be asked to change, of the pods.
bool IsChange(absl::string_view path) {
  return absl::StartsWith(path, "/api/v1/pods/") &&
         (absl::EndsWith(path, "/relist") || absl::EndsWith(path, "/reinspect"));
}

std::string AllowedMethods(const Request& request) {
  if (IsChange(request.path)) return "POST";
  return request.unix_socket && request.path == kLogLevelPath ? "GET, HEAD, PUT" : "GET, HEAD";
}

}  // namespace

bool IsHealth(absl::string_view path) {
  return std::find(kHealth.begin(), kHealth.end(), path) != kHealth.end();
}

std::optional<Response> Refuse(const Request& request, const HostPolicy* hosts) {
  const std::string allowed = AllowedMethods(request);
  const std::vector<absl::string_view> methods = absl::StrSplit(allowed, ", ");
  if (std::find(methods.begin(), methods.end(), request.method) == methods.end()) {
    Response response{.status = 405,
                      .body = absl::StrCat("only ", allowed, " are answered here\n")};
    response.headers.emplace_back("Allow", allowed);
    return response;
  }
  if (request.has_body) return Response{.status = 400, .body = "a body has no meaning here\n"};
  if (hosts != nullptr && request.host.has_value() && !IsForAnyHost(request.path) &&
      !hosts->Allows(*request.host)) {
    return Response{.status = 403,
                    .body = absl::StrCat("plegd does not answer for the host \"",
                                         absl::CHexEscape(*request.host),
                                         "\" here; use its address, or start it with "
                                         "--web.host-name\n")};
  }
  return std::nullopt;
}

}  // namespace api
