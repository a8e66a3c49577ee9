// What an HTTP request and its answer are to plegd, free of any HTTP library.

#ifndef PLEGD_API_HTTP_H_
#define PLEGD_API_HTTP_H_

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace api {

// The one thing that can be changed: GET tells the level of the log, PUT with ?level= sets it.
inline constexpr char kLogLevelPath[] = "/debug/log-level";

// Thread-compatible.
struct Request {
  std::string method;
  std::string path;     // as sent: still percent-encoded, without the query
  std::string query{};  // as sent, without the question mark
  std::optional<std::string> host;
  bool has_body = false;
  bool unix_socket = false;     // which it came through
  std::optional<uid_t> user{};  // whose process connected, over a unix socket
  bool api_allowed = false;     // what the listener it came through may serve
};

struct Response;
// Gives an answer; called once, on any thread, which does not have to make it: `make` runs on the
// server's thread.
using Respond = std::function<void(std::function<Response()> make)>;

// Thread-compatible.
struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  // Set for an answer that is waited for: all else is ignored. The server calls it once, with where
  // to leave the answer. What it returns, if anything, the server calls once its client has left.
  std::function<std::function<void()>(Respond)> later{};
};

using Handler = std::function<Response(const Request&)>;

}  // namespace api

#endif  // PLEGD_API_HTTP_H_
