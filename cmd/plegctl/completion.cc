#include "cmd/plegctl/completion.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace plegctl {
namespace {

constexpr char kBash[] = R"(# bash completion of plegctl: source <(plegctl completion bash)
_plegctl() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("${line%%$'\t'*}")
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _plegctl plegctl
)";

constexpr char kZsh[] = R"(#compdef plegctl
# zsh completion of plegctl: source <(plegctl completion zsh)
_plegctl() {
  local -a candidates
  candidates=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=("${(@)candidates:#}")
  if (( ${#candidates} )); then
    candidates=("${(@)candidates//:/\\:}")
    candidates=("${(@)candidates/$'\t'/:}")
    _describe plegctl candidates
  else
    _files
  fi
}
if [[ ${funcstack[1]} == _plegctl ]]; then _plegctl "$@"; else compdef _plegctl plegctl; fi
)";

constexpr char kFish[] = R"(# fish completion of plegctl: plegctl completion fish | source
function __plegctl_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c plegctl -f -a '(__plegctl_complete)'
complete -c plegctl -l socket -r -F
complete -c plegctl -n '__fish_seen_subcommand_from explain' -l from -r -F
complete -c plegctl -n '__fish_seen_subcommand_from explain' -l save -r -F
)";

void Offer(absl::string_view candidate, absl::string_view help, absl::string_view prefix,
           std::string& out) {
  if (absl::StartsWith(candidate, prefix)) absl::StrAppend(&out, candidate, "\t", help, "\n");
}

const OptionInfo* FindOption(const CommandTree& command, absl::string_view name) {
  for (const OptionInfo& option : command.options) {
    if (absl::c_linear_search(option.names, name)) return &option;
  }
  return nullptr;
}

// The option, if any, whose value comes after `word`.
const OptionInfo* AwaitsValue(const CommandTree& command, absl::string_view word) {
  const OptionInfo* option = FindOption(command, word);
  return option != nullptr && option->takes_value ? option : nullptr;
}

}  // namespace

std::string Candidates(const CommandTree& tree, const std::vector<std::string>& words,
                       const std::function<std::string()>& pod_names) {
  if (words.empty()) return "";
  const CommandTree* command = &tree;
  const OptionInfo* awaited = nullptr;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (awaited != nullptr) {
      awaited = nullptr;
      continue;
    }
    awaited = AwaitsValue(*command, words[i]);
    const auto sub = std::find_if(command->commands.begin(), command->commands.end(),
                                  [&](const CommandTree& c) { return c.name == words[i]; });
    if (sub != command->commands.end()) command = &*sub;
  }
  const std::string& prefix = words.back();
  std::string out;
  if (awaited != nullptr) {
    for (const std::string& value : awaited->values) Offer(value, "", prefix, out);
    return out;
  }
  if (absl::StartsWith(prefix, "-")) {
    for (const OptionInfo& option : command->options) {
      for (const std::string& name : option.names) Offer(name, option.help, prefix, out);
    }
    return out;
  }
  for (const CommandTree& sub : command->commands) Offer(sub.name, sub.help, prefix, out);
  for (const std::string& argument : command->arguments) Offer(argument, "", prefix, out);
  if (command->takes_pod) {
    const std::string names = pod_names();
    for (const absl::string_view name : absl::StrSplit(names, '\n', absl::SkipEmpty())) {
      Offer(name, "", prefix, out);
    }
  }
  return out;
}

std::string CompletionScript(absl::string_view shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  return shell == "fish" ? kFish : "";
}

}  // namespace plegctl
