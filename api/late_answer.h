// An HTTP request whose answer comes later, and where the answer is left, on whatever thread.

#ifndef PLEGD_API_LATE_ANSWER_H_
#define PLEGD_API_LATE_ANSWER_H_

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/http.h"
#include "pleg/mutex.h"

namespace api {

// It may outlive its connection.
struct Deferred {
  // The server's thread has these. What takes the request up again: null once it has, or the
  // connection is gone.
  std::function<void()> resume;
  std::function<void()> cancel;  // nobody waits any more; may be null
  int fd = -1;                   // of the connection, while `resume` is there
  std::optional<uid_t> user;

  pleg::Mutex mu;
  std::function<Response()> response ABSL_GUARDED_BY(mu);
};

// Answers that have come since. Thread-safe; it may outlive the server.
class Mailbox {
 public:
  // `fd` is an eventfd, of which the mailbox keeps a duplicate.
  explicit Mailbox(int fd) : fd_(fcntl(fd, F_DUPFD_CLOEXEC, 0)) {}
  ~Mailbox() { close(fd_); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // All but the first answer to one request are dropped.
  void Put(const std::shared_ptr<Deferred>& deferred, std::function<Response()> response) {
    {
      pleg::MutexLock lock(deferred->mu);
      if (deferred->response) return;
      deferred->response = std::move(response);
    }
    pleg::MutexLock lock(mu_);
    arrived_.push_back(deferred);
    const uint64_t one = 1;
    (void)!write(fd_, &one, sizeof(one));
  }
  std::vector<std::shared_ptr<Deferred>> Take() {
    uint64_t count = 0;
    (void)!read(fd_, &count, sizeof(count));
    pleg::MutexLock lock(mu_);
    return std::exchange(arrived_, {});
  }

 private:
  const int fd_;
  pleg::Mutex mu_;
  std::vector<std::shared_ptr<Deferred>> arrived_ ABSL_GUARDED_BY(mu_);
};

}  // namespace api

#endif  // PLEGD_API_LATE_ANSWER_H_
