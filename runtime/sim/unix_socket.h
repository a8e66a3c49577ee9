// Unix sockets that are served: made without taking one from somebody else, removed without
// removing somebody else's.

#ifndef PLEGD_RUNTIME_SIM_UNIX_SOCKET_H_
#define PLEGD_RUNTIME_SIM_UNIX_SOCKET_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace sim {

// Owns a file descriptor. Thread-compatible.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(-1); }

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd);

 private:
  int fd_ = -1;
};

// A listening socket, mode 0600, and its file. Thread-compatible.
class ListenSocket {
 public:
  // Replaces the socket of a process that is gone. kAlreadyExists when somebody answers there,
  // kFailedPrecondition when the path is something else, kInvalidArgument when it is too long for
  // an address; each names the path.
  static absl::StatusOr<ListenSocket> Open(const std::string& path);

  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&&) = delete;
  // Removes the file, unless another has taken its place.
  ~ListenSocket();

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  ListenSocket(UniqueFd fd, std::string path);

  UniqueFd fd_;
  std::string path_;  // Empty when moved from.
  uint64_t device_ = 0;
  uint64_t inode_ = 0;
};

// Connects, blocking. kUnavailable with the path and the reason when nobody answers.
absl::StatusOr<UniqueFd> ConnectUnix(const std::string& path);

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_UNIX_SOCKET_H_
