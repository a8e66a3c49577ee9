#include "runtime/sim/kubelet_metadata.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

namespace sim {
namespace {

constexpr std::array<absl::string_view, 12> kWorkloads = {
    "checkout",  "payments", "frontend",  "search",  "ingress-nginx", "coredns",
    "fluentbit", "catalog",  "inventory", "session", "recommender",   "node-exporter"};

// A number that depends on the text alone, the same on every platform.
uint64_t HashOf(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::string Digest(absl::string_view text) {
  Random random(HashOf(text));
  return absl::StrCat("sha256:", random.Hex(64));
}

absl::string_view WorkloadOf(absl::string_view pod_name) {
  for (int part = 0; part < 2; ++part) {
    const size_t dash = pod_name.rfind('-');
    if (dash == absl::string_view::npos || dash == 0) break;
    pod_name = pod_name.substr(0, dash);
  }
  return pod_name;
}

std::string PortsJson(absl::string_view container_name) {
  return absl::StrCat(
      R"([{"name":"http","containerPort":8080,"protocol":"TCP"},{"name":"metrics",)",
      R"("containerPort":9090,"protocol":"TCP"},{"name":")", container_name,
      R"(-admin","containerPort":15021,"protocol":"TCP"}])");
}

std::string PreStopJson() {
  return R"({"exec":{"command":["/bin/sh","-c","curl -sS -X POST --max-time 5 )"
         R"(http://127.0.0.1:15000/healthcheck/fail; sleep 5; kill -TERM 1; )"
         R"(while [ -e /var/run/app/draining ]; do sleep 1; done; rm -f /var/run/app/ready )"
         R"(&& /usr/local/bin/report-shutdown --grace 20s --reason preStop"]}})";
}

std::string NetworkStatusJson(const Sandbox& sandbox) {
  return absl::StrCat(R"([{"name":"k8s-pod-network","interface":"eth0","ips":[")",
                      sandbox.ips.empty() ? "" : sandbox.ips.front(),
                      R"("],"mac":"0a:58:0a:f4:01:17","default":true,"dns":{}}])");
}

}  // namespace

std::string MakePodName(Random& random) {
  const absl::string_view workload = kWorkloads[random.Below(kWorkloads.size())];
  return absl::StrCat(workload, "-", random.Hex(10), "-", random.Hex(5));
}

Labels MakePodLabels(absl::string_view pod_name) {
  const std::string workload(WorkloadOf(pod_name));
  return {{"app.kubernetes.io/name", workload},
          {"app.kubernetes.io/instance", absl::StrCat(workload, "-production")},
          {"app.kubernetes.io/managed-by", "Helm"},
          {"pod-template-hash", Random(HashOf(workload)).Hex(10)}};
}

Labels MakeSandboxLabels(const Pod& pod) {
  Labels labels = pod.labels;
  labels.emplace_back("io.kubernetes.pod.name", pod.name);
  labels.emplace_back("io.kubernetes.pod.namespace", pod.namespace_name);
  labels.emplace_back("io.kubernetes.pod.uid", pod.uid.value());
  return labels;
}

Labels MakeSandboxAnnotations(const Sandbox& sandbox, Random& random) {
  const std::string address = sandbox.ips.empty() ? "" : sandbox.ips.front();
  return {{"kubernetes.io/config.seen",
           absl::FormatTime(absl::RFC3339_full, sandbox.created_at, absl::UTCTimeZone())},
          {"kubernetes.io/config.source", "api"},
          {"checksum/config", random.Hex(64)},
          {"prometheus.io/scrape", "true"},
          {"prometheus.io/port", "9090"},
          {"cni.projectcalico.org/containerID", sandbox.id.value()},
          {"cni.projectcalico.org/podIP", address},
          {"cni.projectcalico.org/podIPs", absl::StrJoin(sandbox.ips, ",")},
          {"kubectl.kubernetes.io/default-container", "app"},
          {"kubectl.kubernetes.io/restartedAt", "2026-01-05T09:12:44Z"},
          {"k8s.v1.cni.cncf.io/network-status", NetworkStatusJson(sandbox)}};
}

Labels MakeContainerLabels(const Pod& pod, absl::string_view container_name) {
  return {{"io.kubernetes.container.name", std::string(container_name)},
          {"io.kubernetes.pod.name", pod.name},
          {"io.kubernetes.pod.namespace", pod.namespace_name},
          {"io.kubernetes.pod.uid", pod.uid.value()}};
}

Labels MakeContainerAnnotations(absl::string_view container_name, uint32_t attempt,
                                size_t padding) {
  Labels annotations = {
      {"io.kubernetes.container.hash", absl::StrCat(absl::Hex(HashOf(container_name) >> 32))},
      {"io.kubernetes.container.restartCount", absl::StrCat(attempt)},
      {"io.kubernetes.container.terminationMessagePath", "/dev/termination-log"},
      {"io.kubernetes.container.terminationMessagePolicy", "File"},
      {"io.kubernetes.container.ports", PortsJson(container_name)},
      {"io.kubernetes.container.preStopHandler", PreStopJson()},
      {"io.kubernetes.pod.terminationGracePeriod", "30"}};
  constexpr size_t kEntry = 4096;
  for (size_t n = 0; padding > 0; ++n) {
    const std::string key = absl::StrCat("cri-sim.io/padding-", n);
    const size_t chunk = std::min(padding, kEntry);
    const size_t overhead = std::min(chunk, key.size() + 8);
    annotations.emplace_back(key, std::string(chunk - overhead, 'x'));
    padding -= chunk;
  }
  return annotations;
}

void SetImage(absl::string_view container_name, Container& container) {
  container.image = absl::StrCat("registry.example.com/platform/", container_name, ":v1.14.2");
  container.image_id = Digest(absl::StrCat("config ", container.image));
  container.repo_digest =
      absl::StrCat("registry.example.com/platform/", container_name, "@", Digest(container.image));
}

std::string LogPath(const Container& container) {
  return absl::StrCat("/var/log/pods/", container.pod->namespace_name, "_", container.pod->name,
                      "_", container.pod->uid.value(), "/", container.name, "/", container.attempt,
                      ".log");
}

}  // namespace sim
