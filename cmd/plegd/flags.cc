#include "cmd/plegd/flags.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "journal/append_file.h"
#include "pleg/go_duration.h"
#include "pleg/twin/twin_feed.h"

namespace plegd {
namespace {

constexpr char kDescription[] =
    "plegd: the kubelet's Pod Lifecycle Event Generator as a daemon of its own.\n"
    "Relists the node's container runtime, reports lifecycle events, and serves relist latency\n"
    "and the three-minute health verdict on /metrics and /healthz.";

constexpr char kFooter[] =
    "Durations are Go's: 500ms, 1s, 1m30s, 3m.\n"
    "Without an endpoint in flag or environment: crictl's file, the kubelet's setting, then the "
    "usual\n"
    "sockets in order: containerd, CRI-O, cri-dockerd, "
    "k3s,\n"
    "k0s, microk8s.\n"
    "Exit codes: 0 ended by a signal, 2 wrong usage or a start that cannot work.";

constexpr uint64_t kLeastListBudget = uint64_t{1} << 20;
constexpr uint64_t kMostListBudget = uint64_t{1} << 30;

// Reads a positive duration into `value` and shows its default as Go prints it.
CLI::Option* AddDuration(CLI::App& app, const std::string& name, absl::Duration& value,
                         const std::string& help) {
  CLI::callback_t read = [&value, name](const CLI::results_t& words) {
    const absl::StatusOr<absl::Duration> parsed = pleg::ParseGoDuration(words.back());
    if (!parsed.ok()) {
      throw CLI::ValidationError(name, std::string(parsed.status().message()));
    }
    if (*parsed <= absl::ZeroDuration()) {
      throw CLI::ValidationError(name,
                                 absl::StrCat("\"", words.back(), "\" is not a positive duration"));
    }
    value = *parsed;
    return true;
  };
  CLI::Option* option = app.add_option(name, std::move(read), help);
  option->type_name("DURATION");
  option->default_str(pleg::FormatGoDuration(value));
  option->run_callback_for_default(false);
  return option;
}

template <typename T>
using Choices = std::vector<std::pair<std::string, T>>;

// One word of a few.
template <typename T>
void AddChoice(CLI::App& app, const std::string& name, T& value, const std::string& fallback,
               const Choices<T>& choices, const std::string& help = "") {
  const std::string words = absl::StrJoin(
      choices, ", ", [](std::string* out, const auto& choice) { *out += choice.first; });
  CLI::callback_t read = [&value, name, words, choices](const CLI::results_t& given) {
    for (const auto& [word, meaning] : choices) {
      if (word != given.back()) continue;
      value = meaning;
      return true;
    }
    throw CLI::ValidationError(name, absl::StrCat("\"", given.back(), "\" is none of ", words));
  };
  app.add_option(name, std::move(read), help.empty() ? words : absl::StrCat(words, "; ", help))
      ->type_name("WORD")
      ->default_str(fallback)
      ->run_callback_for_default(false);
}

// A size in bytes, or "auto".
void AddListBudget(CLI::App& app, std::optional<uint64_t>& value) {
  CLI::callback_t read = [&value](const CLI::results_t& words) {
    value.reset();
    if (words.back() == "auto") return true;
    std::string bytes = words.back();
    uint64_t number = 0;
    try {
      // Replaces the text by the number of bytes.
      static_cast<void>(CLI::AsSizeValue(/*kb_is_1000=*/false)(bytes));
    } catch (const CLI::ValidationError&) {
      bytes.clear();
    }
    if (!absl::SimpleAtoi(bytes, &number) || number < kLeastListBudget ||
        number > kMostListBudget) {
      throw CLI::ValidationError(
          "--list-budget",
          absl::StrCat("\"", words.back(), "\" is neither auto nor a size from 1MiB to 1GiB"));
    }
    value = number;
    return true;
  };
  app.add_option("--list-budget", std::move(read),
                 "the longest list to take: 48MiB; 2 KiB of it allow one object; auto: a third of "
                 "the memory that plegd may have beyond 40 MiB")
      ->type_name("SIZE")
      ->default_str("auto")
      ->run_callback_for_default(false);
}

// CLI11's messages may span lines; ours is one.
std::string OneLine(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\n", " "}, {"\r", " "}});
}

void AddWebOptions(CLI::App& app, Flags& flags) {
  app.add_option("--web.listen-address", flags.listen_addresses,
                 "where to serve HTTP: host:port, [v6]:port, :port or unix:///path; repeatable")
      ->type_name("ADDRESS")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->capture_default_str();
  app.add_flag("--web.enable-api", flags.enable_api,
               "serve /api/v1/ on TCP too, to every local user (always served on unix sockets)");
  app.add_option("--web.host-name", flags.host_names,
                 "name by which browsers may ask for the page and the API over TCP; repeatable")
      ->type_name("NAME")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--web.systemd-socket", flags.systemd_socket,
               "do not start without sockets from systemd (they are used whenever they are there)");
}

std::string CheckUrl(const std::string& url) {
  const bool known = absl::StartsWith(url, "https://") || absl::StartsWith(url, "http://");
  return known ? "" : absl::StrCat("\"", url, "\" is no http:// or https:// URL");
}

// The kubelet that is modelled, and asked.
void AddKubeletOptions(CLI::App& app, Flags& flags) {
  auto check = [](const std::string& version) {
    const auto kubelets = pleg::KubeletModels(version, absl::Minutes(2));
    return kubelets.ok() ? std::string() : std::string(kubelets.status().message());
  };
  app.add_option("--kubelet.version", flags.node.kubelet_version,
                 "Kubernetes version of the node's kubelet, for the forecast: 1.31; auto: both "
                 "generations")
      ->type_name("VERSION")
      ->check(CLI::Validator(check, ""))
      ->capture_default_str();
  AddDuration(app, "--kubelet.runtime-request-timeout", flags.node.settings.kubelet_request_timeout,
              "the kubelet's runtimeRequestTimeout");
  app.add_option("--kubelet.metrics-url", flags.node.kubelet.metrics_url,
                 "ask the kubelet when its PLEG was last seen, to compare: "
                 "https://127.0.0.1:10250/metrics")
      ->type_name("URL")
      ->check(CLI::Validator(CheckUrl, ""));
  app.add_option("--kubelet.healthz-url", flags.node.kubelet.healthz_url,
                 "ask the kubelet how it is: http://127.0.0.1:10248/healthz")
      ->type_name("URL")
      ->check(CLI::Validator(CheckUrl, ""));
  app.add_option("--kubelet.token-file", flags.node.kubelet.token_file,
                 "bearer token for --kubelet.metrics-url (https:// only), read before each request")
      ->type_name("PATH");
  app.add_option("--kubelet.ca-file", flags.node.kubelet.ca_file,
                 "certificate authority of the kubelet's certificate")
      ->type_name("PATH");
  app.add_option("--kubelet.pinned-cert", flags.node.kubelet.pinned_cert,
                 "PEM file with the kubelet's own certificate, where no authority has signed it: "
                 "/var/lib/kubelet/pki/kubelet.crt")
      ->type_name("PATH");
  app.add_flag("--kubelet.insecure-skip-verify", flags.node.kubelet.skip_verification,
               "do not verify the kubelet's certificate: whoever answers gets the token");
}

void AddHostOptions(CLI::App& app, Flags& flags) {
  AddChoice(app, "--host-probe", flags.host_probe, "on", {{"on", true}, {"off", false}},
            "look at the host's processes, pressure, disks and cgroups, in a child process");
  app.add_flag("--rootless", flags.host.rootless,
               "the node runs without root: take processes of plegd's own user for its runtime, "
               "shims and kubelet");
  app.add_option("--path.procfs", flags.host.procfs, "the host's /proc")
      ->type_name("PATH")
      ->capture_default_str();
  app.add_option("--path.sysfs", flags.host.sysfs, "the host's /sys")
      ->type_name("PATH")
      ->capture_default_str();
  app.add_option("--path.cgroupfs", flags.host.cgroupfs, "the host's cgroup file system")
      ->type_name("PATH")
      ->capture_default_str();
}

void AddEventLog(CLI::App& app, Flags& flags) {
  CLI::Option* log =
      app.add_option("--event-log", flags.event_log,
                     "append lifecycle events to this file, one JSON object a line; - is stdout")
          ->type_name("PATH");
  const auto check = [](const std::string& text) {
    uint64_t bytes = 0;
    if (absl::SimpleAtoi(text, &bytes) && bytes >= journal::kLeastMaxBytes) return std::string();
    return absl::StrCat("\"", text, "\" is no number of bytes from ", journal::kLeastMaxBytes,
                        " on");
  };
  app.add_option("--event-log-max-bytes", flags.event_log_max_bytes,
                 "at half of this the event log becomes PATH.old, in place of the one before: both "
                 "together are never larger")
      ->type_name("BYTES")
      ->check(CLI::Validator(check, ""))
      ->needs(log);
}

void AddOptions(CLI::App& app, Flags& flags) {
  app.add_option("-r,--runtime-endpoint", flags.runtime_endpoint,
                 "CRI v1 socket: unix:///path or /path (env CONTAINER_RUNTIME_ENDPOINT)")
      ->type_name("ENDPOINT");
  app.add_option(
         "--crictl-config", flags.crictl_config,
         "crictl's file, for its runtime-endpoint (env CRI_CONFIG_FILE; else /etc/crictl.yaml)")
      ->type_name("PATH");
  AddDuration(app, "--relist-period", flags.node.settings.relist_period,
              "pause between the end of one listing and the next relist");
  AddDuration(app, "--relist-threshold", flags.node.settings.relist_threshold,
              "age of the last good relist that makes PLEG unhealthy");
  AddDuration(app, "--runtime-request-timeout", flags.node.settings.runtime_request_timeout,
              "deadline of every call to the runtime");
  AddWebOptions(app, flags);
  app.add_option("--api.socket", flags.api_socket,
                 "unix socket of the gRPC API, for plegctl: unix:///path or /path; empty: none")
      ->type_name("ADDRESS")
      ->capture_default_str();
  AddKubeletOptions(app, flags);
  AddHostOptions(app, flags);
  app.add_flag("--metrics.kubelet-names", flags.kubelet_metrics,
               "serve the kubelet's own metric names too: kubelet_pleg_*, kubelet_running_*, "
               "kubelet_runtime_operations_*");
  app.add_flag("--metrics.legacy-names", flags.legacy_metrics,
               "serve those of the kubelet 1.11 too: summaries in microseconds");
  AddEventLog(app, flags);
  AddChoice(app, "--log-level", flags.log_level, "info",
            {{"debug", pleg::LogLevel::kDebug},
             {"info", pleg::LogLevel::kInfo},
             {"warn", pleg::LogLevel::kWarning},
             {"error", pleg::LogLevel::kError}});
  app.add_option("--inspect-concurrency", flags.node.inspect_concurrency,
                 "pods inspected at a time; what takes long does not count")
      ->type_name("N")
      ->check(CLI::Range(1, 256).description(""))
      ->capture_default_str();
  AddChoice(app, "--inspect", flags.node.serial_inspect, "parallel",
            {{"parallel", false}, {"serial", true}},
            "serial: one call after another, as the kubelet");
  AddChoice(app, "--sweep", flags.node.sweep, "on", {{"on", true}, {"off", false}},
            "ask running containers for their status now and then, to find one that hangs");
  AddChoice(app, "--decode", flags.node.typed_decode, "projected",
            {{"projected", false}, {"typed", true}},
            "typed: read every list item whole, to check the fast way");
  AddChoice(app, "--list-streaming", flags.node.list_streaming, "auto",
            {{"auto", true}, {"off", false}},
            "auto: ask for lists as streams where the runtime knows how (KEP-5825)");
  AddListBudget(app, flags.node.list_budget);
  AddChoice(app, "--log-format", flags.log_json, "logfmt", {{"logfmt", false}, {"json", true}});
  app.add_flag("--find-runtime", flags.find_runtime,
               "print the endpoint that would be used and why, then exit: 0 found, 3 none");
}

// CLI11 takes "--flag=" for "--flag" and the next word for its value.
std::vector<std::string> SplitEmptyValues(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    if (absl::StartsWith(word, "--") && word.find('=') == word.size() - 1) {
      words.push_back(word.substr(0, word.size() - 1));
      words.emplace_back();
    } else {
      words.push_back(word);
    }
  }
  return words;
}

