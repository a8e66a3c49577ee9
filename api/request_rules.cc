#include "api/request_rules.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace api {

std::optional<Response> Refuse(const Request& request, const HostPolicy* hosts) {
  if (request.method != "GET" && request.method != "HEAD") {
    Response response{.status = 405, .body = "plegd only answers GET and HEAD\n"};
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (request.has_body) return Response{.status = 400, .body = "a body has no meaning here\n"};
  if (hosts != nullptr && request.host.has_value() && !hosts->Allows(*request.host)) {
    return Response{.status = 403,
                    .body = absl::StrCat("plegd does not answer for the host \"",
                                         absl::CHexEscape(*request.host), "\"; use its address\n")};
  }
  return std::nullopt;
}

}  // namespace api
