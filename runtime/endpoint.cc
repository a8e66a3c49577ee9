#include "runtime/endpoint.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace runtime {
namespace {

constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

absl::Status Invalid(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("runtime endpoint \"", absl::CHexEscape(text), "\": ", why));
}

// "unix" of "unix:///x"; empty for a bare path. A colon after a slash is part of a path.
absl::string_view SchemeOf(absl::string_view text) {
  const size_t end = text.find_first_of(":/");
  return end == absl::string_view::npos || text[end] == '/' ? "" : text.substr(0, end);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The path of a URL: percent escapes decoded. False if one is malformed.
bool DecodePath(absl::string_view text, std::string& path) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      path.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return false;
    path.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

std::string EncodePath(absl::string_view path) {
  std::string encoded;
  for (const char c : path) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("/._-~", c)) {
      encoded.push_back(c);
    } else {
      absl::StrAppend(&encoded, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return encoded;
}

absl::Status SocketError(absl::StatusCode code, const std::string& path, absl::string_view what) {
  return absl::Status(code, absl::StrCat(path, ": ", what));
}

// What is missing, and what to do about it.
std::string WhyAbsent(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  if (access(directory.c_str(), F_OK) != 0) {
    return absl::StrCat("no such socket, and no directory ", directory,
                        ": mount it, or name another socket with --runtime-endpoint");
  }
  return "no such socket: start the runtime, or name another socket with --runtime-endpoint";
}

absl::Status FromErrno(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return SocketError(absl::StatusCode::kNotFound, path, WhyAbsent(path));
    case EACCES:
    case EPERM:
      return SocketError(absl::StatusCode::kPermissionDenied, path,
                         "permission denied: plegd may not use this socket; run it as root or in "
                         "the socket's group");
    case ECONNREFUSED:
      return SocketError(absl::StatusCode::kUnavailable, path,
                         "connection refused: nothing listens on this socket");
    case EAGAIN:
      return SocketError(absl::StatusCode::kUnavailable, path,
                         "the listener does not accept connections: its backlog is full");
    case EPROTOTYPE:
      return SocketError(absl::StatusCode::kFailedPrecondition, path, "not a stream socket");
    default:
      return SocketError(absl::StatusCode::kUnavailable, path,
                         std::generic_category().message(error));
  }
}

}  // namespace

std::string Endpoint::Url() const { return absl::StrCat("unix://", path_); }

std::string Endpoint::GrpcTarget() const { return absl::StrCat("unix:", EncodePath(path_)); }

absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text) {
  if (text.empty()) return Invalid(text, "is empty");
  const absl::string_view scheme = SchemeOf(text);
  std::string path;
  if (scheme.empty()) {
    path = std::string(text);
  } else if (scheme == "unix") {
    absl::string_view rest = absl::StripPrefix(text, "unix:");
    if (absl::ConsumePrefix(&rest, "//") && !absl::StartsWith(rest, "/")) {
      return Invalid(text, "has a host; write unix:///path");
    }
    if (!DecodePath(rest, path)) return Invalid(text, "has a malformed % escape");
  } else {
    return Invalid(text, "only support unix socket endpoint");
  }
  if (!absl::StartsWith(path, "/")) return Invalid(text, "is not an absolute path");
  if (path.back() == '/') return Invalid(text, "names a directory");
  if (absl::StrContains(path, '\0')) return Invalid(text, "contains a NUL byte");
  if (path.size() > kMaxSocketPath) {
    return Invalid(text, absl::StrCat("is longer than ", kMaxSocketPath, " bytes"));
  }
  return Endpoint(std::move(path));
}

absl::Status CheckSocket(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return FromErrno(path, errno);
  if (!S_ISSOCK(info.st_mode)) {
    return SocketError(absl::StatusCode::kFailedPrecondition, path, "is not a socket");
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() > kMaxSocketPath) {
    return SocketError(absl::StatusCode::kFailedPrecondition, path, "path too long for a socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return FromErrno(path, errno);
  const int connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  close(fd);
  return connected == 0 ? absl::OkStatus() : FromErrno(path, error);
}

std::vector<Endpoint> DefaultEndpoints() {
  return {Endpoint("/run/containerd/containerd.sock"),
          Endpoint("/run/crio/crio.sock"),
          Endpoint("/var/run/cri-dockerd.sock"),
          Endpoint("/run/k3s/containerd/containerd.sock"),
          Endpoint("/run/k0s/containerd.sock"),
          Endpoint("/var/snap/microk8s/common/run/containerd.sock")};
}

}  // namespace runtime
