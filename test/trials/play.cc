// Plays trials: live ones against a plegd of their own, records against plegctl.

#include <google/protobuf/text_format.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "plegd/v1/diagnosis.pb.h"
#include "plegd/v1/evidence.pb.h"
#include "runtime/sim/controller.h"
#include "runtime/sim/sim_server.h"
#include "test/drills/calm_host.h"
#include "test/process/plegd_process.h"
#include "test/process/scratch_dir.h"
#include "test/process/subprocess.h"
#include "test/records/record.h"
#include "test/trials/trial.h"

namespace trials_test {
namespace {

using plegd_testing::PlegdProcess;
using plegd_testing::ReadFile;
using plegd_testing::Subprocess;

struct Output {
  int exit = -1;
  std::string text;
};

// Runs plegctl; its output is kept in `log`, which is to be a new file.
Output Plegctl(std::vector<std::string> arguments, const std::string& log) {
  arguments.insert(arguments.begin(), PLEGCTL_BINARY);
  Output output;
  absl::StatusOr<Subprocess> process = Subprocess::Spawn(arguments, log);
  if (process.ok()) output.exit = process->Wait().value_or(-1);
  output.text = ReadFile(log);
  return output;
}

// "web-0   1/1" → "web-0 1/1".
std::string OneBlank(std::string text) {
  absl::RemoveExtraAsciiWhitespace(&text);
  return text;
}

// The finding that comes first, and the commands of all.
void Take(const plegd::v1::Diagnosis& diagnosis, Answers& answers) {
  answers.sentence = diagnosis.findings().empty() ? "" : diagnosis.findings(0).sentence();
  answers.commands.clear();
  for (const plegd::v1::Finding& finding : diagnosis.findings()) {
    for (const plegd::v1::Action& action : finding.actions()) {
      absl::StrAppend(&answers.commands, action.text(), " ", action.command(), "\n");
    }
  }
}

// The line with the verdict: the first, of a record the second.
absl::string_view VerdictLine(absl::string_view explain) {
  if (absl::StartsWith(explain, "recorded ")) explain.remove_prefix(explain.find('\n') + 1);
  return explain.substr(0, explain.find('\n'));
}

// "CODE: sentence".
std::string CodeOf(absl::string_view verdict_line) {
  return std::string(verdict_line.substr(0, verdict_line.find(':')));
}

// A live node: the simulated runtime in this process, plegd as one of its own.
class LiveNode {
 public:
  LiveNode(const Trial& trial, std::string directory)
      : trial_(trial), directory_(std::move(directory)) {}

  absl::Status Start() {
    host_.Show(getpid());  // It is this process that serves the socket.
    WriteWorld(!trial_.breaks_later());
    if (absl::Status status = Serve(); !status.ok()) return status;
    if (!trial_.breaks_later()) {
      if (absl::Status status = AddFaults(); !status.ok()) return status;
    }
    plegd_testing::PlegdOptions options{.relist_period = "1s", .flags = host_.plegd_flags()};
    options.flags.insert(options.flags.end(), {"--api.socket", absl::StrCat("unix://", Api())});
    options.started_when = trial_.breaks_later() ? "/readyz" : "/livez";
    auto plegd = PlegdProcess::Start(server_->target(), dir_.path(), options);
    if (!plegd.ok()) return plegd.status();
    plegd_ = *std::move(plegd);
    return trial_.breaks_later() ? Break() : absl::OkStatus();
  }

  void Watch(Answers& answers) {
    const absl::Time start = absl::Now();
    for (absl::Time next = start; next <= start + kWatched; next += kAsked) {
      absl::SleepFor(next - absl::Now());
      const absl::StatusOr<plegd::v1::Diagnosis> diagnosis = plegd_->Diagnosis();
      const absl::Duration when = absl::Now() - start;
      if (!diagnosis.ok() || diagnosis->findings().empty()) {
        answers.codes.emplace_back(when, diagnosis.ok() ? "nothing" : "no answer");
        continue;
      }
      answers.codes.emplace_back(when, diagnosis->findings(0).code());
      Take(*diagnosis, answers);
    }
    const Output explain = Ask({"explain", "--all"});
    answers.explain = explain.text;
    answers.explain_exit = explain.exit;
    const Output check = Ask({"check"});
    answers.check = check.text;
    answers.check_exit = check.exit;
    answers.pods = OneBlank(Ask({"pods"}).text);
  }

 private:
  std::string Api() const { return dir_.File("api.sock"); }

  Output Ask(std::vector<std::string> command) const {
    const std::string log = dir_.File(absl::StrCat(command[0], ".out"));
    command.insert(command.end(), {"--socket", Api()});
    return Plegctl(std::move(command), log);
  }

