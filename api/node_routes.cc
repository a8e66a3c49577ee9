#include "api/node_routes.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "api/message_json.h"
#include "api/percent.h"
#include "api/query.h"

namespace api {
namespace {

constexpr absl::string_view kPrefix = "/api/v1/";
constexpr char kJsonType[] = "application/json";

Response Json(const google::protobuf::Message& message) {
  return {.content_type = kJsonType, .body = MessageJson(message)};
}

int HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

Response WrongMethod(absl::string_view allowed) {
  Response response{.status = 405, .body = absl::StrCat("only ", allowed, " is served here\n")};
  response.headers.emplace_back("Allow", std::string(allowed));
  return response;
}

bool Reads(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

// An answer without parameters.
template <typename Call>
Response Read(const Request& request, const Call& call) {
  if (!Reads(request)) return WrongMethod("GET, HEAD");
  if (const auto query = ParseQuery(request.query, {}); !query.ok()) {
    return ErrorResponse(query.status());
  }
  return Json(call());
}

absl::StatusOr<plegd::v1::GetPodRequest> PodRequest(const Request& request, std::string uid) {
  const absl::StatusOr<Query> query =
      ParseQuery(request.query, {"newer_than", "fresh", "timeout_seconds"});
  if (!query.ok()) return query.status();
  const absl::StatusOr<bool> fresh = BoolOf(*query, "fresh");
  if (!fresh.ok()) return fresh.status();
  const absl::StatusOr<double> timeout = SecondsOf(*query, "timeout_seconds");
  if (!timeout.ok()) return timeout.status();
  plegd::v1::GetPodRequest out;
  out.set_uid(std::move(uid));
  out.set_fresh(*fresh);
  out.set_timeout_seconds(*timeout);
  if (const auto token = query->find("newer_than"); token != query->end()) {
    if (token->second.empty()) return absl::InvalidArgumentError("newer_than is empty");
    out.set_newer_than(token->second);
  }
  return out;
}

}  // namespace

Response ErrorResponse(const absl::Status& error) {
  Response response{.status = HttpStatus(error.code()),
                    .body = absl::StrCat(error.message(), "\n")};
  if (error.code() == absl::StatusCode::kResourceExhausted) {
    response.headers.emplace_back("Retry-After",
                                  absl::StrCat(absl::ToInt64Seconds(RequestLimiter::kRetryAfter)));
  }
  return response;
}

std::optional<Response> NodeRoutes::Serve(const Request& request) const {
  absl::string_view path = request.path;
  if (!absl::ConsumePrefix(&path, kPrefix)) return std::nullopt;
  if (path == "health") return Read(request, [this] { return api_.GetHealth(); });
  if (path == "node") return Read(request, [this] { return api_.GetNode(); });
  if (path == "calls") return Read(request, [this] { return api_.GetCalls(); });
  if (path == "diagnosis") return Read(request, [this] { return api_.GetDiagnosis(); });
  if (path == "evidence") return Read(request, [this] { return api_.GetEvidence(); });
  if (path == "pods") return Pods(request);
  if (path == "relists") return Relists(request);
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  if (parts[0] != "pods" || parts.size() < 2 || parts.size() > 3) return std::nullopt;
  std::optional<std::string> uid = PercentDecode(parts[1]);
  if (!uid.has_value()) {
    return ErrorResponse(absl::InvalidArgumentError(
        absl::StrCat("the UID ", absl::CHexEscape(parts[1]), " is not percent-encoded correctly")));
  }
  if (parts.size() == 2) return Pod(request, *std::move(uid));
  if (parts[2] == "relist" || parts[2] == "reinspect") return Change(request, parts[2], *uid);
  return std::nullopt;
}

Response NodeRoutes::Pods(const Request& request) const {
  if (!Reads(request)) return WrongMethod("GET, HEAD");
  if (const auto query = ParseQuery(request.query, {}); !query.ok()) {
    return ErrorResponse(query.status());
  }
  // As MessageJson writes a PodList, without one of all pods in memory.
  std::string json = "{\"pods\":[";
  api_.ForEachPod([&json](const plegd::v1::PodStatus& pod) {
    const std::string one = MessageJson(pod);
    absl::StrAppend(&json, json.back() == '[' ? "" : ",", absl::StripSuffix(one, "\n"));
  });
  absl::StrAppend(&json, "]}\n");
  return {.content_type = kJsonType, .body = std::move(json)};
}

Response NodeRoutes::Relists(const Request& request) const {
  if (!Reads(request)) return WrongMethod("GET, HEAD");
  const absl::StatusOr<Query> query = ParseQuery(request.query, {"limit"});
  if (!query.ok()) return ErrorResponse(query.status());
  const absl::StatusOr<uint32_t> limit = NumberOf(*query, "limit");
  if (!limit.ok()) return ErrorResponse(limit.status());
  plegd::v1::GetRelistsRequest message;
  message.set_limit(*limit);
  return Json(api_.GetRelists(message));
}

Response NodeRoutes::Pod(const Request& request, std::string uid) const {
  if (!Reads(request)) return WrongMethod("GET, HEAD");
  absl::StatusOr<plegd::v1::GetPodRequest> message = PodRequest(request, std::move(uid));
  if (!message.ok()) return ErrorResponse(message.status());
  if (message->fresh() && !request.unix_socket) {
    return {.status = 403, .body = "only a unix socket takes fresh=true: it asks the runtime\n"};
  }
  const auto describe = [&api = api_](const absl::StatusOr<pleg::CachedPod>& pod) {
    return pod.ok() ? Json(api.Describe(*pod)) : ErrorResponse(pod.status());
  };
  Response response;
  if (!message->fresh() && message->newer_than().empty()) {
    api_.GetPod(*message, [&](const auto& pod) { response = describe(pod); });
    return response;
  }
  response.later = [&api = api_, describe, message = *std::move(message),
                    user = request.user](Respond respond) {
    // On the core's thread, which hands the pod over and no more.
    auto done = [describe, respond = std::move(respond)](absl::StatusOr<pleg::CachedPod> pod) {
      respond([describe, pod = std::move(pod)] { return describe(pod); });
    };
    return [&api, wait = api.GetPod(message, std::move(done), user)]() mutable {
      api.Cancel(std::exchange(wait, nullptr));
    };
  };
  return response;
}

// Changes what plegd does next, so that no page of a browser may ask for it.
Response NodeRoutes::Change(const Request& request, absl::string_view what,
                            const std::string& uid) const {
  if (request.method != "POST") return WrongMethod("POST");
  if (!request.unix_socket) {
    return {.status = 403, .body = "only a unix socket takes requests that change something\n"};
  }
  if (const auto query = ParseQuery(request.query, {}); !query.ok()) {
    return ErrorResponse(query.status());
  }
  absl::Status status;
  if (what == "relist") {
    plegd::v1::RequestRelistRequest message;
    message.set_uid(uid);
    status = api_.RequestRelist(message, request.user);
  } else {
    plegd::v1::RequestReinspectRequest message;
    message.set_uid(uid);
    status = api_.RequestReinspect(message, request.user);
  }
  return status.ok() ? Json(plegd::v1::RequestRelistResponse()) : ErrorResponse(status);
}

}  // namespace api