void Parse(CLI::App& app, const std::vector<std::string>& words) {
  std::vector<const char*> argv;
  argv.reserve(words.size());
  for (const std::string& word : words) argv.push_back(word.c_str());
  app.parse(static_cast<int>(argv.size()), argv.data());
}

}  // namespace

ParsedFlags ParseFlags(int argc, char** argv) {
  ParsedFlags parsed;
  CLI::App app(kDescription, "plegd");
  app.footer(kFooter);
  app.set_version_flag("--version", "plegd " PLEGD_VERSION);
  app.get_formatter()->column_width(38);
  AddOptions(app, parsed.flags);
  try {
    Parse(app, SplitEmptyValues(argc, argv));
    const CLI::Option* endpoint = app.get_option("--runtime-endpoint");
    if (endpoint->count() > 0 && parsed.flags.runtime_endpoint.empty()) {
      throw CLI::ValidationError("--runtime-endpoint", "is empty");
    }
    if (parsed.flags.event_log == "-" && parsed.flags.event_log_max_bytes > 0) {
      throw CLI::ValidationError("--event-log-max-bytes", "needs a file, not standard output");
    }
    if (const absl::Status kubelet = runtime::host::KubeletProbe::Check(parsed.flags.node.kubelet);
        !kubelet.ok()) {
      throw CLI::ValidationError(std::string(kubelet.message()));
    }
    parsed.flags.api_socket_given = app.get_option("--api.socket")->count() > 0;
    parsed.flags.effective = app.config_to_str(/*default_also=*/true, /*write_description=*/false);
  } catch (const CLI::Success& done) {
    parsed.exit_code = app.exit(done);
  } catch (const CLI::ParseError& error) {
    std::cerr << "plegd: " << OneLine(error.what()) << " (see plegd --help)\n";
    parsed.exit_code = kExitUsage;
  }
  return parsed;
}

}  // namespace plegd
