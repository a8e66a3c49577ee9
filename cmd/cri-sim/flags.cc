#include "cmd/cri-sim/flags.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "runtime/sim/fault.h"

namespace cri_sim {
namespace {

constexpr int kUsageError = 2;
constexpr uint64_t kMaxCount = 1'000'000;

// What the flags say, before it is checked and converted.
struct Raw {
  std::string listen;
  std::string world;
  std::string control;
  std::string runtime_name = "cri-sim";
  std::string events;
  std::string status_latency = "0s";
  std::string container_bytes = "0";
  uint64_t pods = 110;
  uint64_t containers = 2;
  uint64_t exited = 0;
  uint64_t stream_chunk = 3000;
  uint64_t seed = 1;
  double churn = 0;
  bool no_list_streaming = false;
  bool id_prefixes = false;
  std::vector<std::string> command;
};

std::string PrivateDirectory() {
  const char* xdg = std::getenv("XDG_RUNTIME_DIR");
  if (xdg != nullptr && xdg[0] == '/') return absl::StrCat(xdg, "/cri-sim");
  return absl::StrCat("/tmp/cri-sim-", ::getuid());
}

std::string DurationError(const std::string& text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) && duration >= absl::ZeroDuration() &&
      duration < absl::Hours(24)) {
    return "";
  }
  return absl::StrCat("'", text, "' is not a duration such as 5ms");
}

std::string SizeError(const std::string& text) {
  return sim::ParseBytes(text).ok() ? "" : absl::StrCat("'", text, "' is not a size such as 80KiB");
}

std::string CountError(const std::string& text) {
  uint64_t count = 0;
  if (absl::SimpleAtoi(text, &count) && count <= kMaxCount) return "";
  return absl::StrCat("'", text, "' is not a number up to ", kMaxCount);
}

std::string RateError(const std::string& text) {
  double rate = 0;
  if (absl::SimpleAtod(text, &rate) && rate >= 0 && rate <= kMaxCount) return "";
  return absl::StrCat("'", text, "' is not a rate from 0 to ", kMaxCount);
}

std::string EndpointError(const std::string& text) {
  absl::string_view path = text;
  if (absl::ConsumePrefix(&path, "unix://") && !path.empty() && path[0] == '/') return "";
  return absl::StrCat("'", text, "' is not unix:///path");
}

void AddNodeFlags(CLI::App& app, Raw& raw) {
  const CLI::Validator size(SizeError, "");
  const CLI::Validator count(CountError, "");
  app.add_option("--pods", raw.pods, "Pods")->type_name("N")->check(count)->capture_default_str();
  app.add_option("--containers", raw.containers, "Running containers of each pod")
      ->type_name("N")
      ->check(count)
      ->capture_default_str();
  app.add_option("--exited", raw.exited, "Exited containers besides, in all pods together")
      ->type_name("N")
      ->check(count)
      ->capture_default_str();
  app.add_option("--churn", raw.churn, "Changes per second: exits, restarts, pods that come and go")
      ->type_name("RATE")
      ->check(CLI::Validator(RateError, ""))
      ->capture_default_str();
  app.add_option("--seed", raw.seed, "Same seed, same names, ids and history")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--container-bytes", raw.container_bytes,
                 "Pad each listed container to about this size (80KiB); about 1500 without")
      ->type_name("BYTES")
      ->check(size)
      ->capture_default_str();
}

// After the flags of a node of the simulation's own, which it excludes.
void AddWorldFlag(CLI::App& app, Raw& raw) {
  CLI::Option* world =
      app.add_option("--world", raw.world,
                     "Serve this node: a JSON file, or a directory of crictl's outputs, read again "
                     "when they change")
          ->type_name("PATH");
  for (const char* flag :
       {"--pods", "--containers", "--exited", "--churn", "--seed", "--container-bytes"}) {
    world->excludes(app.get_option(flag));
  }
}

void AddServerFlags(CLI::App& app, Raw& raw) {
  const CLI::Validator endpoint(EndpointError, "");
  const CLI::Validator duration(DurationError, "");
  app.add_option("--listen", raw.listen, "CRI socket to serve")
      ->type_name("unix:///PATH")
      ->check(endpoint)
      ->capture_default_str();
  app.add_option("--status-latency", raw.status_latency,
                 "Delay of each PodSandboxStatus and ContainerStatus")
      ->type_name("DURATION")
      ->check(duration)
      ->capture_default_str();
  app.add_option("--runtime-name", raw.runtime_name,
                 "What Version says, and whose events, ids and words of NotFound it has; of a "
                 "--world, if that does not say")
      ->check(CLI::IsMember({"cri-sim", "containerd", "cri-o"}))
      ->capture_default_str();
  app.add_option("--events", raw.events,
                 "GetContainerEvents; by default stream, of containerd unimplemented, of cri-o end")
      ->check(CLI::IsMember({"stream", "end", "unimplemented"}));
  app.add_flag("--no-list-streaming", raw.no_list_streaming,
               "StreamPodSandboxes and StreamContainers are not implemented");
  app.add_option("--stream-chunk", raw.stream_chunk, "Items in a message of a list stream")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--id-prefixes", raw.id_prefixes,
               "An unambiguous beginning serves as an id (always with --runtime-name containerd)");
  app.set_version_flag("--version", "cri-sim " PLEGD_VERSION);
}

