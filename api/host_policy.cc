#include "api/host_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace api {
namespace {

std::string Normalize(absl::string_view name) {
  absl::ConsumeSuffix(&name, ".");
  return absl::AsciiStrToLower(name);
}

bool IsAddress(int family, absl::string_view text) {
  in6_addr address{};
  return inet_pton(family, std::string(text).c_str(), &address) == 1;
}

bool IsPort(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

}  // namespace

HostPolicy::HostPolicy(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!name.empty()) names_.push_back(Normalize(name));
  }
}

bool HostPolicy::Allows(absl::string_view header) const {
  if (absl::ConsumePrefix(&header, "[")) {
    const size_t end = header.find(']');
    if (end == absl::string_view::npos) return false;
    absl::string_view port = header.substr(end + 1);
    return IsAddress(AF_INET6, header.substr(0, end)) &&
           (port.empty() || (absl::ConsumePrefix(&port, ":") && IsPort(port)));
  }
  const size_t colon = header.find(':');
  if (colon != absl::string_view::npos && !IsPort(header.substr(colon + 1))) return false;
  const std::string host = Normalize(header.substr(0, colon));
  if (IsAddress(AF_INET, host) || host == "localhost" || absl::EndsWith(host, ".localhost")) {
    return true;
  }
  return std::find(names_.begin(), names_.end(), host) != names_.end();
}

}  // namespace api
