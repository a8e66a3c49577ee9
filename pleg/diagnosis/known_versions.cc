#include "pleg/diagnosis/known_versions.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace pleg {
namespace {

constexpr KnownVersion kVersions[] = {
    {Component::kKernel, ".amzn2.", "5.4.214", "5.4.219-126.411", "5.4.219-126.411",
     "commands on one container hang, PLEG is not healthy",
     "https://github.com/awslabs/amazon-eks-ami/issues/1071", "2022-11"},
    {Component::kKernel, ".amzn2023", "6.1.115-126.197", "6.1.116", "",
     "processes that use io_uring hang in D",
     "https://github.com/amazonlinux/amazon-linux-2023/issues/856", "2024-12"},
    {Component::kKernel, ".amzn2023", "6.12", "6.13", "",
     "tasks hang for hours in fadvise (page cache); 6.1 does not",
     "https://github.com/amazonlinux/amazon-linux-2023/issues/993", "2025-08"},
    {Component::kContainerd, "", "1.4.4", "1.4.5", "",
     "PLEG is not healthy after the upgrade from 1.4.3, with its runc 1.0.0-rc93",
     "https://github.com/containerd/containerd/issues/5274", "2021-03"},
    {Component::kContainerd, "", "1.7.14", "1.7.22", "1.7.22",
     "exit events get lost: containers stay Running or Terminating",
     "https://github.com/containerd/containerd/issues/10589", "2024-08"},
    {Component::kCrio, "", "1.34", "1.35", "",
     "on cgroup v1 each exec probe makes systemd walk all cgroups, until it is overloaded",
     "https://github.com/cri-o/cri-o/issues/9979", "2026-05"},
    {Component::kSystemd, "", "", "242", "242",
     "unless fixed by the distribution, D-Bus stops after months of container starts: all runc "
     "hang",
     "https://github.com/systemd/systemd/issues/11809", "2019-02"},
};

// Takes the number that `text` begins with after what is none; -1 without another.
int64_t TakeNumber(absl::string_view& text) {
  constexpr int64_t kMax = 1'000'000'000;
  const auto is_digit = [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); };
  const auto first = std::find_if(text.begin(), text.end(), is_digit);
  // Letters end the numbers, except the "v" or "rc" before one: "252 (252.39-1~deb12u1)" is 252.
  const absl::string_view between(text.data(), static_cast<size_t>(first - text.begin()));
  if (first == text.end() || absl::StrContains(between, " ")) return -1;
  text.remove_prefix(between.size());
  int64_t number = 0;
  while (!text.empty() && is_digit(text.front())) {
    number = std::min(number * 10 + (text.front() - '0'), kMax);
    text.remove_prefix(1);
  }
  return number;
}

}  // namespace

absl::Span<const KnownVersion> KnownVersions() { return kVersions; }

int CompareVersions(absl::string_view a, absl::string_view b) {
  while (true) {
    const int64_t left = TakeNumber(a);
    const int64_t right = TakeNumber(b);
    if (left != right) return left < right ? -1 : 1;
    if (left == -1) return 0;
  }
}

std::vector<const KnownVersion*> MatchVersion(Component component, absl::string_view version) {
  std::vector<const KnownVersion*> result;
  absl::string_view rest = version;
  if (TakeNumber(rest) == -1) return result;
  for (const KnownVersion& known : kVersions) {
    if (known.component != component || !absl::StrContains(version, known.contains)) continue;
    if (!known.from.empty() && CompareVersions(version, known.from) < 0) continue;
    if (!known.until.empty() && CompareVersions(version, known.until) >= 0) continue;
    result.push_back(&known);
  }
  return result;
}

}  // namespace pleg