sim::EventMode EventModeOf(const Raw& raw) {
  if (raw.events == "unimplemented") return sim::EventMode::kUnimplemented;
  if (raw.events == "end") return sim::EventMode::kEndAtOnce;
  if (raw.events == "stream") return sim::EventMode::kStream;
  return DefaultEvents(raw.runtime_name);
}

ServeFlags ToServeFlags(const Raw& raw) {
  ServeFlags flags;
  flags.runtime.pods = raw.pods;
  flags.runtime.containers_per_pod = raw.containers;
  flags.runtime.exited = raw.exited;
  flags.runtime.churn = raw.churn;
  flags.runtime.seed = raw.seed;
  flags.runtime.container_bytes = *sim::ParseBytes(raw.container_bytes);
  flags.runtime.id_prefixes = raw.id_prefixes || raw.runtime_name == "containerd";
  flags.runtime.crio_words = raw.runtime_name == "cri-o";
  flags.server.socket_path = raw.listen.substr(std::string("unix://").size());
  absl::ParseDuration(raw.status_latency, &flags.server.status_latency);
  flags.server.service.runtime_name = raw.runtime_name;
  flags.server.service.runtime_version = PLEGD_VERSION;
  flags.server.service.events = EventModeOf(raw);
  flags.server.service.list_streaming = !raw.no_list_streaming;
  flags.server.service.stream_chunk = raw.stream_chunk;
  flags.server.service.statuses_with_sandbox =
      raw.runtime_name == "cri-o" && flags.server.service.events == sim::EventMode::kStream;
  flags.control_path = raw.control;
  flags.world_path = raw.world;
  flags.events_given = !raw.events.empty();
  if (!raw.world.empty()) flags.runtime.pods = 0;
  return flags;
}

}  // namespace

sim::EventMode DefaultEvents(absl::string_view runtime_name) {
  if (runtime_name == "cri-sim") return sim::EventMode::kStream;
  return runtime_name == "cri-o" ? sim::EventMode::kEndAtOnce : sim::EventMode::kUnimplemented;
}

std::variant<ServeFlags, ControlFlags, ExitCode> ParseFlags(int argc, char** argv) {
  Raw raw;
  const std::string default_listen = absl::StrCat("unix://", PrivateDirectory(), "/cri.sock");
  raw.listen = default_listen;
  CLI::App app("A simulated container runtime: serves the read calls of CRI v1 on a unix socket.",
               "cri-sim");
  AddNodeFlags(app, raw);
  AddWorldFlag(app, raw);
  AddServerFlags(app, raw);
  app.add_option("--control", raw.control,
                 "Control socket; by default the CRI socket's path + .ctl")
      ->type_name("PATH");
  CLI::App* ctl =
      app.add_subcommand("ctl", "Change a running cri-sim; 'cri-sim ctl help' lists how");
  ctl->add_option("--control", raw.control, "Control socket")->type_name("PATH");
  ctl->prefix_command();
  app.footer("Exit codes: 0, 1 failed, 2 usage.");
  try {
    app.parse(argc, argv);
    if (!*ctl && raw.exited > 0 && raw.pods * raw.containers == 0) {
      throw CLI::ValidationError("--exited", "needs pods with containers");
    }
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return ExitCode{0};
  } catch (const CLI::CallForVersion&) {
    std::cout << app.version() << "\n";
    return ExitCode{0};
  } catch (const CLI::ParseError& error) {
    std::cerr << "cri-sim: " << error.what() << "\n";
    return kUsageError;
  }
  if (raw.control.empty()) {
    raw.control = absl::StrCat(absl::StripPrefix(raw.listen, "unix://"), ".ctl");
  }
  if (*ctl) return ControlFlags{raw.control, ctl->remaining()};
  ServeFlags flags = ToServeFlags(raw);
  flags.runtime_name_given = app.count("--runtime-name") > 0;
  if (raw.listen == default_listen) flags.private_directory = PrivateDirectory();
  return flags;
}

}  // namespace cri_sim
