// A fresh directory, removed with all in it at the end.

#ifndef PLEGD_RUNTIME_TESTING_TEMP_DIR_H_
#define PLEGD_RUNTIME_TESTING_TEMP_DIR_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace runtime::testing {

// Below /tmp, because a socket's path may have only 107 bytes. Thread-compatible.
class TempDir {
 public:
  TempDir() {
    char pattern[] = "/tmp/plegd-test-XXXXXX";
    if (mkdtemp(pattern) != nullptr) path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace runtime::testing

#endif  // PLEGD_RUNTIME_TESTING_TEMP_DIR_H_
