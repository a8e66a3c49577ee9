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

// The string that `"key":` stands before. Quotes within strings are escaped, so that no value can
// pass for a key. Empty without one, and for one with escapes, which no name has.
std::string ValueOf(absl::string_view json, absl::string_view key) {
  const std::string quoted = absl::StrCat("\"", key, "\"");
  const size_t at = json.find(quoted);
  if (at == absl::string_view::npos) return "";
  absl::string_view rest = absl::StripLeadingAsciiWhitespace(json.substr(at + quoted.size()));
  if (!absl::ConsumePrefix(&rest, ":")) return "";
  rest = absl::StripLeadingAsciiWhitespace(rest);
  if (!absl::ConsumePrefix(&rest, "\"")) return "";
  const absl::string_view value = rest.substr(0, rest.find_first_of("\"\\"));
  const bool ends = value.size() < rest.size() && rest[value.size()] == '"';
  return ends && value.size() <= kLongestName ? std::string(value) : "";
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
  const auto value = [&](absl::string_view containerd, absl::string_view crio) {
    return ValueOf(config, runtime == BundleOf::kContainerd ? containerd : crio);
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
