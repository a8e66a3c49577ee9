// Keeps a path to one process at a time.
//
//   absl::StatusOr<PathLock> lock = PathLock::Take("/run/plegd/plegd.sock");

#ifndef PLEGD_API_PATH_LOCK_H_
#define PLEGD_API_PATH_LOCK_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace api {

// A file PATH.lock that this process has locked (flock), with its pid in it. The kernel unlocks it
// when the process ends, however it ends; what a killed one leaves is taken over. Removes the file
// when it is destroyed. Movable; confined to one thread at a time.
class PathLock {
 public:
  // Does not block. kFailedPrecondition if another has it, with its pid if that can be read, or if
  // the file is no regular one, has another name as well, or belongs to neither root nor this user;
  // else what the file system says. Follows no symlink.
  static absl::StatusOr<PathLock> Take(absl::string_view path);
  ~PathLock();
  PathLock(PathLock&& other) noexcept;
  PathLock& operator=(PathLock&& other) = delete;

 private:
  PathLock(int fd, std::string file);

  int fd_;
  std::string file_;
};

// "another process (pid 4711)"; without the pid if it is not positive.
std::string OtherProcess(pid_t pid);

}  // namespace api

#endif  // PLEGD_API_PATH_LOCK_H_
