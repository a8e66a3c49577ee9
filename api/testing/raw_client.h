// A client of bare bytes, for what a well-behaved HTTP library would never send.
//
//   RawClient client(server->addresses()[0]);  client.Send("GET / HTTP/1.1\r\n…");
//   client.ReadAll();

#ifndef PLEGD_API_TESTING_RAW_CLIENT_H_
#define PLEGD_API_TESTING_RAW_CLIENT_H_

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "api/listen_address.h"

namespace api::testing {

// Thread-compatible. Reads block for as long as it takes.
class RawClient {
 public:
  explicit RawClient(const ListenAddress& address)
      : fd_(address.is_unix ? ConnectUnix(address.path) : ConnectTcp(address)) {}
  ~RawClient() {
    if (fd_ >= 0) close(fd_);
  }
  RawClient(RawClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  bool connected() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  // False if the peer has closed.
  bool Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  // Until the peer closes.
  std::string ReadAll() {
    std::string out;
    while (ReadSome(out)) {
    }
    return out;
  }
  // One response with its Content-Length, body included unless `head`.
  std::string ReadResponse(bool head = false) {
    std::string out;
    size_t end = std::string::npos;
    while ((end = out.find("\r\n\r\n")) == std::string::npos) {
      if (!ReadSome(out)) return out;
    }
    const size_t body = end + 4;
    const size_t length = head ? 0 : ContentLength(out.substr(0, body));
    while (out.size() < body + length) {
      if (!ReadSome(out)) return out;
    }
    return out;
  }

 private:
  static int ConnectUnix(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, path.c_str(), sizeof(name.sun_path) - 1);
    return Connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&name), sizeof(name));
  }
  static int ConnectTcp(const ListenAddress& address) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* info = nullptr;
    if (getaddrinfo(address.host.c_str(), absl::StrCat(address.port).c_str(), &hints, &info) != 0) {
      return -1;
    }
    const int fd = Connect(info->ai_family, info->ai_addr, info->ai_addrlen);
    freeaddrinfo(info);
    return fd;
  }
  static int Connect(int family, const sockaddr* name, socklen_t length) {
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, name, length) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
  }

  static size_t ContentLength(const std::string& headers) {
    constexpr absl::string_view kName = "Content-Length: ";
    const size_t at = headers.find(kName.data());
    size_t length = 0;
    if (at == std::string::npos) return 0;
    const size_t begin = at + kName.size();
    return absl::SimpleAtoi(headers.substr(begin, headers.find('\r', begin) - begin), &length)
               ? length
               : 0;
  }

  bool ReadSome(std::string& out) {
    char buffer[65536];
    const ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
    if (n <= 0) return false;
    out.append(buffer, static_cast<size_t>(n));
    return true;
  }

  int fd_;
};

}  // namespace api::testing

#endif  // PLEGD_API_TESTING_RAW_CLIENT_H_
