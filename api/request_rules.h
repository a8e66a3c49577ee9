// What every request must keep to, whatever it asks for.
//
//   if (std::optional<Response> refusal = Refuse(request, policy)) return *refusal;

#ifndef PLEGD_API_REQUEST_RULES_H_
#define PLEGD_API_REQUEST_RULES_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "api/host_policy.h"
#include "api/http.h"

namespace api {

// Whether a path tells of health alone: /healthz, /livez and /readyz, whose answers are short. They
// are served when nothing else is, because the kubelet kills what does not answer them.
bool IsHealth(absl::string_view path);

// The refusal: 405 with Allow for a method other than GET and HEAD, 400 for a body, 403 for a Host
// that `hosts` does not allow. `hosts` is null for a unix socket, which no browser reaches.
// HTTP/1.0 without Host is fine.
//
// Any Host may ask for metrics and health: Prometheus scrapes by whatever name DNS has, and a page
// in a browser that reads them learns nothing of pods. PUT is for the log level alone, on unix
// sockets, which no page in a browser reaches; so is POST, which the API's routes see to.
std::optional<Response> Refuse(const Request& request, const HostPolicy* hosts);

}  // namespace api

#endif  // PLEGD_API_REQUEST_RULES_H_
