#include "pleg/diagnosis/testing/ailing_node.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pleg::testing {
namespace {

ObjectRef Web(int number = 0) {
  ObjectRef object;
  object.id = ContainerId(absl::StrCat("c", number));
  object.pod_uid = PodUid(absl::StrCat("u", number));
  object.pod_namespace = "shop";
  object.pod_name = absl::StrCat("web-", number);
  object.container = "app";
  object.image = "busybox";
  return object;
}

ObjectRef WebSandbox(int number = 0) {
  ObjectRef object = Web(number);
  object.id = ContainerId(absl::StrCat("s", number));
  object.container.clear();
  object.image.clear();
  return object;
}

ProcessEvidence Process(std::string name, int64_t pid) {
  ProcessEvidence process;
  process.pid = pid;
  process.parent_pid = 1;
  process.name = std::move(name);
  process.state = 'S';
  process.age = absl::Hours(100);
  return process;
}

MethodEvidence& Method(Evidence& evidence, absl::string_view name) {
  for (MethodEvidence& method : evidence.methods) {
    if (method.method == name) return method;
  }
  return evidence.methods.emplace_back();
}

void Silence(absl::string_view method, const ObjectRef& object, Evidence& evidence) {
  UnansweredEvidence call;
  call.method = std::string(method);
  call.object = object;
  call.age = absl::Minutes(2);
  call.attempts = 1;
  evidence.unanswered.push_back(call);
}

void Fail(absl::string_view method, Evidence& evidence) {
  Method(evidence, method).failing = {absl::Minutes(2), "INTERNAL", "disk on fire", 120, true};
}

void Slow(absl::string_view method, absl::Duration takes, Evidence& evidence) {
  MethodEvidence& slow = Method(evidence, method);
  slow.median_recent = slow.median_hour = slow.last_duration = takes;
  if (slow.is_list()) evidence.relist.recent = {takes, takes};
}

void FailTarget(absl::string_view method, const ObjectRef& object, Evidence& evidence) {
  FailingEvidence row;
  row.method = std::string(method);
  row.object = object;
  row.since = absl::Minutes(2);
  row.in_a_row = 12;
  row.code = "UNKNOWN";
  row.text = "task not found";
  row.duration = absl::Milliseconds(3);
  evidence.failing.push_back(row);
}

void Last(Lasting lasting, const ObjectRef& object, uint32_t count, Evidence& evidence) {
  evidence.lasting.push_back({lasting, count, {{object, absl::Hours(1), count}}});
}

void Fill(absl::string_view resource, Evidence& evidence) {
  for (Headroom& headroom : evidence.host->headroom) {
    if (headroom.resource == resource) headroom.used_percent = 96;
  }
}

void Disagree(bool alive, Evidence& evidence) {
  ShimEvidence shim;
  shim.object = Web(1);
  shim.listed_state = alive ? "exited" : "running";
  shim.container_alive = alive;
  shim.container_pid = 5000;
  shim.disagree_for = absl::Minutes(5);
  evidence.host->shims.push_back(shim);
}

void StopShim(Evidence& evidence) {
  ShimEvidence shim;
  shim.object = Web(2);
  shim.listed_state = "running";
  shim.shim = Process("containerd-shim", 5001);
  shim.shim->state = 'T';
  shim.shim->state_for = absl::Minutes(5);
  evidence.host->shims.push_back(shim);
}

void Starve(std::optional<Pressure>& pressure, Evidence& evidence) {
  pressure = Pressure{99, 99};
  for (MethodEvidence& method : evidence.methods) {
    method.median_recent = method.last_duration =
        std::max(*method.median_recent, absl::Milliseconds(450));
    method.median_hour = absl::Milliseconds(4);
  }
}

void AddMethods(Evidence& evidence) {
  for (const char* name : {"Version", "Status", "ListPodSandbox", "ListContainers",
                           "PodSandboxStatus", "ContainerStatus"}) {
    MethodEvidence& method = evidence.methods.emplace_back();
    method.method = name;
    method.answered_ago = absl::Milliseconds(500);
    method.last_duration = absl::Milliseconds(4);
    method.median_recent = absl::Milliseconds(4);
    method.median_hour = absl::Milliseconds(4);
  }
  evidence.list_sizes = {{"ListPodSandbox", 131072, 16u << 20, 0, 113},
                         {"ListContainers", 402653, 16u << 20, 900, 252}};
}

HostEvidence HealthyHost() {
  HostEvidence host;
  host.sampled_ago = absl::Seconds(1);
  host.cpu = host.io = host.memory = Pressure{1, 0};
  host.memory_available_percent = 46;
  host.disks = {{"sda", "runtime and kubelet", 7, absl::Milliseconds(1), 1, {}}};
  host.pid1_cpu_percent = 1;
  host.dbus = Process("dbus-daemon", 612);
  host.mountinfo_lines = 412;
  host.shim_count = ShimCount{110, 0, {}};
  host.headroom = {{"pids", 6},
                   {"inodes of the runtime's directory", 14},
                   {"bytes of the runtime's directory", 40}};
  host.runtime_process = Process("containerd", 890);
  host.kubelet_process = Process("kubelet", 900);
  return host;
}

void SpoilCalls(SignId id, Evidence& e) {
  RuntimeEvidence& runtime = e.runtime;
  switch (id) {
    case SignId::kConnection:
      runtime.connected = false;
      runtime.mute_for.reset();
      runtime.disconnected_reason = "connection refused";
      break;
    case SignId::kListener:
      runtime.connected = false;
      runtime.mute_for = absl::Minutes(1);
      break;
    case SignId::kCriVersion:
      runtime.unsupported = true;
      break;
    case SignId::kRuntimeRestarts:
      runtime.reconnected_ago = {absl::Seconds(20), absl::Minutes(1), absl::Minutes(2)};
      break;
    case SignId::kRelist:
      e.relist.last_good_ago = absl::Minutes(1);
      break;
    case SignId::kListPodSandboxSilent:
      Silence("ListPodSandbox", {}, e);
      break;
    case SignId::kListPodSandboxErrors:
      Fail("ListPodSandbox", e);
      break;
    case SignId::kListPodSandboxSlow:
      Slow("ListPodSandbox", absl::Seconds(15), e);
      break;
    case SignId::kListPodSandboxSize:
      e.list_sizes[0].bytes = 14u << 20;
      break;
    case SignId::kListContainersSilent:
      Silence("ListContainers", {}, e);
      break;
    case SignId::kListContainersErrors:
      Method(e, "ListContainers").error_rows = 4;
      break;
    case SignId::kListContainersSlow:
      Slow("ListContainers", absl::Seconds(15), e);
      break;
    case SignId::kListContainersSize:
      e.list_sizes[1].bytes = 20u << 20;
      break;
    case SignId::kStatusSilent:
      Silence("Status", {}, e);
      break;
    case SignId::kStatusErrors:
      Fail("Status", e);
      break;
    case SignId::kStatusSlow:
      Slow("Status", absl::Seconds(15), e);
      break;
    case SignId::kVersionSilent:
      Silence("Version", {}, e);
      break;
    case SignId::kVersionErrors:
      Fail("Version", e);
      break;
    case SignId::kRuntimeReady:
      runtime.runtime_ready = false;
      break;
    default:
      runtime.network_ready = false;
      break;
  }
}

void SpoilStatuses(SignId id, Evidence& e) {
  switch (id) {
    case SignId::kSandboxStatusSilent:
      Silence("PodSandboxStatus", WebSandbox(3), e);
      break;
    case SignId::kSandboxStatusErrors:
      FailTarget("PodSandboxStatus", WebSandbox(4), e);
      break;
    case SignId::kSandboxStatusSlow:
      Slow("PodSandboxStatus", absl::Seconds(2), e);
      break;
    case SignId::kSandboxStatusMute:
      Method(e, "PodSandboxStatus").answered_ago = absl::Minutes(10);
      for (int i = 10; i < 15; ++i) Silence("PodSandboxStatus", WebSandbox(i), e);
      break;
    case SignId::kContainerStatusSilent:
      Silence("ContainerStatus", Web(5), e);
      break;
    case SignId::kContainerStatusErrors:
      FailTarget("ContainerStatus", Web(6), e);
      break;
    case SignId::kContainerStatusSlow:
      Slow("ContainerStatus", absl::Seconds(2), e);
      break;
    default:
      Method(e, "ContainerStatus").answered_ago.reset();
      for (int i = 20; i < 25; ++i) Silence("ContainerStatus", Web(i), e);
      break;
  }
}

void SpoilObjects(SignId id, Evidence& e) {
  switch (id) {
    case SignId::kCreatedContainers:
      return Last(Lasting::kCreated, Web(30), 1, e);
    case SignId::kUnknownObjects:
      return Last(Lasting::kUnknown, Web(31), 1, e);
    case SignId::kNotReadySandboxes:
      e.counts.sandboxes_notready = 600;
      return Last(Lasting::kNotReady, WebSandbox(32), 4, e);
    case SignId::kExitedContainers:
      e.counts.exited = 1200;
      return;
    case SignId::kReadyTwice:
      return Last(Lasting::kReadyTwice, WebSandbox(33), 2, e);
    case SignId::kRunningTwice:
      return Last(Lasting::kRunningTwice, Web(34), 2, e);
    case SignId::kAttemptOrder:
      return Last(Lasting::kAttemptOrder, Web(35), 1, e);
    case SignId::kPodsWithoutUid:
      return Last(Lasting::kNoUid, WebSandbox(36), 1, e);
    case SignId::kPodsNotInspected:
      return Last(Lasting::kNotInspected, WebSandbox(37), 1, e);
    case SignId::kRunningWithoutProcess:
      return Disagree(false, e);
    default:
      return Disagree(true, e);
  }
}

void SpoilKubelet(SignId id, Evidence& e) {
  KubeletEvidence& kubelet = *e.kubelet;
  switch (id) {
    case SignId::kNodeReady:
      e.twins[0].report.healthy = false;
      break;
    case SignId::kEventLag:
      e.twins[0].report.silent = true;
      e.twins[0].report.lag.worst = absl::Minutes(1);
      FailTarget("ContainerStatus", Web(40), e);
      break;
    case SignId::kRestartCost:
      e.twins[0].report.restart_cost = absl::Minutes(5);
      break;
    case SignId::kInspections:
      e.predicted_status_phase = absl::Minutes(4);
      e.counts.pods_pending = 90;
      break;
    case SignId::kKubeletProcess:
      e.host->kubelet_process->state = 'T';
      e.host->kubelet_process->state_for = absl::Minutes(1);
      break;
    case SignId::kKubeletMetrics:
      kubelet.error = "connection refused";
      break;
    case SignId::kKubeletRelist:
      kubelet.last_seen_ago = absl::Minutes(5);
      break;
    case SignId::kKubeletHealthz:
      kubelet.healthz_ok = false;
      break;
    case SignId::kKubeletOperationErrors:
      kubelet.operations.push_back({"stop_podsandbox", 14, 14, absl::Seconds(3)});
      break;
    case SignId::kKubeletOperationsSlow:
      kubelet.operations.push_back({"create_container", 14, 0, absl::Minutes(2)});
      break;
    case SignId::kKubeletEvents:
      kubelet.discarded_events = 7;
      break;
    default:
      kubelet.evented = true;
      e.runtime.version = "1.6.20";
      break;
  }
}

void SpoilResources(SignId id, Evidence& e) {
  HostEvidence& host = *e.host;
  switch (id) {
    case SignId::kCpuPressure:
      return Starve(host.cpu, e);
    case SignId::kIoPressure:
      return Starve(host.io, e);
    case SignId::kMemoryPressure:
      return Starve(host.memory, e);
    case SignId::kMemoryAvailable:
      host.memory_available_percent = 2;
      return;
    case SignId::kDiskAnswers:
      host.disks[0].answers_none_for = absl::Minutes(3);
      return;
    case SignId::kDiskBytes:
      return Fill("bytes of the runtime's directory", e);
    case SignId::kDiskInodes:
      return Fill("inodes of the runtime's directory", e);
    case SignId::kPids:
      return Fill("pids", e);
    case SignId::kSystemd:
      host.dbus->state = 'T';
      return;
    case SignId::kMounts:
      host.mountinfo_lines = 30000;
      return;
    default:
      host.blocked.push_back({"rpc_wait_bit_killable", 7, absl::Minutes(3), 4000, "df", {}});
      return;
  }
}

void SpoilProcesses(SignId id, Evidence& e) {
  HostEvidence& host = *e.host;
  ProcessEvidence process = Process("runc", 4711);
  process.age = absl::Minutes(3);
  switch (id) {
    case SignId::kFrozenCgroups:
      host.frozen.push_back({Web(41), "/sys/fs/cgroup/x", false, absl::Minutes(3)});
      return;
    case SignId::kShims:
      return StopShim(e);
    case SignId::kLeakedShims:
      e.host->shim_count->unlisted = 800;
      e.host->shim_count->oldest_unlisted = absl::Hours(120);
      return;
    case SignId::kOciProcesses:
      process.action = "create";
      host.oci_processes.push_back(process);
      return;
    case SignId::kCniProcesses:
      process.name = "calico";
      process.action = "ADD";
      host.cni_processes.push_back(process);
      return;
    case SignId::kFuseRequests:
      host.fuse.push_back({"52", "/mnt/s3", 4, absl::Minutes(5)});
      return;
    case SignId::kWallClock:
      e.clock_step = {absl::Minutes(1), -absl::Seconds(90)};
      return;
    case SignId::kPlegdLate:
      e.self.loop_lag = absl::Seconds(2);
      return;
    case SignId::kPlegdStarved:
      e.self.scheduling_delay = absl::Seconds(2);
      return;
    default:
      host.problems.push_back({"cgroup", "it hangs", true, absl::Minutes(1)});
      return;
  }
}

}  // namespace

