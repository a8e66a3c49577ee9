#include "cmd/plegctl/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cmd/plegctl/help.h"
#include "pleg/go_duration.h"
#include "pleg/twin/twin_feed.h"

namespace plegctl {
namespace {

constexpr char kDefaultSocket[] = "/run/plegd/plegd.sock";
constexpr char kCompleteCommand[] = "__complete";
constexpr absl::Duration kLongestWait = absl::Hours(1);

const std::vector<std::string>& OutputNames() {
  static const auto* const names = new std::vector<std::string>{"table", "wide", "json", "yaml"};
  return *names;
}

const std::vector<std::string>& ShellNames() {
  static const auto* const names = new std::vector<std::string>{"bash", "zsh", "fish"};
  return *names;
}

// What the flags say, before it is checked and converted.
struct Raw {
  std::string output = "table";
  std::string socket;
  std::string timeout = "2s";
  std::string interval = "1s";
  std::string patience = "30s";
  std::string direct_for = "5s";
  std::string explain_for = "15s";
  std::string kubelet_timeout = "2m";
  bool all_namespaces = false;
  Flags flags;
};

std::string DurationError(const std::string& text) {
  const absl::StatusOr<absl::Duration> duration = pleg::ParseGoDuration(text);
  if (!duration.ok()) return std::string(duration.status().message());
  if (*duration > absl::ZeroDuration() && *duration <= kLongestWait) return "";
  return absl::StrCat("'", text, "' is not from 1ns to 1h");
}

std::string SocketError(const std::string& text) {
  absl::string_view path = text;
  if (!absl::ConsumePrefix(&path, "unix://")) absl::ConsumePrefix(&path, "unix:");
  if (path.empty() || path[0] != '/') {
    return absl::StrCat("'", text, "' is neither /path nor unix:///path");
  }
  return "";
}

std::string PathError(const std::string& text) { return text.empty() ? "no file is named" : ""; }

std::string SocketPath(const std::string& text) {
  absl::string_view path = text;
  if (!absl::ConsumePrefix(&path, "unix://")) absl::ConsumePrefix(&path, "unix:");
  return std::string(path);
}

CLI::Option* AddDuration(CLI::App& app, const std::string& name, std::string& text,
                         const std::string& help) {
  return app.add_option(name, text, help)
      ->type_name("DURATION")
      ->check(CLI::Validator(DurationError, ""))
      ->capture_default_str();
}

// Before and after the command, as everybody types them.
void AddCommonFlags(CLI::App& app, Raw& raw) {
  app.add_option("--socket", raw.socket,
                 absl::StrCat("plegd's socket; else PLEGD_SOCKET, else ", kDefaultSocket))
      ->type_name("PATH")
      ->check(CLI::Validator(SocketError, ""));
  AddDuration(app, "--timeout", raw.timeout, "How long to wait for plegd");
  app.add_flag("--no-color", raw.flags.no_color,
               "No colours; they are only on a terminal anyway, and NO_COLOR says the same");
}

void AddOutput(CLI::App& app, Raw& raw) {
  app.add_option("-o,--output", raw.output, "wide: more columns, exact durations")
      ->type_name("FORMAT")
      ->check(CLI::IsMember(OutputNames()))
      ->capture_default_str();
  app.add_flag("--no-trunc", raw.flags.no_trunc, "Whole ids and names");
}

void AddNamespace(CLI::App& app, Raw& raw) {
  app.add_option("-n,--namespace", raw.flags.pod_namespace, "Only pods of this namespace")
      ->type_name("NAMESPACE");
  app.add_flag("-A,--all-namespaces", raw.all_namespaces, "Pods of all namespaces, as by default");
}

void AddWatch(CLI::App& app, Raw& raw) {
  app.add_flag("-w,--watch", raw.flags.watch, "Show it again and again; q or Ctrl-C ends");
  AddDuration(app, "--interval", raw.interval, "How often, with --watch");
}

std::string UrlError(const std::string& url) {
  const bool known = absl::StartsWith(url, "http://") || absl::StartsWith(url, "https://");
  return known ? "" : absl::StrCat("'", url, "' is no http:// or https:// URL");
}

std::string KubeletVersionError(const std::string& version) {
  const auto kubelets = pleg::KubeletModels(version, absl::Minutes(2));
  return kubelets.ok() ? "" : std::string(kubelets.status().message());
}

// As plegd has them.
void AddDirectSources(CLI::App& app, DirectFlags& flags, std::string& timeout,
                      CLI::Option* direct) {
  const auto path = [&](const char* name, std::string& value, const char* help) {
    return app.add_option(name, value, help)->type_name("PATH")->needs(direct);
  };
  path("--path.procfs", flags.host.procfs, "With --direct: the host's /proc")
      ->capture_default_str();
  path("--path.sysfs", flags.host.sysfs, "With --direct: the host's /sys")->capture_default_str();
  path("--path.cgroupfs", flags.host.cgroupfs, "With --direct: the host's cgroup file system")
      ->capture_default_str();
  app.add_flag("--rootless", flags.host.rootless,
               "With --direct: the node runs without root, as this user")
      ->needs(direct);
  app.add_option("--kubelet.version", flags.node.kubelet_version,
                 "With --direct: Kubernetes version of the node's kubelet; auto: both generations")
      ->type_name("VERSION")
      ->check(CLI::Validator(KubeletVersionError, ""))
      ->capture_default_str()
      ->needs(direct);
  AddDuration(app, "--kubelet.runtime-request-timeout", timeout,
              "With --direct: the kubelet's runtimeRequestTimeout")
      ->needs(direct);
  const auto url = [&](const char* name, std::string& value, const char* help) {
    app.add_option(name, value, help)
        ->type_name("URL")
        ->check(CLI::Validator(UrlError, ""))
        ->needs(direct);
  };
  url("--kubelet.metrics-url", flags.node.kubelet.metrics_url,
      "With --direct: ask the kubelet when it relisted: https://127.0.0.1:10250/metrics");
  url("--kubelet.healthz-url", flags.node.kubelet.healthz_url,
      "With --direct: ask the kubelet how it is: http://127.0.0.1:10248/healthz");
  path("--kubelet.token-file", flags.node.kubelet.token_file,
       "With --direct: bearer token for --kubelet.metrics-url, https:// only");
  path("--kubelet.ca-file", flags.node.kubelet.ca_file,
       "With --direct: certificate authority of the kubelet's certificate");
  path("--kubelet.pinned-cert", flags.node.kubelet.pinned_cert,
       "With --direct: PEM file with the kubelet's own certificate, where no authority signed it");
  app.add_flag("--kubelet.insecure-skip-verify", flags.node.kubelet.skip_verification,
               "With --direct: do not verify the kubelet's certificate: whoever answers gets the "
               "token")
      ->needs(direct);
}

void AddDirect(CLI::App& app, Raw& raw, std::string& duration) {
  CLI::Option* direct =
      app.add_flag("--direct", raw.flags.direct, "Without plegd: relist the runtime from here");
  app.add_option("-r,--runtime-endpoint", raw.flags.from_here.runtime_endpoint,
                 "With --direct: CRI socket; by default what plegd would find")
      ->type_name("ENDPOINT")
      ->needs(direct);
  AddDuration(app, "--for", duration, "With --direct: for how long, at most, before it tells")
      ->needs(direct);
  AddDirectSources(app, raw.flags.from_here, raw.kubelet_timeout, direct);
}

void AddExplain(CLI::App& app, Raw& raw) {
  app.add_flag("--all", raw.flags.all,
               "The other findings as fully as the first, and what is asked for in every incident; "
               "so does -o wide");
  app.add_option("--from", raw.flags.record,
                 "Judge recorded evidence, textproto or JSON; - reads standard input")
      ->type_name("FILE")
      ->check(CLI::Validator(PathError, ""));
  app.add_option("--save", raw.flags.save, "Keep the evidence as textproto; - is standard output")
      ->type_name("FILE")
      ->check(CLI::Validator(PathError, ""));
  AddDirect(app, raw, raw.explain_for);
  app.get_option("--direct")->excludes(app.get_option("--from"));
  app.get_option("--watch")->excludes(app.get_option("--from"))->excludes(app.get_option("--save"));
}

using Commands = std::map<const CLI::App*, Command>;

CLI::App* AddCommand(CLI::App& app, Raw& raw, Commands& commands, Command command,
                     const CommandHelp& help) {
  CLI::App* sub = app.add_subcommand(help.name, help.summary);
  sub->footer(help.footer);
  AddCommonFlags(*sub, raw);
  commands[sub] = command;
  return sub;
}

Commands AddCommands(CLI::App& app, Raw& raw) {
  Commands commands;
  for (const auto& [command, help] :
       {std::pair{Command::kStatus, kStatusHelp}, std::pair{Command::kCalls, kCallsHelp},
        std::pair{Command::kRelists, kRelistsHelp}, std::pair{Command::kPods, kPodsHelp}}) {
    CLI::App* sub = AddCommand(app, raw, commands, command, help);
    AddOutput(*sub, raw);
    AddWatch(*sub, raw);
    if (command == Command::kCalls || command == Command::kPods) AddNamespace(*sub, raw);
    if (command == Command::kStatus) AddDirect(*sub, raw, raw.direct_for);
    if (command == Command::kRelists) {
      sub->add_option("--limit", raw.flags.rows, "The newest so many; 0: all of the last hour")
          ->type_name("N")
          ->default_val(20);
    }
  }
  CLI::App* pod = AddCommand(app, raw, commands, Command::kPod, kPodHelp);
  AddOutput(*pod, raw);
  AddNamespace(*pod, raw);
  pod->add_option("pod", raw.flags.query, "NAME, NAMESPACE/NAME, UID, container or sandbox id")
      ->type_name("POD")
      ->required();
  pod->add_flag("--fresh", raw.flags.fresh, "Make plegd ask the runtime first");
  CLI::App* explain = AddCommand(app, raw, commands, Command::kExplain, kExplainHelp);
  AddOutput(*explain, raw);
  AddWatch(*explain, raw);
  AddExplain(*explain, raw);
  CLI::App* check = AddCommand(app, raw, commands, Command::kCheck, kCheckHelp);
  AddDuration(*check, "--patience", raw.patience,
              "What hurts is a problem once it is this old, or the node is NotReady");
  check->add_flag("--no-ages", raw.flags.no_ages,
                  "The same line while the same is wrong: no ages, no countdown");
  CLI::App* version = AddCommand(app, raw, commands, Command::kVersion, kVersionHelp);
  AddOutput(*version, raw);
  version->add_flag("--client", raw.flags.client_only, "Do not ask plegd");
  CLI::App* completion = AddCommand(app, raw, commands, Command::kCompletion, kCompletionHelp);
  completion->add_option("shell", raw.flags.shell, "bash, zsh or fish")
      ->type_name("SHELL")
      ->check(CLI::IsMember(ShellNames()))
      ->required();
  return commands;
}

void Describe(CLI::App& app) {
  app.require_subcommand(0, 1);
  app.footer(kFooter);
  app.set_version_flag("--version", "plegctl " PLEGD_VERSION, "plegctl's own version, and end");
}

Output OutputOf(const std::string& name) {
  if (name == "wide") return Output::kWide;
  if (name == "json") return Output::kJson;
  return name == "yaml" ? Output::kYaml : Output::kTable;
}

// What was said in PLEGD_SOCKET is checked only if it counts.
Flags ToFlags(Raw& raw) {
  if (raw.socket.empty()) {
    const char* environment = std::getenv("PLEGD_SOCKET");
    raw.socket = environment == nullptr || *environment == '\0' ? kDefaultSocket : environment;
    const std::string error = SocketError(raw.socket);
    if (!error.empty()) throw CLI::ValidationError("PLEGD_SOCKET", error);
  }
  Flags flags = raw.flags;
  flags.socket = SocketPath(raw.socket);
  flags.output = OutputOf(raw.output);
  flags.timeout = *pleg::ParseGoDuration(raw.timeout);
  flags.interval = *pleg::ParseGoDuration(raw.interval);
  flags.direct_for =
      *pleg::ParseGoDuration(flags.command == Command::kExplain ? raw.explain_for : raw.direct_for);
  flags.from_here.node.settings.kubelet_request_timeout =
      *pleg::ParseGoDuration(raw.kubelet_timeout);
  flags.patience = *pleg::ParseGoDuration(raw.patience);
  if (raw.all_namespaces) flags.pod_namespace.clear();
  if (const absl::Status kubelet = runtime::host::KubeletProbe::Check(flags.from_here.node.kubelet);
      !kubelet.ok()) {
    throw CLI::ValidationError(std::string(kubelet.message()));
  }
  return flags;
}

OptionInfo DescribeOption(const CLI::Option& option) {
  OptionInfo info;
  for (const std::string& name : option.get_snames()) info.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) info.names.push_back("--" + name);
  info.help = option.get_description();
  info.takes_value = option.get_items_expected_max() > 0;
  if (option.check_lname("output")) info.values = OutputNames();
  return info;
}

// How many characters to insert, remove or change to make one of the other.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({row[j], row[j + 1], diagonal}) + 1);
      row[j + 1] = std::min(row[j + 1], changed);
    }
  }
  return row[b.size()];
}

