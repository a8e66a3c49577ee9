#include "runtime/discovery_settings.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "runtime/config_file.h"

namespace runtime {
namespace {

constexpr absl::string_view kKubeletFlag = "--container-runtime-endpoint";

using MaybeText = absl::StatusOr<std::optional<std::string>>;

// Without quotes around it.
absl::string_view Unquote(absl::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
      text.front() == text.back()) {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

// The arguments in one line "NAME=words"; none of a comment.
std::vector<absl::string_view> Arguments(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  const size_t equals = line.find('=');
  if (line.empty() || line[0] == '#' || line[0] == ';' || equals == absl::string_view::npos) {
    return {};
  }
  return absl::StrSplit(Unquote(line.substr(equals + 1)), absl::ByAnyChar(" \t"),
                        absl::SkipEmpty());
}

// "--container_runtime_endpoint" is the same flag to the kubelet.
bool IsKubeletFlag(absl::string_view name) {
  return absl::StrReplaceAll(name, {{"_", "-"}}) == kKubeletFlag;
}

// One search through the settings. Confined to FindSetting.
class Search {
 public:
  Search(const DiscoverySettings& settings, const ReadFile& read_file)
      : settings_(settings), read_file_(read_file) {}

  absl::StatusOr<FoundSetting> Run() && {
    absl::Status status = Told();
    if (status.ok() && !Done()) status = Crictl();
    if (!status.ok()) return status;
    for (const std::string& path : settings_.kubelet_flag_files) LookAt(path, &Search::KubeletFlag);
    LookAt(settings_.kubelet_config, &Search::KubeletConfig);
    return std::move(found_);
  }

 private:
  bool Done() const { return found_.endpoint.has_value(); }

  absl::Status Told() {
    if (!settings_.flag.empty()) return Use(settings_.flag, "flag --runtime-endpoint");
    if (settings_.environment.empty()) return absl::OkStatus();
    return Use(settings_.environment, "environment CONTAINER_RUNTIME_ENDPOINT");
  }

  absl::Status Crictl() {
    const bool by_flag = !settings_.crictl_config_flag.empty();
    const std::string& named =
        by_flag ? settings_.crictl_config_flag : settings_.crictl_config_environment;
    if (named.empty()) {
      LookAt(settings_.default_crictl_config, &Search::CrictlConfig);
      return absl::OkStatus();
    }
    absl::Status status = CrictlConfig(named);
    if (status.ok()) return status;
    return absl::Status(
        status.code(),
        absl::StrCat(status.message(), " (named by ",
                     by_flag ? "flag --crictl-config" : "environment CRI_CONFIG_FILE", ")"));
  }

  absl::Status CrictlConfig(const std::string& path) { return Yaml(path, "runtime-endpoint"); }
  absl::Status KubeletConfig(const std::string& path) {
    return Yaml(path, "containerRuntimeEndpoint");
  }
  absl::Status KubeletFlag(const std::string& path) {
    const absl::StatusOr<std::string> text = read_file_(path);
    if (!text.ok()) return text.status();
    const std::optional<std::string> value = FindKubeletEndpointFlag(*text);
    return value.has_value() ? Use(*value, absl::StrCat(kKubeletFlag, " in ", path))
                             : absl::OkStatus();
  }

  absl::Status Yaml(const std::string& path, absl::string_view key) {
    const absl::StatusOr<std::string> text = read_file_(path);
    if (!text.ok()) return text.status();
    const MaybeText value = FindYamlText(*text, path, key);
    if (!value.ok()) return value.status();
    return value->has_value() ? Use(**value, absl::StrCat(key, " in ", path)) : absl::OkStatus();
  }

  // A file that nobody told us to read.
  void LookAt(const std::string& path, absl::Status (Search::*look)(const std::string&)) {
    if (Done() || path.empty()) return;
    const absl::Status status = (this->*look)(path);
    if (!status.ok() && !absl::IsNotFound(status)) {
      found_.notes.push_back(absl::StrCat("passed over: ", status.message()));
    }
  }

  absl::Status Use(absl::string_view text, std::string reason) {
    absl::StatusOr<Endpoint> endpoint = ParseEndpoint(text);
    if (!endpoint.ok()) {
      return absl::Status(endpoint.status().code(),
                          absl::StrCat(reason, ": ", endpoint.status().message()));
    }
    found_.endpoint = *std::move(endpoint);
    found_.reason = std::move(reason);
    return absl::OkStatus();
  }

  const DiscoverySettings& settings_;
  const ReadFile& read_file_;
  FoundSetting found_;
};

}  // namespace

std::optional<std::string> FindKubeletEndpointFlag(absl::string_view environment_file) {
  std::optional<std::string> found;
  for (const absl::string_view line : absl::StrSplit(environment_file, '\n')) {
    bool value_follows = false;
    for (const absl::string_view word : Arguments(line)) {
      const std::pair<absl::string_view, absl::string_view> flag =
          absl::StrSplit(word, absl::MaxSplits('=', 1));
      if (value_follows) found = std::string(Unquote(word));
      value_follows = !value_follows && word == flag.first && IsKubeletFlag(word);
      if (word != flag.first && IsKubeletFlag(flag.first)) {
        found = std::string(Unquote(flag.second));
      }
    }
  }
  if (found.has_value() && found->empty()) found.reset();
  return found;
}

absl::StatusOr<FoundSetting> FindSetting(const DiscoverySettings& settings,
                                         const ReadFile& read_file) {
  return Search(settings, read_file).Run();
}

}  // namespace runtime
