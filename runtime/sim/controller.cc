#include "runtime/sim/controller.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/sim/control_line.h"
#include "runtime/sim/report.h"

namespace sim {

struct Controller::Command {
  absl::string_view name;
  absl::string_view arguments;
  absl::string_view help;
  size_t least;
  size_t most;
  Output (Controller::*run)(const Words&);
  // About the objects that the runtime makes itself; with a world there are none.
  bool own_objects = false;
};

namespace {

constexpr size_t kAny = 64;
// As many pods, containers or changes a second as any node will see, and then some.
constexpr uint64_t kMaxCount = 1'000'000;

absl::Status Usage(absl::string_view what, absl::string_view value, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat("bad ", what, " '", value, "': ", expected));
}

// "name=web" → {"name", "web"}; a word without "=" has an empty value.
std::pair<absl::string_view, absl::string_view> KeyValue(absl::string_view word) {
  return absl::StrSplit(word, absl::MaxSplits('=', 1));
}

absl::StatusOr<std::vector<std::string>> ContainerNames(absl::string_view value) {
  uint64_t count = 0;
  std::vector<std::string> names;
  if (absl::SimpleAtoi(value, &count)) {
    if (count > 1000) return Usage("containers", value, "names or a number up to 1000");
    for (uint64_t i = 0; i < count; ++i) names.push_back(absl::StrCat("c", i));
    return names;
  }
  names = absl::StrSplit(value, ',');
  for (const std::string& name : names) {
    if (name.empty()) return Usage("containers", value, "a name is empty");
  }
  return names;
}

absl::StatusOr<PodSpec> ParsePodSpec(const std::vector<std::string>& words) {
  PodSpec spec;
  for (const std::string& word : words) {
    const auto [key, value] = KeyValue(word);
    if (key == "name" && !value.empty()) {
      spec.name = std::string(value);
    } else if (key == "namespace" && !value.empty()) {
      spec.namespace_name = std::string(value);
    } else if (key == "uid" && !value.empty()) {
      spec.uid = pleg::PodUid(value);
    } else if (key == "ip" && !value.empty()) {
      spec.ips = absl::StrSplit(value, ',');
    } else if (key == "containers" && !value.empty()) {
      absl::StatusOr<std::vector<std::string>> names = ContainerNames(value);
      if (!names.ok()) return names.status();
      spec.containers = *std::move(names);
    } else if (word == "host-network") {
      spec.host_network = true;
    } else if (word == "created") {
      spec.start = false;
    } else {
      return Usage("argument", word,
                   "name=, namespace=, uid=, ip=A,B, containers=A,B or N, host-network or created");
    }
  }
  return spec;
}

absl::StatusOr<uint64_t> ParseCount(absl::string_view what, absl::string_view text) {
  uint64_t count = 0;
  if (absl::SimpleAtoi(text, &count) && count > 0 && count <= kMaxCount) return count;
  return Usage(what, text, "1 to 1000000");
}

absl::StatusOr<int> ParseState(absl::string_view text) {
  constexpr std::pair<absl::string_view, int> kStates[] = {
      {"ready", kSandboxReady},       {"notready", kSandboxNotReady},
      {"created", kContainerCreated}, {"running", kContainerRunning},
      {"exited", kContainerExited},   {"unknown", kContainerUnknown}};
  for (const auto& [name, state] : kStates) {
    if (text == name) return state;
  }
  int32_t number = 0;
  if (absl::SimpleAtoi(text, &number)) return number;
  return Usage("state", text, "created, running, exited, unknown, ready, notready or a number");
}

std::string Line(absl::string_view text) { return absl::StrCat(text, "\n"); }

absl::StatusOr<std::string> Silent(const absl::Status& status) {
  if (!status.ok()) return status;
  return std::string();
}

}  // namespace