// What to do about an invalid command line.
std::string HintAfter(const CLI::ParseError& error, const CLI::App& app, int argc,
                      const char* const* argv) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (!chosen.empty()) return absl::StrCat("  see: plegctl ", chosen[0]->get_name(), " --help");
  const bool unknown =
      error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) && argc > 1;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (unknown && Distance(argv[1], command->get_name()) <= 2) {
      return absl::StrCat("  did you mean: plegctl ", command->get_name());
    }
  }
  return "  see: plegctl --help";
}

CommandTree DescribeApp(CLI::App& app, const Commands& commands) {
  CommandTree tree;
  tree.name = app.get_name();
  tree.help = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) tree.options.push_back(DescribeOption(*option));
  }
  const auto command = commands.find(&app);
  if (command != commands.end()) {
    if (command->second == Command::kCompletion) tree.arguments = ShellNames();
    tree.takes_pod = command->second == Command::kPod;
  }
  for (CLI::App* sub : app.get_subcommands({})) {
    tree.commands.push_back(DescribeApp(*sub, commands));
  }
  return tree;
}

}  // namespace

std::variant<Flags, ExitCode> ParseFlags(int argc, const char* const* argv) {
  Raw raw;
  CLI::App app(kSummary, "plegctl");
  Describe(app);
  AddCommonFlags(app, raw);
  AddOutput(app, raw);
  const Commands commands = AddCommands(app, raw);
  try {
    if (argc > 1 && absl::string_view(argv[1]) == kCompleteCommand) {
      raw.flags.command = Command::kComplete;
      raw.flags.words.assign(argv + 2, argv + argc);
      return ToFlags(raw);
    }
    app.parse(argc, argv);
    for (const CLI::App* chosen : app.get_subcommands()) {
      raw.flags.command = commands.at(chosen);
      return ToFlags(raw);
    }
    std::cout << app.help();
    return kExitSuccess;
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return kExitSuccess;
  } catch (const CLI::CallForVersion&) {
    std::cout << app.version() << "\n";
    return kExitSuccess;
  } catch (const CLI::ParseError& error) {
    std::cerr << "plegctl: " << error.what() << "\n" << HintAfter(error, app, argc, argv) << "\n";
    return kExitUnknown;
  }
}

CommandTree DescribeCommands() {
  Raw raw;
  CLI::App app(kSummary, "plegctl");
  Describe(app);
  AddCommonFlags(app, raw);
  AddOutput(app, raw);
  const Commands commands = AddCommands(app, raw);
  return DescribeApp(app, commands);
}

}  // namespace plegctl
