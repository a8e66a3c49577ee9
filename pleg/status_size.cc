#include "pleg/status_size.h"

#include <string>
#include <utility>
#include <vector>

#include "pleg/utf8.h"

namespace pleg {
namespace {

// Texts of up to so many bytes lie in the string itself (libstdc++).
constexpr size_t kInlineText = 15;

size_t Heap(const std::string& text) { return text.size() > kInlineText ? text.size() + 1 : 0; }

size_t BytesOf(int64_t) { return sizeof(int64_t); }
size_t BytesOf(const std::string& text) { return sizeof(text) + Heap(text); }
size_t BytesOf(const std::pair<std::string, std::string>& label) {
  return BytesOf(label.first) + BytesOf(label.second);
}
size_t BytesOf(const Mount& mount) {
  return sizeof(mount) + Heap(mount.container_path) + Heap(mount.host_path) +
         Heap(mount.propagation);
}

template <typename T>
size_t BytesOf(const std::vector<T>& list) {
  size_t bytes = 0;
  for (const T& element : list) bytes += BytesOf(element);
  return bytes;
}

// Ends between two characters; what is not UTF-8 ends anywhere.
void CutText(size_t bytes, std::string& text, bool& cut) {
  if (Heap(text) <= bytes) return;
  size_t end = 0;
  while (end < text.size()) {
    const size_t next = end + DecodeUtf8(absl::string_view(text).substr(end)).length;
    if (next >= bytes) break;
    end = next;
  }
  text = text.substr(0, end);
  cut = true;
}

// `total` is what all of the status takes.
template <typename T>
void CutList(size_t bytes, std::vector<T>& list, size_t& total, bool& cut) {
  size_t kept = list.size();
  while (total > bytes && kept > 0) total -= BytesOf(list[--kept]);
  if (kept == list.size()) return;
  list.resize(kept);
  list.shrink_to_fit();
  cut = true;
}

// `status` itself, unless it has to be shortened.
template <typename Status>
std::shared_ptr<const Status> Fitting(size_t bytes, const std::shared_ptr<const Status>& status) {
  if (VariableBytes(*status) <= bytes) return status;
  auto shorter = std::make_shared<Status>(*status);
  Truncate(bytes, *shorter);
  return shorter;
}

}  // namespace

size_t VariableBytes(const SandboxStatus& status) {
  return BytesOf(status.labels) + BytesOf(status.additional_ips);
}

size_t VariableBytes(const ContainerStatus& status) {
  return BytesOf(status.mounts) + Heap(status.message) + Heap(status.reason) +
         (status.user.has_value() ? BytesOf(status.user->supplemental_groups) : 0);
}

size_t VariableBytes(const PodStatus& status) {
  size_t bytes = 0;
  for (const auto& sandbox : status.sandbox_statuses) bytes += VariableBytes(*sandbox);
  for (const auto& container : status.container_statuses) bytes += VariableBytes(*container);
  return bytes;
}

void Truncate(size_t bytes, SandboxStatus& status) {
  size_t total = VariableBytes(status);
  CutList(bytes, status.labels, total, status.truncated);
  CutList(bytes, status.additional_ips, total, status.truncated);
}

void Truncate(size_t bytes, ContainerStatus& status) {
  if (VariableBytes(status) <= bytes) return;
  CutText(bytes / 4, status.message, status.truncated);
  CutText(bytes / 4, status.reason, status.truncated);
  size_t total = VariableBytes(status);
  CutList(bytes, status.mounts, total, status.truncated);
  if (!status.user.has_value()) return;
  CutList(bytes, status.user->supplemental_groups, total, status.truncated);
}

std::shared_ptr<const PodStatus> Truncated(size_t bytes, const PodStatus& status) {
  auto result = std::make_shared<PodStatus>(status);
  for (auto& sandbox : result->sandbox_statuses) sandbox = Fitting(bytes, sandbox);
  result->active_container_statuses.clear();
  size_t active = 0;
  for (auto& container : result->container_statuses) {
    // In the same order, and a part of them.
    const bool is_active = active < status.active_container_statuses.size() &&
                           status.active_container_statuses[active] == container;
    container = Fitting(bytes, container);
    if (!is_active) continue;
    ++active;
    result->active_container_statuses.push_back(container);
  }
  return result;
}

}  // namespace pleg