const std::vector<Controller::Command>& Controller::Commands() {
  using C = Controller;
  static const auto* const commands = new std::vector<Command>{
      {"add-pod",
       "[name=N] [namespace=NS] [uid=U] [ip=A,B] [containers=A,B|N] [host-network] [created]",
       "a pod with a sandbox and running (or only created) containers", 0, 7, &C::AddPod, true},
      {"add-container", "POD NAME [start]", "the next instance of a container", 2, 3,
       &C::AddContainer, true},
      {"start", "CONTAINER", "a created container runs", 1, 1, &C::Start, true},
      {"exit", "CONTAINER [CODE] [reason=R] [message=M]", "it exits (0)", 1, 4, &C::Exit, true},
      {"set-state", "ID STATE", "any state by name or number", 2, 2, &C::SetState, true},
      {"move-container", "CONTAINER POD", "its id is a container of another pod", 2, 2,
       &C::MoveContainer, true},
      {"remove-container", "CONTAINER", "", 1, 1, &C::RemoveContainer, true},
      {"stop-sandbox", "SANDBOX", "with all that runs in it", 1, 1, &C::StopSandbox, true},
      {"remove-sandbox", "SANDBOX", "with its containers", 1, 1, &C::RemoveSandbox, true},
      {"remove-pod", "POD", "", 1, 1, &C::RemovePod, true},
      {"new-attempt", "POD", "a new, empty sandbox; the old one stops", 1, 1, &C::NewAttempt, true},
      {"change-many", "N", "a container of each of N pods is restarted at once", 1, 1,
       &C::ChangeMany, true},
      {"add-exited", "N [POD]", "N containers that have exited, in all pods or in one", 1, 2,
       &C::AddExited, true},
      {"remove-exited", "", "all of them", 0, 0, &C::RemoveExited, true},
      {"churn", "[RATE]", "changes per second: show or set", 0, 1, &C::Churn, true},
      {"id", "CONTAINER | SANDBOX", "the whole of it", 1, 1, &C::Id},
      {"list", "", "pods with their sandboxes and containers, JSON", 0, 0, &C::List},
      {"dump", "", "what the CRI says about each of them, JSON", 0, 0, &C::Dump},
      {"history", "[N]", "the last N (100) changes, a JSON object a line", 0, 1, &C::History, true},
      {"stats", "", "calls, connections, CPU time and memory, JSON", 0, 0, &C::Stats},
      {"fault",
       "add RPC|* [--id ID] [latency=D] [hang|error=CODE[:MSG]|oversized[=BYTES]|"
       "label=BYTES|objects=N|endless|malformed[=DEFECT]|drop] [mid-reply] [count=N] "
       "[share=S]",
       "the first fault that matches a call hits it", 1, kAny, &C::FaultCommand},
      {"fault", "list | clear [NUMBER]", "what they held is answered when they go", 1, 2,
       &C::FaultCommand},
      {"convoy", "CONTAINER | clear", "container lists and this one's status hang", 1, 1,
       &C::Convoy},
      {"freeze", "", "nothing answers, as if the process were stopped", 0, 0, &C::Freeze},
      {"thaw", "", "", 0, 0, &C::Thaw},
      {"world", "[read]", "what is served with --world; read its files now", 0, 1, &C::World},
      {"drop-connections", "", "cut all CRI connections", 0, 0, &C::Drop},
      {"help", "", "", 0, 0, &C::Help},
  };
  return *commands;
}

