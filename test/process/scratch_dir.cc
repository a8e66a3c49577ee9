#include "test/process/scratch_dir.h"

#include <stdlib.h>

#include <filesystem>
#include <system_error>

namespace plegd_testing {
namespace {

std::string MakeDir() {
  std::string pattern = "/tmp/plegd-nodeXXXXXX";
  const char* made = mkdtemp(pattern.data());
  return made == nullptr ? "" : made;
}

}  // namespace

ScratchDir::ScratchDir() : path_(MakeDir()) {}

ScratchDir::~ScratchDir() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace plegd_testing
