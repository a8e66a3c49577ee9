#include "cmd/plegctl/pages.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace plegctl {

std::string VerdictPageBelow(const std::string& folder, absl::string_view docs) {
  absl::string_view page = docs;
  // It came over a socket: no way out of the folder.
  if (!absl::ConsumePrefix(&page, "docs/") || absl::StrContains(page, "..")) {
    return std::string(docs);
  }
  const std::string path = absl::StrCat(folder, "/", page);
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) ? path : std::string(docs);
}

std::string VerdictPage(absl::string_view docs) {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return std::string(docs);
  const std::filesystem::path prefix = program.parent_path().parent_path();
  return VerdictPageBelow(prefix / "share/doc/plegd", docs);
}

}  // namespace plegctl