ControlReply Controller::Execute(absl::string_view line) {
  const auto usage = [](absl::string_view text) {
    return ControlReply{ControlReply::Result::kUsage, std::string(text)};
  };
  absl::StatusOr<Words> words = SplitCommand(line);
  if (!words.ok()) return usage(words.status().message());
  if (words->empty()) return usage("no command; try help");
  const auto& commands = Commands();
  const auto command = std::find_if(commands.begin(), commands.end(),
                                    [&](const Command& c) { return c.name == words->front(); });
  if (command == commands.end()) {
    return usage(absl::StrCat("unknown command '", words->front(), "'; try help"));
  }
  words->erase(words->begin());
  if (words->size() < command->least || words->size() > command->most) {
    return usage(absl::StrCat("usage: ", command->name, " ", command->arguments));
  }
  if (command->own_objects && server_->world() != nullptr) {
    return {ControlReply::Result::kFailed,
            absl::StrCat(command->name, ": this node is what stands in ", server_->world()->path(),
                         ": edit it there")};
  }
  Output output = (this->*command->run)(*words);
  if (output.ok()) return {ControlReply::Result::kOk, *std::move(output)};
  const std::string message = absl::StrCat(command->name, ": ", output.status().message());
  if (absl::IsInvalidArgument(output.status())) return usage(message);
  return {ControlReply::Result::kFailed, message};
}

Controller::Output Controller::AddPod(const Words& words) {
  const absl::StatusOr<PodSpec> spec = ParsePodSpec(words);
  if (!spec.ok()) return spec.status();
  const absl::StatusOr<pleg::PodUid> uid = runtime().AddPod(*spec);
  if (!uid.ok()) return uid.status();
  return Line(uid->value());
}

Controller::Output Controller::AddContainer(const Words& words) {
  if (words.size() == 3 && words[2] != "start") return Usage("argument", words[2], "start");
  const absl::StatusOr<pleg::PodUid> pod = runtime().FindPod(words[0]);
  if (!pod.ok()) return pod.status();
  const auto container = runtime().AddContainer(*pod, words[1], words.size() == 3);
  if (!container.ok()) return container.status();
  return Line(container->value());
}

Controller::Output Controller::NewAttempt(const Words& words) {
  const absl::StatusOr<pleg::PodUid> pod = runtime().FindPod(words[0]);
  if (!pod.ok()) return pod.status();
  const absl::StatusOr<pleg::ContainerId> sandbox = runtime().NewAttempt(*pod);
  if (!sandbox.ok()) return sandbox.status();
  return Line(sandbox->value());
}

Controller::Output Controller::Start(const Words& words) {
  const absl::StatusOr<pleg::ContainerId> container = runtime().FindContainer(words[0]);
  return Silent(container.ok() ? runtime().Start(*container) : container.status());
}

Controller::Output Controller::Exit(const Words& words) {
  ExitSpec spec;
  for (size_t i = 1; i < words.size(); ++i) {
    const auto [key, value] = KeyValue(words[i]);
    if (key == "reason") {
      spec.reason = std::string(value);
    } else if (key == "message") {
      spec.message = std::string(value);
    } else if (!absl::SimpleAtoi(words[i], &spec.code)) {
      return Usage("argument", words[i], "an exit code, reason= or message=");
    }
  }
  const absl::StatusOr<pleg::ContainerId> container = runtime().FindContainer(words[0]);
  return Silent(container.ok() ? runtime().Exit(*container, spec) : container.status());
}

Controller::Output Controller::SetState(const Words& words) {
  const absl::StatusOr<int> state = ParseState(words[1]);
  if (!state.ok()) return state.status();
  const absl::StatusOr<pleg::ContainerId> id = FindEither(words[0]);
  return Silent(id.ok() ? runtime().SetState(*id, *state) : id.status());
}

Controller::Output Controller::MoveContainer(const Words& words) {
  const absl::StatusOr<pleg::ContainerId> container = runtime().FindContainer(words[0]);
  if (!container.ok()) return container.status();
  const absl::StatusOr<pleg::PodUid> pod = runtime().FindPod(words[1]);
  return Silent(pod.ok() ? runtime().MoveContainer(*container, *pod) : pod.status());
}

Controller::Output Controller::RemoveContainer(const Words& words) {
  const absl::StatusOr<pleg::ContainerId> container = runtime().FindContainer(words[0]);
  return Silent(container.ok() ? runtime().RemoveContainer(*container) : container.status());
}