Evidence HealthyNode() {
  Evidence evidence;
  evidence.observed_for = absl::Hours(24);
  RuntimeEvidence& runtime = evidence.runtime;
  runtime.endpoint = "unix:///run/containerd/containerd.sock";
  runtime.name = "containerd";
  runtime.version = "1.7.24";
  runtime.connected = true;
  runtime.connection_for = absl::Hours(24);
  runtime.runtime_ready = runtime.network_ready = true;
  evidence.relist.last_good_ago = absl::Milliseconds(600);
  evidence.relist.recent = {absl::Milliseconds(12)};
  AddMethods(evidence);
  CountEvidence& counts = evidence.counts;
  counts.pods = counts.sandboxes_ready = 110;
  counts.running = 214;
  counts.exited = 38;
  evidence.twins.resize(2);
  evidence.twins[0].generation = KubeletGeneration::kTwice;
  evidence.host = HealthyHost();
  KubeletEvidence& kubelet = evidence.kubelet.emplace();
  kubelet.last_seen_ago = absl::Milliseconds(900);
  kubelet.version = "v1.32.4";
  kubelet.healthz_ok = true;
  return evidence;
}

void Spoil(SignId id, Evidence& evidence) {
  if (id <= SignId::kNetworkReady) {
    SpoilCalls(id, evidence);
  } else if (id <= SignId::kContainerStatusMute) {
    SpoilStatuses(id, evidence);
  } else if (id <= SignId::kExitedWithProcess) {
    SpoilObjects(id, evidence);
  } else if (id <= SignId::kEventedPleg) {
    SpoilKubelet(id, evidence);
  } else if (id <= SignId::kBlockedTasks) {
    SpoilResources(id, evidence);
  } else {
    SpoilProcesses(id, evidence);
  }
}

}  // namespace pleg::testing
