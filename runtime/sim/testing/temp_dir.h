// A directory of its own for a test, with room for sockets, removed at the end.

#ifndef PLEGD_RUNTIME_SIM_TESTING_TEMP_DIR_H_
#define PLEGD_RUNTIME_SIM_TESTING_TEMP_DIR_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace sim {

// Thread-compatible.
class TempDir {
 public:
  TempDir() : path_(::mkdtemp(template_)) {}
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  char template_[32] = "/tmp/sim-test-XXXXXX";
  std::string path_;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_TESTING_TEMP_DIR_H_
