#include "pleg/pod_status.h"

#include <arpa/inet.h>

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace pleg {
namespace {

// Decimal octets, leading zeros allowed: inet_pton refuses those.
bool IsIpv4(absl::string_view text) {
  size_t octets = 0;
  for (absl::string_view octet : absl::StrSplit(text, '.')) {
    if (octet.empty() || ++octets > 4) return false;
    int value = 0;
    for (char c : octet) {
      if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
      value = value * 10 + (c - '0');
      if (value > 255) return false;
    }
  }
  return octets == 4;
}

bool IsIpv6(absl::string_view text) {
  // The lenient parser takes an embedded IPv4 address by the same rule as above, inet_pton only
  // without leading zeros: judge the two parts apart.
  std::string address(text);
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return false;
  if (address.find('.', colon) != std::string::npos) {
    if (!IsIpv4(text.substr(colon + 1))) return false;
    address.replace(colon + 1, std::string::npos, "0.0.0.0");
  }
  in6_addr parsed;
  return address.find('\0') == std::string::npos &&
         inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

}  // namespace

const ContainerStatus* PodStatus::FindContainer(const ContainerId& id) const {
  for (const auto& status : container_statuses) {
    if (status->id == id) return status.get();
  }
  return nullptr;
}

std::vector<std::string> PodIps(const SandboxStatus& status) {
  std::vector<std::string> ips;
  if (!status.primary_ip.empty()) ips.push_back(status.primary_ip);
  ips.insert(ips.end(), status.additional_ips.begin(), status.additional_ips.end());
  for (const std::string& ip : ips) {
    if (!IsIpv4(ip) && !IsIpv6(ip)) return {};
  }
  return ips;
}

}  // namespace pleg
