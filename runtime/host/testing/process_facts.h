// What /proc tells of a process, for tests.

#ifndef PLEGD_RUNTIME_HOST_TESTING_PROCESS_FACTS_H_
#define PLEGD_RUNTIME_HOST_TESTING_PROCESS_FACTS_H_

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace runtime::host {

// A line of its status: "CapEff", "Seccomp"; empty without one.
inline std::string StatusOf(int pid, absl::string_view name) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string text; std::getline(status, text);) {
    absl::string_view line = text;
    if (absl::ConsumePrefix(&line, absl::StrCat(name, ":\t"))) return std::string(line);
  }
  return "";
}

// What its descriptors are: {0, "/dev/null"}, {3, "socket:[4711]"}.
inline std::map<int, std::string> DescriptorsOf(int pid) {
  std::map<int, std::string> descriptors;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/fd"), error)) {
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    descriptors[std::stoi(entry.path().filename())] = target;
  }
  return descriptors;
}

// Those that have not ended.
inline std::vector<int> ChildrenOf(int pid) {
  std::vector<int> children;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const int child = std::stoi(name);
    if (StatusOf(child, "PPid") == std::to_string(pid) &&
        !absl::StartsWith(StatusOf(child, "State"), "Z")) {
      children.push_back(child);
    }
  }
  return children;
}

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_TESTING_PROCESS_FACTS_H_
