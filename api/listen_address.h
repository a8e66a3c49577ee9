// Where plegd listens: the values of --web.listen-address.
//
//   absl::StatusOr<ListenAddress> address = ParseListenAddress("127.0.0.1:10270");

#ifndef PLEGD_API_LISTEN_ADDRESS_H_
#define PLEGD_API_LISTEN_ADDRESS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace api {

// A TCP host and port, or a unix socket. Thread-compatible.
struct ListenAddress {
  bool is_unix = false;
  std::string host{};  // without brackets; empty for every address of the machine
  uint16_t port = 0;   // 0: one the kernel chooses
  std::string path{};  // of a unix socket, absolute

  // As it is written: "host:port", "[::1]:port", "unix:///path".
  std::string ToString() const;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// "host:port", ":port", "[IPv6]:port" or "unix:///path". Names are not looked up. kInvalidArgument
// quotes the text and says what is wrong with it.
absl::StatusOr<ListenAddress> ParseListenAddress(absl::string_view text);

}  // namespace api

#endif  // PLEGD_API_LISTEN_ADDRESS_H_
