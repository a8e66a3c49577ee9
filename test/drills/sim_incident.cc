#include "test/drills/sim_incident.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace plegd_testing {
namespace {

constexpr char kNamespace[] = "shop";
constexpr int kPods = 3;

std::string PodOf(absl::string_view reference) {
  return std::string(reference.substr(0, reference.find('/')));
}

}  // namespace

absl::Status SimIncident::Prepare() {
  absl::StatusOr<std::unique_ptr<FakeKubelet>> kubelet = FakeKubelet::Start();
  if (!kubelet.ok()) return kubelet.status();
  kubelet_ = *std::move(kubelet);
  absl::StatusOr<std::unique_ptr<CriSimProcess>> runtime =
      CriSimProcess::Start(dir_.path(), {"--runtime-name", "containerd", "--no-list-streaming",
                                         "--pods", absl::StrCat(act_.other_pods)});
  if (!runtime.ok()) return runtime.status();
  runtime_ = *std::move(runtime);
  if (absl::Status status = AddPods(); !status.ok()) return status;
  return FindVictims();
}

absl::Status SimIncident::Restart() {
  if (absl::Status status = runtime_->Begin(); !status.ok()) return status;
  return AddPods();
}

absl::Status SimIncident::AddPods() {
  host_.Show(runtime_->pid());
  for (int i = 0; i < kPods; ++i) {
    const absl::StatusOr<std::string> uid = runtime_->Control(
        absl::StrCat("add-pod name=web-", i, " namespace=", kNamespace, " containers=app,sidecar"));
    if (!uid.ok()) return uid.status();
    for (const absl::string_view name : {"app", "sidecar"}) {
      const absl::StatusOr<std::string> id = IdOf(absl::StrCat("web-", i, "/", name));
      if (!id.ok()) return id.status();
      host_.AddCgroup(absl::StripAsciiWhitespace(*uid), *id);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SimIncident::IdOf(absl::string_view reference) const {
  absl::StatusOr<std::string> id = runtime_->Control(absl::StrCat("id ", reference));
  if (!id.ok()) return id.status();
  return std::string(absl::StripAsciiWhitespace(*id));
}

absl::Status SimIncident::FindVictims() {
  for (const std::string& reference : act_.victims) {
    const absl::StatusOr<std::string> id = IdOf(reference);
    if (!id.ok()) return id.status();
    victims_.push_back({*id, kNamespace, PodOf(reference)});
  }
  for (const std::string& pod : act_.victim_pods) victims_.push_back({"", kNamespace, pod});
  return absl::OkStatus();
}

absl::Status SimIncident::Do(const std::vector<std::string>& commands,
                             const std::function<absl::Status(SimIncident&)>& action) {
  for (const std::string& command : commands) {
    const absl::StatusOr<std::string> done = runtime_->Control(command);
    if (!done.ok()) return done.status();
  }
  return action ? action(*this) : absl::OkStatus();
}

std::string SimIncident::node() const {
  return absl::StrCat("pods web-0, web-1 and web-2",
                      act_.other_pods > 0 ? absl::StrCat(" and ", act_.other_pods, " others") : "",
                      " on a simulated runtime (cri-sim)");
}

std::vector<std::string> SimIncident::plegd_flags() const {
  std::vector<std::string> flags = host_.plegd_flags();
  if (act_.with_kubelet) {
    flags.insert(flags.end(), {"--kubelet.metrics-url", kubelet_->metrics_url(),
                               "--kubelet.healthz-url", kubelet_->healthz_url()});
  }
  flags.insert(flags.end(), act_.plegd_flags.begin(), act_.plegd_flags.end());
  return flags;
}

}  // namespace plegd_testing