  // Broken, or with all that the trial has but nothing that is wrong with it.
  void WriteWorld(bool broken) const {
    if (trial_.node_case() != Trial::kWorld) return;
    const std::string name = broken ? trial_.world() : "healthy.json";
    nlohmann::json world = nlohmann::json::parse(ReadFile(directory_ + "/worlds/" + name));
    for (uint32_t i = 0; broken && i < trial_.not_ready_sandboxes(); ++i) {
      world["sandboxes"].push_back({{"id", absl::StrCat("dead", i)},
                                    {"metadata",
                                     {{"name", absl::StrCat("cron-", i)},
                                      {"namespace", "jobs"},
                                      {"uid", absl::StrCat("cron-", i)}}},
                                    {"state", "notready"},
                                    {"created_at", absl::StrCat("-", 600 + i, "m")}});
    }
    std::ofstream(World()) << world.dump(1);
  }

  std::string World() const { return dir_.File("world.json"); }

  absl::Status Serve() {
    sim::ServerOptions options{.socket_path = dir_.File("cri.sock")};
    sim::RuntimeOptions runtime{.pods = trial_.simulated_pods(), .churn = 1, .id_prefixes = true};
    options.service.list_streaming = false;
    options.service.runtime_name = "containerd";
    options.service.runtime_version = "2.1.4";
    options.service.events = sim::EventMode::kUnimplemented;
    if (trial_.node_case() == Trial::kWorld) {
      runtime = {};
      auto world =
          sim::WorldSource::Open(World(), {.origin = absl::Now(), .runtime_version = "2.1.4"});
      if (!world.ok()) return world.status();
      options.service.world = *std::move(world);
    }
    auto server = sim::SimServer::Start(std::move(options),
                                        std::make_shared<sim::SimRuntime>(std::move(runtime)));
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    return absl::OkStatus();
  }

  absl::Status Break() {
    WriteWorld(true);
    if (server_->world() != nullptr) {
      if (absl::Status read = server_->world()->Read(); !read.ok()) return read;
      server_->ApplyWorldRules();
    }
    return AddFaults();
  }

  absl::Status AddFaults() {
    sim::Controller controller(server_.get());
    for (const std::string& words : trial_.faults()) {
      const sim::ControlReply reply = controller.Execute(absl::StrCat("fault add ", words));
      if (reply.result != sim::ControlReply::Result::kOk) {
        return absl::InvalidArgumentError(reply.text);
      }
    }
    return absl::OkStatus();
  }

  const Trial& trial_;
  const std::string directory_;
  const plegd_testing::ScratchDir dir_;
  const plegd_testing::CalmHost host_;  // Whatever else this machine does.
  std::unique_ptr<sim::SimServer> server_;
  std::unique_ptr<PlegdProcess> plegd_;
};

Answers PlayRecord(const Trial& trial, const std::string& directory) {
  Answers answers;
  const absl::StatusOr<plegd::v1::Evidence> evidence =
      plegd_testing::LoadRecord(absl::StrCat(directory, "/records/", trial.record()));
  if (!evidence.ok()) {
    answers.error = std::string(evidence.status().message());
    return answers;
  }
  const plegd_testing::ScratchDir dir;
  std::string text;
  google::protobuf::TextFormat::PrintToString(*evidence, &text);
  std::ofstream(dir.File("record.textproto")) << text;
  const Output explain = Plegctl({"explain", "--all", "--from", dir.File("record.textproto")},
                                 dir.File("explain.out"));
  answers.explain = explain.text;
  answers.explain_exit = explain.exit;
  answers.codes.emplace_back(kSettled, CodeOf(VerdictLine(explain.text)));
  answers.sentence = std::string(VerdictLine(explain.text));
  answers.commands = explain.text;
  return answers;
}

}  // namespace

std::map<std::string, Answers> PlayAll(const std::string& directory,
                                       const std::vector<Trial>& trials) {
  std::map<std::string, Answers> answers;
  std::vector<std::pair<Answers*, std::unique_ptr<LiveNode>>> live;
  for (const Trial& trial : trials) {
    Answers& of = answers[trial.name()];
    if (trial.node_case() == Trial::kRecord) {
      of = PlayRecord(trial, directory);
      continue;
    }
    auto node = std::make_unique<LiveNode>(trial, directory);
    if (absl::Status started = node->Start(); !started.ok()) {
      of.error = started.ToString();
      continue;
    }
    live.emplace_back(&of, std::move(node));
  }
  std::vector<std::jthread> watchers;
  watchers.reserve(live.size());
  for (auto& [of, node] : live) {
    watchers.emplace_back([of = of, node = node.get()] { node->Watch(*of); });
  }
  watchers.clear();
  return answers;
}

}  // namespace trials_test
