#include "api/listen_address.h"

#include <sys/un.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace api {
namespace {

// sun_path with its terminating NUL.
constexpr size_t kMaxPathBytes = sizeof(sockaddr_un::sun_path) - 1;

absl::Status Invalid(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("listen address \"", absl::CHexEscape(text), "\": ", why));
}

absl::StatusOr<ListenAddress> ParseUnix(absl::string_view text, absl::string_view path) {
  if (!absl::StartsWith(path, "/")) {
    return Invalid(text, "the path of a unix socket is absolute, as in unix:///run/plegd.sock");
  }
  if (path.size() > kMaxPathBytes) {
    return Invalid(text, absl::StrCat("the path of a unix socket has at most ", kMaxPathBytes,
                                      " bytes, not ", path.size()));
  }
  ListenAddress address;
  address.is_unix = true;
  address.path = std::string(path);
  return address;
}

bool IsHostChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
}

}  // namespace

std::string ListenAddress::ToString() const {
  if (is_unix) return absl::StrCat("unix://", path);
  if (absl::StrContains(host, ':')) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

absl::StatusOr<ListenAddress> ParseListenAddress(absl::string_view text) {
  absl::string_view rest = text;
  if (absl::StrContains(text, '\0')) return Invalid(text, "it contains a NUL byte");
  if (absl::ConsumePrefix(&rest, "unix:")) {
    absl::ConsumePrefix(&rest, "//");
    return ParseUnix(text, rest);
  }
  if (absl::StrContains(text, "://")) return Invalid(text, "the only scheme is unix://");
  const size_t colon = rest.rfind(':');
  if (colon == absl::string_view::npos) return Invalid(text, "it has no port; write host:port");
  absl::string_view host = rest.substr(0, colon);
  const absl::string_view port = rest.substr(colon + 1);
  if (absl::ConsumePrefix(&host, "[")) {
    if (!absl::ConsumeSuffix(&host, "]")) return Invalid(text, "its bracket is not closed by ]:");
    if (!absl::StrContains(host, ':')) return Invalid(text, "only IPv6 addresses have brackets");
  } else if (absl::StrContains(host, ':')) {
    return Invalid(text, "an IPv6 address has brackets, as in [::1]:10270");
  } else if (!std::all_of(host.begin(), host.end(), IsHostChar)) {
    return Invalid(text, "its host is neither an address nor a name");
  }
  ListenAddress address;
  unsigned number = 0;
  const bool digits = !port.empty() && std::all_of(port.begin(), port.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (!digits || !absl::SimpleAtoi(port, &number) || number > 65535) {
    return Invalid(text, "its port is not a number from 0 to 65535");
  }
  address.host = std::string(host);
  address.port = static_cast<uint16_t>(number);
  return address;
}

}  // namespace api
