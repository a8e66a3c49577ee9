// plegd's API as JSON over HTTP: the routes that proto/plegd/v1/service.proto names.
//
//   NodeRoutes routes(api);   if (std::optional<Response> r = routes.Serve(request)) return *r;

#ifndef PLEGD_API_NODE_ROUTES_H_
#define PLEGD_API_NODE_ROUTES_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/http.h"
#include "api/node_api.h"

namespace api {

// Thread-safe, as the API it serves.
class NodeRoutes {
 public:
  // `api` outlives the routes.
  explicit NodeRoutes(NodeApi& api) : api_(api) {}

  // Empty if the path is none of them. `request` may use the API. Does not block: an answer that is
  // waited for is one that comes later.
  std::optional<Response> Serve(const Request& request) const;

 private:
  Response Pods(const Request& request) const;
  Response Relists(const Request& request) const;
  Response Pod(const Request& request, std::string uid) const;
  Response Change(const Request& request, absl::string_view what, const std::string& uid) const;

  NodeApi& api_;
};

// 400, 404, 429 with Retry-After, 504, … with the words as text.
Response ErrorResponse(const absl::Status& error);

}  // namespace api

#endif  // PLEGD_API_NODE_ROUTES_H_