Controller::Output Controller::StopSandbox(const Words& words) {
  const absl::StatusOr<pleg::ContainerId> sandbox = runtime().FindSandbox(words[0]);
  return Silent(sandbox.ok() ? runtime().StopSandbox(*sandbox) : sandbox.status());
}

Controller::Output Controller::RemoveSandbox(const Words& words) {
  const absl::StatusOr<pleg::ContainerId> sandbox = runtime().FindSandbox(words[0]);
  return Silent(sandbox.ok() ? runtime().RemoveSandbox(*sandbox) : sandbox.status());
}

Controller::Output Controller::RemovePod(const Words& words) {
  const absl::StatusOr<pleg::PodUid> pod = runtime().FindPod(words[0]);
  return Silent(pod.ok() ? runtime().RemovePod(*pod) : pod.status());
}

Controller::Output Controller::ChangeMany(const Words& words) {
  const absl::StatusOr<uint64_t> count = ParseCount("number of pods", words[0]);
  if (!count.ok()) return count.status();
  return Line(absl::StrCat(runtime().ChangeMany(*count)));
}

Controller::Output Controller::AddExited(const Words& words) {
  const absl::StatusOr<uint64_t> count = ParseCount("number of containers", words[0]);
  if (!count.ok()) return count.status();
  absl::StatusOr<pleg::PodUid> pod = pleg::PodUid();
  if (words.size() > 1) pod = runtime().FindPod(words[1]);
  return Silent(pod.ok() ? runtime().AddExited(*count, *pod) : pod.status());
}

Controller::Output Controller::RemoveExited(const Words&) {
  return Line(absl::StrCat(runtime().RemoveExited()));
}

Controller::Output Controller::Churn(const Words& words) {
  if (words.empty()) return Line(absl::StrCat(runtime().churn()));
  double rate = 0;
  if (!absl::SimpleAtod(words[0], &rate) || !(rate >= 0 && rate <= kMaxCount)) {
    return Usage("rate", words[0], "changes per second, 0 to 1000000");
  }
  runtime().SetChurn(rate);
  return std::string();
}

Controller::Output Controller::Id(const Words& words) {
  const absl::StatusOr<pleg::ContainerId> id = FindEither(words[0]);
  if (!id.ok()) return id.status();
  return Line(id->value());
}

Controller::Output Controller::List(const Words&) {
  return PodsJson(server_->world() != nullptr ? PodsOf(*server_->world()->Current())
                                              : runtime().Pods());
}

Controller::Output Controller::Dump(const Words&) {
  return server_->world() != nullptr ? DumpJson(*server_->world()->Current()) : DumpJson(runtime());
}

Controller::Output Controller::History(const Words& words) {
  uint64_t count = 100;
  if (!words.empty() && (!absl::SimpleAtoi(words[0], &count) || count == 0)) {
    return Usage("number of changes", words[0], "1 or more");
  }
  return HistoryJson(runtime(), count);
}

Controller::Output Controller::Stats(const Words&) { return StatsJson(*server_); }

absl::StatusOr<pleg::ContainerId> Controller::FindEither(const std::string& reference) const {
  if (server_->world() != nullptr) return server_->world()->Current()->Resolve(reference);
  const SimRuntime& runtime = server_->runtime();
  absl::StatusOr<pleg::ContainerId> id = runtime.FindContainer(reference);
  if (!absl::IsNotFound(id.status())) return id;
  id = runtime.FindSandbox(reference);
  if (!absl::IsNotFound(id.status())) return id;
  return absl::NotFoundError(absl::StrCat("no container or sandbox '", reference, "'"));
}

Controller::Output Controller::FaultCommand(const Words& words) {
  const Words rest(words.begin() + 1, words.end());
  if (words[0] == "add") return AddFault(rest);
  if (words[0] == "clear") return ClearFaults(rest);
  if (words[0] == "list" && rest.empty()) {
    std::string lines;
    for (const FaultTable::Entry& entry : server_->faults().List()) {
      absl::StrAppend(&lines, entry.number, " ", FormatFault(entry.fault), " hits=", entry.hits,
                      entry.convoy.empty() ? "" : " convoy", entry.rule ? " rule" : "", "\n");
    }
    return lines;
  }
  return Usage("argument", absl::StrJoin(words, " "), "add, list or clear");
}

