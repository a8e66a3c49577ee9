#include "runtime/host/bundle_names.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/host/host_tree.h"

namespace runtime::host {
namespace {

constexpr size_t kMostNamed = 8;
constexpr size_t kLargestConfig = size_t{1} << 20;
constexpr size_t kLongestName = 1024;

// Takes a string off the front, as it is written, with its quotes. Empty for one without an end.
absl::string_view TakeString(absl::string_view& json) {
  for (size_t i = 1; i < json.size(); ++i) {
    if (json[i] == '\\') {
      ++i;
    } else if (json[i] == '"') {
      const absl::string_view string = json.substr(0, i + 1);
      json.remove_prefix(i + 1);
      return string;
    }
  }
  json = {};
  return {};
}

// What stands behind `"key":` in the object that `json` begins with, but not in one within that:
// a container has any words for its arguments. Empty without one.
absl::string_view MemberOf(absl::string_view json, absl::string_view key) {
  const std::string quoted = absl::StrCat("\"", key, "\"");
  int depth = 0;
  while (!json.empty()) {
    const char c = json.front();
    if (c != '"') {
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth <= 0) return {};
      json.remove_prefix(1);
      continue;
    }
    if (TakeString(json) != quoted || depth != 1) continue;
    absl::string_view rest = absl::StripLeadingAsciiWhitespace(json);
    if (absl::ConsumePrefix(&rest, ":")) return absl::StripLeadingAsciiWhitespace(rest);
  }
  return {};
}

// Empty for one with escapes, which no name has.
std::string ValueOf(absl::string_view annotations, absl::string_view key) {
  absl::string_view rest = MemberOf(annotations, key);
  if (!absl::StartsWith(rest, "\"")) return "";
  absl::string_view value = TakeString(rest);
  if (!absl::ConsumePrefix(&value, "\"") || !absl::ConsumeSuffix(&value, "\"")) return "";
  const bool is_name = value.size() <= kLongestName && !absl::StrContains(value, '\\');
  return is_name ? std::string(value) : "";
}

struct Config {
  std::string text;  // empty without one
  BundleOf runtime = BundleOf::kContainerd;
};

// Of containerd the bundle is the directory of its id itself, of CRI-O one in that.
Config ConfigBelow(const HostTree& root, const std::string& id) {
  const auto read = [&](absl::string_view name) {
    return root.Read(absl::StrCat(id, "/", name), kLargestConfig).value_or("");
  };
  Config config = {.text = read("config.json")};
  if (config.text.empty()) config = {read("userdata/config.json"), BundleOf::kCrio};
  return config;
}

Config FindConfig(const std::vector<std::string>& task_roots, const std::string& id) {
  if (absl::StrContains(id, '/')) return {};
  for (const std::string& root : task_roots) {
    Config config = ConfigBelow(HostTree(root), id);
    if (!config.text.empty()) return config;
  }
  return {};
}

}  // namespace

void NameByConfig(absl::string_view config, BundleOf runtime, pleg::ObjectRef& object) {
  const absl::string_view annotations = MemberOf(config, "annotations");
  const auto value = [&](absl::string_view containerd, absl::string_view crio) {
    return ValueOf(annotations, runtime == BundleOf::kContainerd ? containerd : crio);
  };
  object.pod_namespace =
      value("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace");
  object.pod_name = value("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name");
  object.pod_uid = pleg::PodUid(value("io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"));
  object.container = value("io.kubernetes.cri.container-name", "io.kubernetes.container.name");
  object.image = value("io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName");
}

void NameByBundles(const std::vector<std::string>& task_roots, pleg::HostEvidence& host) {
  size_t named = 0;
  for (pleg::ShimEvidence& shim : host.shims) {
    if (!shim.object.pod_name.empty() || shim.object.id.empty()) continue;
    if (++named > kMostNamed) break;
    const Config config = FindConfig(task_roots, shim.object.id.value());
    NameByConfig(config.text, config.runtime, shim.object);
  }
  for (pleg::FrozenCgroup& frozen : host.frozen) {
    if (frozen.object.id.empty()) continue;
    const auto shim = std::find_if(
        host.shims.begin(), host.shims.end(),
        [&frozen](const pleg::ShimEvidence& s) { return s.object.id == frozen.object.id; });
    if (shim != host.shims.end()) frozen.object = shim->object;
  }
}

}  // namespace runtime::host
