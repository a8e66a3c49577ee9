// Completion in shells. The scripts are a few lines that ask plegctl itself, so that they never
// differ from it.

#ifndef PLEGD_CMD_PLEGCTL_COMPLETION_H_
#define PLEGD_CMD_PLEGCTL_COMPLETION_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace plegctl {

struct OptionInfo {
  std::vector<std::string> names;  // "-o", "--output"
  std::string help;
  bool takes_value = false;
  std::vector<std::string> values;  // if they are few
};

struct CommandTree {
  std::string name;
  std::string help;
  std::vector<OptionInfo> options;
  std::vector<std::string> arguments;  // what its argument may be, if they are few
  bool takes_pod = false;
  std::vector<CommandTree> commands;
};

// A line for each candidate, "candidate<TAB>help", for the last of `words`, which may be empty.
// `pod_names` is asked for lines of names only where a pod may stand. Nothing where a file may.
std::string Candidates(const CommandTree& tree, const std::vector<std::string>& words,
                       const std::function<std::string()>& pod_names);

// For bash, zsh or fish; empty for others.
std::string CompletionScript(absl::string_view shell);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_COMPLETION_H_