Controller::Output Controller::AddFault(const Words& words) {
  absl::StatusOr<Fault> fault = ParseFault(words);
  if (!fault.ok()) return fault.status();
  if (!fault->id.empty()) {
    const absl::StatusOr<pleg::ContainerId> id = FindEither(fault->id.value());
    if (!id.ok()) return id.status();
    fault->id = *id;
  }
  return Line(absl::StrCat(server_->faults().Add(*std::move(fault))));
}

Controller::Output Controller::ClearFaults(const Words& words) {
  if (words.size() > 1)
    return absl::InvalidArgumentError("clear takes one number, or none for all");
  if (words.empty()) {
    server_->faults().ClearAll();
    return std::string();
  }
  uint64_t number = 0;
  if (!absl::SimpleAtoi(words[0], &number))
    return Usage("fault", words[0], "a number of fault list");
  if (number == 0 || server_->faults().Clear(number) == 0) {
    return absl::NotFoundError(absl::StrCat("no fault ", number));
  }
  return std::string();
}

Controller::Output Controller::Convoy(const Words& words) {
  if (words[0] == "clear") {
    server_->faults().ClearConvoys();
    return std::string();
  }
  const absl::StatusOr<pleg::ContainerId> container = FindContainer(words[0]);
  if (!container.ok()) return container.status();
  server_->faults().AddConvoy(*container);
  return Line(container->value());
}

absl::StatusOr<pleg::ContainerId> Controller::FindContainer(const std::string& reference) const {
  if (server_->world() == nullptr) return server_->runtime().FindContainer(reference);
  const std::shared_ptr<const FixedWorld> world = server_->world()->Current();
  absl::StatusOr<pleg::ContainerId> id = world->Resolve(reference);
  if (id.ok() && world->FindContainer(id->value()) == nullptr) {
    return absl::NotFoundError(absl::StrCat("'", reference, "' is no container"));
  }
  return id;
}

Controller::Output Controller::World(const Words& words) {
  WorldSource* world = server_->world();
  if (world == nullptr) return absl::FailedPreconditionError("there is none: cri-sim --world PATH");
  if (!words.empty() && words[0] != "read") return Usage("argument", words[0], "read");
  if (!words.empty()) {
    if (absl::Status read = world->Read(); !read.ok()) return read;
    server_->ApplyWorldRules();
  }
  const std::shared_ptr<const FixedWorld> now = world->Current();
  const absl::Status refusal = world->Refusal();
  return absl::StrCat(world->path(), ": ", Describe(*now), "\n",
                      refusal.ok() ? "" : absl::StrCat("refused since: ", refusal.message(), "\n"));
}

Controller::Output Controller::Freeze(const Words&) {
  server_->Freeze();
  return std::string();
}

Controller::Output Controller::Thaw(const Words&) {
  server_->Thaw();
  return std::string();
}

Controller::Output Controller::Drop(const Words&) {
  return Line(absl::StrCat(server_->DropConnections()));
}

Controller::Output Controller::Help(const Words&) {
  std::string lines;
  for (const Command& command : Commands()) {
    absl::StrAppend(&lines, command.name, command.arguments.empty() ? "" : " ", command.arguments,
                    "\n");
    if (!command.help.empty()) absl::StrAppend(&lines, "    ", command.help, "\n");
  }
  absl::StrAppend(
      &lines,
      "A client that streams lists calls StreamContainers, not ListContainers; stats shows it.\n",
      "POD: UID, name or namespace/name. CONTAINER: id, its beginning, or ",
      "POD/NAME. SANDBOX: id, its beginning, or POD.\n");
  return lines;
}

}  // namespace sim
