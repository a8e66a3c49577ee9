#include "cmd/plegctl/find_pod.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace plegctl {
namespace {

using plegd::v1::PodStatus;
using Pods = std::vector<const PodStatus*>;

std::string FullName(const PodStatus& pod) {
  return absl::StrCat(pod.namespace_(), "/", pod.name());
}

// Whether any of what names a pod satisfies `matches`.
template <typename Matches>
bool AnyName(const PodStatus& pod, const Matches& matches) {
  if (matches(pod.name()) || matches(FullName(pod)) || matches(pod.uid())) return true;
  for (const auto& container : pod.containers()) {
    if (matches(container.id())) return true;
  }
  for (const auto& sandbox : pod.sandboxes()) {
    if (matches(sandbox.id())) return true;
  }
  return false;
}

bool IsKubernetesName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '.';
  });
}

}  // namespace

Pods PodsIn(const plegd::v1::PodList& pods, absl::string_view pod_namespace) {
  Pods out;
  for (const PodStatus& pod : pods.pods()) {
    if (pod_namespace.empty() || pod.namespace_() == pod_namespace) out.push_back(&pod);
  }
  std::stable_sort(out.begin(), out.end(), [](const PodStatus* a, const PodStatus* b) {
    return std::tie(a->namespace_(), a->name()) < std::tie(b->namespace_(), b->name());
  });
  return out;
}

Pods FindPods(const Pods& pods, absl::string_view query) {
  const size_t scheme = query.find("://");
  if (scheme != absl::string_view::npos) query.remove_prefix(scheme + 3);
  Pods found;
  if (query.empty()) return found;
  const auto keep = [&](const auto& matches) {
    for (const PodStatus* pod : pods) {
      if (AnyName(*pod, matches)) found.push_back(pod);
    }
  };
  keep([&](const std::string& name) { return name == query; });
  if (found.empty()) {
    keep([&](const std::string& name) { return absl::StartsWith(name, query); });
  }
  return found;
}

std::string PodNames(const Pods& pods) {
  std::string out;
  for (const PodStatus* pod : pods) {
    if (!IsKubernetesName(pod->namespace_()) || !IsKubernetesName(pod->name())) continue;
    absl::StrAppend(&out, FullName(*pod), "\n");
  }
  return out;
}

}  // namespace plegctl
