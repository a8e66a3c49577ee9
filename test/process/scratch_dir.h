// A place for the sockets and files of a test: below /tmp, since the path of a socket must be
// short.
//
//   const ScratchDir dir;   …   dir.File("cri.sock")

#ifndef PLEGD_TEST_PROCESS_SCRATCH_DIR_H_
#define PLEGD_TEST_PROCESS_SCRATCH_DIR_H_

#include <string>

namespace plegd_testing {

// A directory of its own, removed at the end. Thread-compatible.
class ScratchDir {
 public:
  ScratchDir();
  ~ScratchDir();
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  const std::string path_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_PROCESS_SCRATCH_DIR_H_
