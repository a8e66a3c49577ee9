#include "test/golden/expectation.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "pleg/model.h"
#include "test/golden/history.h"

namespace golden {
namespace {

namespace cri = ::runtime::v1;

// Our model has one value for every number without a name.
constexpr auto kUnnamedSandboxState = static_cast<cri::PodSandboxState>(2);

cri::PodSandboxState Normal(cri::PodSandboxState state) {
  return cri::PodSandboxState_IsValid(state) ? state : kUnnamedSandboxState;
}

cri::PodSandboxState ToCri(pleg::SandboxState state) {
  switch (state) {
    case pleg::SandboxState::kReady:
      return cri::SANDBOX_READY;
    case pleg::SandboxState::kNotReady:
      return cri::SANDBOX_NOTREADY;
    case pleg::SandboxState::kUnknown:
      break;
  }
  return kUnnamedSandboxState;
}

std::string StateName(cri::ContainerState state) {
  switch (state) {
    case cri::CONTAINER_CREATED:
      return "created";
    case cri::CONTAINER_RUNNING:
      return "running";
    case cri::CONTAINER_EXITED:
      return "exited";
    default:
      return "unknown";
  }
}

bool AnySandboxReady(const CacheEntry& entry) {
  return std::any_of(entry.sandboxes().begin(), entry.sandboxes().end(),
                     [](const CachedSandbox& s) { return s.state() == cri::SANDBOX_READY; });
}

int64_t ToNanos(absl::Time time) {
  return time == absl::InfinitePast() ? 0 : absl::ToUnixNanos(time);
}

ContainerStatus View(const pleg::ContainerStatus& status) {
  ContainerStatus view;
  view.set_id(status.id.value());
  view.set_name(status.name);
  view.set_sandbox_id(status.sandbox_id.value());
  view.set_created_at(ToNanos(status.created_at));
  view.set_image(status.image);
  view.set_image_id(status.image_id);
  view.set_hash(status.hash);
  view.set_restart_count(status.restart_count);
  view.set_state(std::string(pleg::ContainerStateName(status.state)));
  view.set_started_at(ToNanos(status.started_at));
  view.set_finished_at(ToNanos(status.finished_at));
  view.set_exit_code(status.exit_code);
  view.set_reason(status.reason);
  view.set_message(status.message);
  return view;
}

}  // namespace

CachedView View(const pleg::CachedPod& pod) {
  CachedView view;
  if (!pod.error.ok()) view.error = GoStatusText(pod.error);
  view.status.set_uid(pod.status->uid.value());
  view.status.set_name(pod.status->name);
  view.status.set_namespace_(pod.status->pod_namespace);
  for (const std::string& ip : pod.status->ips) view.status.add_ips(ip);
  for (const auto& sandbox : pod.status->sandbox_statuses) {
    CachedSandbox* cached = view.status.add_sandboxes();
    cached->set_id(sandbox->id.value());
    cached->set_state(ToCri(sandbox->state));
  }
  for (const auto& container : pod.status->container_statuses) {
    *view.status.add_container_statuses() = View(*container);
  }
  return view;
}

Expected Oracle::Next(const Step& step) {
  const Expect& recorded = step.expect();
  Expected expected;
  expected.listed = recorded.listed();
  for (const Event& event : recorded.events()) expected.events[event.pod()].push_back(event);
  for (const auto& [pod, count] : recorded.inspections()) expected.inspections[pod] = count;
  for (const Differ& differ : step.differs_in_1_36()) {
    if (differ.what() == "events" || differ.what() == "event_order") {
      expected.events[differ.pod()].assign(differ.events().begin(), differ.events().end());
    } else if (differ.what() == "inspections") {
      expected.inspections[differ.pod()] = differ.inspections();
    } else if (differ.what() != "cache") {
      defects_.push_back(absl::StrCat("differs in ", differ.what()));
    }
  }
  std::erase_if(expected.events, [](const auto& pod) { return pod.second.empty(); });
  std::erase_if(expected.inspections, [](const auto& pod) { return pod.second == 0; });

  const std::map<std::string, CacheEntry> kubelet = KubeletCache(step);
  for (const auto& [uid, entry] : kubelet) {
    seen_.insert(uid);
    expected.cache[uid] = Ours(entry);
  }
  for (const std::string& uid : seen_) {
    if (expected.cache.count(uid) != 0) continue;
    expected.absent.insert(uid);
    last_good_.erase(uid);
    failed_since_addresses_.erase(uid);
  }
  for (const auto& [id, part] : step.containers()) parts_[id] = part;
  if (expected.listed) CountGauges(step, gauges_);
  expected.gauges = gauges_;
  return expected;
}

std::map<std::string, CacheEntry> Oracle::KubeletCache(const Step& step) {
  for (const CacheEntry& entry : step.expect().cache()) recorded_[entry.uid()] = entry;
  for (const auto& [id, part] : step.expect().cached_containers()) {
    ContainerStatus status = history_.cached_containers().at(id);
    status.MergeFrom(part);
    status.set_id(id);
    containers_[id] = status;
  }
  std::map<std::string, CacheEntry> cache = recorded_;
  for (auto& [uid, entry] : cache) {
    for (const std::string& id : entry.containers()) {
      *entry.add_container_statuses() = containers_.at(id);
    }
    entry.clear_containers();
  }
  for (const Differ& differ : step.differs_in_1_36()) {
    if (differ.what() == "cache") cache[differ.pod()] = differ.cache();
  }
  std::erase_if(cache, [](const auto& entry) { return entry.second.deleted(); });
  for (auto& [uid, entry] : cache) {
    for (CachedSandbox& sandbox : *entry.mutable_sandboxes()) {
      sandbox.set_state(Normal(sandbox.state()));
    }
  }
  return cache;
}

CachedView Oracle::Ours(const CacheEntry& kubelet) {
  const std::string& uid = kubelet.uid();
  auto good = last_good_.find(uid);
  if (!kubelet.error().empty()) {
    failed_since_addresses_.insert(uid);
    CachedView view{.status = {}, .error = kubelet.error()};
    view.status.set_uid(uid);
    if (good == last_good_.end()) return view;
    ++deviations_.errors_with_status;
    view.status = good->second;
    return view;
  }
  CacheEntry ours = kubelet;
  const bool had_addresses = good != last_good_.end() && good->second.ips_size() != 0;
  if (ours.ips_size() == 0 && !AnySandboxReady(ours) && had_addresses) {
    *ours.mutable_ips() = good->second.ips();
    ++deviations_.kept_addresses;
    if (failed_since_addresses_.count(uid) == 0) {
      defects_.push_back(absl::StrCat(uid, " has lost its addresses without an error"));
    }
  } else {
    failed_since_addresses_.erase(uid);
  }
  last_good_[uid] = ours;
  return {.status = ours, .error = ""};
}

void Oracle::CountGauges(const Step& step, Gauges& gauges) {
  gauges = {.running_pods = step.expect().running_pods(),
            .running_containers = {{"created", 0}, {"running", 0}, {"exited", 0}, {"unknown", 0}}};
  for (const std::string& id : step.list().containers()) {
    ++gauges.running_containers[StateName(parts_.at(id).state())];
  }
  for (const auto& [state, recorded] : step.expect().running_containers()) {
    const uint32_t count = gauges.running_containers[state];
    if (recorded == count) continue;
    ++deviations_.reset_gauges;
    if (count != 0) defects_.push_back(absl::StrCat(recorded, " containers ", state));
  }
}

}  // namespace golden
