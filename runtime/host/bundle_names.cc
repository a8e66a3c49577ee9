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

std::string FirstOf(absl::string_view json, absl::string_view containerd, absl::string_view crio) {
  std::string value = ValueOf(json, containerd);
  return value.empty() ? ValueOf(json, crio) : value;
}

// Of containerd the bundle is the directory of its id itself, of CRI-O one in that.
std::string ConfigBelow(const HostTree& root, const std::string& id) {
  for (const absl::string_view name : {"config.json", "userdata/config.json"}) {
    absl::StatusOr<std::string> config = root.Read(absl::StrCat(id, "/", name), kLargestConfig);
    if (config.ok()) return *std::move(config);
  }
  return "";
}

std::string FindConfig(const std::vector<std::string>& task_roots, const std::string& id) {
  if (absl::StrContains(id, '/')) return "";
  for (const std::string& root : task_roots) {
    std::string config = ConfigBelow(HostTree(root), id);
    if (!config.empty()) return config;
  }
  return "";
}

}  // namespace

void NameByConfig(absl::string_view config, pleg::ObjectRef& object) {
  object.pod_namespace =
      FirstOf(config, "io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace");
  object.pod_name = FirstOf(config, "io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name");
  object.pod_uid =
      pleg::PodUid(FirstOf(config, "io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"));
  object.container =
      FirstOf(config, "io.kubernetes.cri.container-name", "io.kubernetes.container.name");
  object.image = FirstOf(config, "io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName");
}

void NameByBundles(const std::vector<std::string>& task_roots, pleg::HostEvidence& host) {
  size_t named = 0;
  for (pleg::ShimEvidence& shim : host.shims) {
    if (!shim.object.pod_name.empty() || shim.object.id.empty()) continue;
    if (++named > kMostNamed) break;
    NameByConfig(FindConfig(task_roots, shim.object.id.value()), shim.object);
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
