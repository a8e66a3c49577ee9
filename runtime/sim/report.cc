#include "runtime/sim/report.h"

#include <google/protobuf/util/json_util.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "runtime/v1/api.pb.h"

namespace sim {
namespace {

namespace cri = ::runtime::v1;

std::string Quote(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<int>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

// Joins the elements of an array.
class Elements {
 public:
  void Add(absl::string_view element) {
    absl::StrAppend(&text_, text_.empty() ? "" : ",", element);
  }
  std::string Array() const { return absl::StrCat("[", text_, "]"); }

 private:
  std::string text_;
};

std::string SandboxStateName(int state) {
  const std::string& name = cri::PodSandboxState_Name(state);
  return name.empty() ? absl::StrCat(state) : name;
}

std::string ContainerStateName(int state) {
  const std::string& name = cri::ContainerState_Name(state);
  return name.empty() ? absl::StrCat(state) : name;
}

std::string PodJson(const PodInfo& pod) {
  Elements sandboxes, containers;
  for (const SandboxInfo& s : pod.sandboxes) {
    sandboxes.Add(absl::StrCat("{\"id\":", Quote(s.id.value()), ",\"attempt\":", s.attempt,
                               ",\"state\":", Quote(SandboxStateName(s.state)), "}"));
  }
  for (const ContainerInfo& c : pod.containers) {
    containers.Add(absl::StrCat(
        "{\"id\":", Quote(c.id.value()), ",\"name\":", Quote(c.name), ",\"attempt\":", c.attempt,
        ",\"state\":", Quote(ContainerStateName(c.state)), ",\"exit_code\":", c.exit_code, "}"));
  }
  return absl::StrCat("{\"uid\":", Quote(pod.uid.value()),
                      ",\"namespace\":", Quote(pod.namespace_name), ",\"name\":", Quote(pod.name),
                      ",\"sandboxes\":", sandboxes.Array(), ",\"containers\":", containers.Array(),
                      "}");
}

void AddMessage(const google::protobuf::Message& message, Elements& elements) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return;
  elements.Add(json);
}

template <typename Response>
void AddStatus(const absl::StatusOr<std::string>& bytes, Elements& elements) {
  Response response;
  if (bytes.ok() && response.ParseFromString(*bytes)) AddMessage(response.status(), elements);
}

std::string DumpOf(const Elements& sandboxes, const Elements& containers) {
  return absl::StrCat("{\"sandboxes\":", sandboxes.Array(), ",\"containers\":", containers.Array(),
                      "}\n");
}

std::string RpcJson(const RpcStats& rpc) {
  return absl::StrCat("{\"calls\":", rpc.calls, ",\"ok\":", rpc.ok, ",\"errors\":", rpc.errors,
                      ",\"cancelled\":", rpc.cancelled, ",\"in_flight\":", rpc.in_flight,
                      ",\"hung\":", rpc.hung, ",\"verbose\":", rpc.verbose,
                      ",\"bytes\":", rpc.bytes, "}");
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

std::string PodsJson(const std::vector<PodInfo>& pods) {
  Elements elements;
  for (const PodInfo& pod : pods) elements.Add(PodJson(pod));
  return absl::StrCat("{\"pods\":", elements.Array(), "}\n");
}

std::string DumpJson(SimRuntime& runtime) {
  Elements sandboxes, containers;
  for (const PodInfo& pod : runtime.Pods()) {
    for (const SandboxInfo& s : pod.sandboxes) {
      AddStatus<cri::PodSandboxStatusResponse>(
          runtime.SandboxStatus(s.id, false, false, std::nullopt), sandboxes);
    }
    for (const ContainerInfo& c : pod.containers) {
      AddStatus<cri::ContainerStatusResponse>(runtime.ContainerStatus(c.id, false, std::nullopt),
                                              containers);
    }
  }
  return DumpOf(sandboxes, containers);
}

std::string DumpJson(const FixedWorld& world) {
  Elements sandboxes, containers;
  for (const FixedSandbox& sandbox : world.sandboxes) AddMessage(sandbox.status, sandboxes);
  for (const FixedContainer& container : world.containers) {
    AddMessage(container.status, containers);
  }
  return DumpOf(sandboxes, containers);
}

std::string HistoryJson(const SimRuntime& runtime, size_t count) {
  const std::vector<Change> history = runtime.History();
  std::string lines;
  for (size_t i = history.size() - std::min(count, history.size()); i < history.size(); ++i) {
    const Change& change = history[i];
    absl::StrAppend(&lines, "{\"time\":",
                    Quote(absl::FormatTime(absl::RFC3339_full, change.time, absl::UTCTimeZone())),
                    ",\"change\":", Quote(change.what), ",\"pod_uid\":", Quote(change.pod.value()),
                    ",\"id\":", Quote(change.id.value()), ",\"container\":", Quote(change.name),
                    ",\"exit_code\":", change.exit_code, "}\n");
  }
  return lines;
}

std::string StatsJson(const SimServer& server) {
  const ServerStats stats = server.Stats();
  std::string rpcs;
  for (size_t i = 0; i < kRpcCount; ++i) {
    absl::StrAppend(&rpcs, i == 0 ? "" : ",", Quote(kRpcNames[i]), ":", RpcJson(stats.rpcs[i]));
  }
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  const SimRuntime& runtime = server.runtime();
  const auto world = server.world() == nullptr ? nullptr : server.world()->Current();
  const size_t sandboxes = world == nullptr ? runtime.sandbox_count() : world->sandboxes.size();
  const size_t containers = world == nullptr ? runtime.container_count() : world->containers.size();
  return absl::StrCat("{\"rpcs\":{", rpcs, "},\"refused\":", stats.refused,
                      ",\"connections\":", stats.connections, ",\"accepted\":", stats.accepted,
                      ",\"sandboxes\":", sandboxes, ",\"containers\":", containers,
                      ",\"churn\":", runtime.churn(),
                      ",\"frozen\":", server.frozen() ? "true" : "false",
                      ",\"cpu_seconds\":", Seconds(usage.ru_utime) + Seconds(usage.ru_stime),
                      ",\"resident_bytes\":", ResidentBytes(), "}\n");
}

}  // namespace sim
