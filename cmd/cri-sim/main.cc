// cri-sim: serves a simulated CRI runtime, or sends a command to one.

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cmd/cri-sim/flags.h"
#include "cmd/standard_streams.h"
#include "runtime/sim/control_line.h"
#include "runtime/sim/control_socket.h"
#include "runtime/sim/controller.h"
#include "runtime/sim/world_source.h"

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

int Complain(absl::string_view message, int code) {
  std::cerr << "cri-sim: " << message << "\n";
  return code;
}

// In /tmp somebody else may have been there first.
absl::Status MakePrivateDirectory(const std::string& directory) {
  if (directory.empty() || ::mkdir(directory.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("making the directory ", directory));
  }
  struct stat info = {};
  if (::lstat(directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) ||
      info.st_uid != ::getuid() || (info.st_mode & 022) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(directory, " is not a directory that only we can write to"));
  }
  return absl::OkStatus();
}

absl::Status OpenWorld(cri_sim::ServeFlags& flags) {
  if (flags.world_path.empty()) return absl::OkStatus();
  sim::WorldDefaults defaults{.origin = absl::Now()};
  sim::ServiceOptions& service = flags.server.service;
  if (flags.runtime_name_given) defaults.runtime_name = service.runtime_name;
  auto world = sim::WorldSource::Open(flags.world_path, std::move(defaults));
  if (!world.ok()) return world.status();
  if (!flags.events_given) {
    service.events = cri_sim::DefaultEvents((*world)->Current()->runtime_name);
  }
  service.list_streaming = false;  // Rules name the calls that runtimes of today answer.
  service.world = *std::move(world);
  return absl::OkStatus();
}

// Until SIGINT or SIGTERM. What a person does to the world's files meanwhile is said as it happens.
void ServeUntilSignal(const sigset_t& signals, sim::SimServer& server) {
  constexpr timespec kPoll = {.tv_sec = 0, .tv_nsec = 100'000'000};
  if (server.world() == nullptr) {
    int signal = 0;
    sigwait(&signals, &signal);
    return;
  }
  while (sigtimedwait(&signals, nullptr, &kPoll) < 0) {
    const absl::StatusOr<bool> changed = server.world()->Poll();
    if (!changed.ok()) {
      Complain(absl::StrCat(changed.status().message(), " (what was read before stays in force)"),
               0);
    } else if (*changed) {
      server.ApplyWorldRules();
      std::cout << "cri-sim: read " << server.world()->path()
                << " again: " << sim::Describe(*server.world()->Current()) << std::endl;
    }
  }
}

int Serve(cri_sim::ServeFlags flags) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  if (absl::Status made = MakePrivateDirectory(flags.private_directory); !made.ok()) {
    return Complain(made.message(), kUsage);
  }
  if (absl::Status opened = OpenWorld(flags); !opened.ok()) {
    return Complain(opened.message(), kUsage);
  }
  auto runtime = std::make_shared<sim::SimRuntime>(std::move(flags.runtime));
  auto server = sim::SimServer::Start(std::move(flags.server), runtime);
  if (!server.ok()) return Complain(server.status().message(), kUsage);
  sim::Controller controller(server->get());
  const auto control = sim::ControlServer::Start(flags.control_path, &controller);
  if (!control.ok()) return Complain(control.status().message(), kUsage);
  std::cout << "cri-sim: serving "
            << ((*server)->world() != nullptr
                    ? sim::Describe(*(*server)->world()->Current())
                    : absl::StrCat(runtime->sandbox_count(), " sandboxes and ",
                                   runtime->container_count(), " containers"))
            << " on " << (*server)->target() << ", control on " << flags.control_path << std::endl;
  ServeUntilSignal(signals, **server);
  return 0;
}

int Control(const cri_sim::ControlFlags& flags) {
  const auto reply = sim::SendControl(flags.control_path, sim::JoinCommand(flags.command));
  if (!reply.ok()) return Complain(reply.status().message(), kFailed);
  if (reply->result != sim::ControlReply::Result::kOk) {
    return Complain(reply->text,
                    reply->result == sim::ControlReply::Result::kUsage ? kUsage : kFailed);
  }
  std::cout << reply->text << std::flush;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (!cmd::HasStandardStreams()) return EXIT_FAILURE;
  auto parsed = cri_sim::ParseFlags(argc, argv);
  if (const int* code = std::get_if<cri_sim::ExitCode>(&parsed)) return *code;
  if (auto* control = std::get_if<cri_sim::ControlFlags>(&parsed)) return Control(*control);
  return Serve(std::move(std::get<cri_sim::ServeFlags>(parsed)));
}
