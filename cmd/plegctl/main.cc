// plegctl: asks plegd what this node's pods are, what hangs, and what follows from it.

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cmd/plegctl/client.h"
#include "cmd/plegctl/commands.h"
#include "cmd/plegctl/direct.h"
#include "cmd/plegctl/explain.h"
#include "cmd/plegctl/flags.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/screen.h"
#include "cmd/plegctl/terminal.h"
#include "cmd/plegctl/text.h"
#include "cmd/standard_streams.h"

namespace {

using plegctl::Client;
using plegctl::Flags;
using plegctl::Result;
using plegctl::Terminal;

// Asks once, and renders.
using Ask = std::function<Result(const Terminal&)>;

int Print(const Result& result) {
  std::cout << result.out << std::flush;
  std::cerr << result.error << std::flush;
  // A full disk, say: what was asked for has not arrived.
  return std::cout.good() ? result.code : plegctl::kExitUnknown;
}

// While plegd does not answer, what it said last stays below what is said about that.
int WatchScreen(const Flags& flags, const Ask& ask, Terminal terminal) {
  plegctl::Screen screen;
  std::string frame;
  absl::Time answered = absl::Now();
  auto event = plegctl::Screen::Event::kTime;
  while (event != plegctl::Screen::Event::kQuit) {
    plegctl::Resize(terminal);
    const Result result = ask(terminal);
    std::string shown = result.out;
    if (!result.out.empty()) {
      frame = result.out;
      answered = absl::Now();
    } else {
      shown = absl::StrCat(result.error, "\n");
      if (!frame.empty()) {
        absl::StrAppend(&shown, "What it said ", plegctl::HumanDuration(absl::Now() - answered),
                        " ago:\n\n", frame);
      }
    }
    screen.Draw(shown, terminal);
    event = screen.Wait(flags.interval);
  }
  return plegctl::kExitSuccess;
}

// Into a file or a pipe: one after another, until the reader or a signal ends it.
int WatchStream(const Flags& flags, const Ask& ask, const Terminal& terminal) {
  while (true) {
    const Result result = ask(terminal);
    Print(result);
    if (flags.output == plegctl::Output::kYaml) std::cout << "---\n" << std::flush;
    if (flags.output == plegctl::Output::kTable || flags.output == plegctl::Output::kWide) {
      std::cout << "\n" << std::flush;
    }
    if (!std::cout) return plegctl::kExitSuccess;
    absl::SleepFor(flags.interval);
  }
}

int Answer(const Flags& flags, const Ask& ask, const Terminal& terminal) {
  if (!flags.watch) return Print(ask(terminal));
  const bool structured =
      flags.output == plegctl::Output::kJson || flags.output == plegctl::Output::kYaml;
  return isatty(STDOUT_FILENO) != 0 && !structured ? WatchScreen(flags, ask, terminal)
                                                   : WatchStream(flags, ask, terminal);
}

// A minute's patience of an operator is short: it is told what is seen so far.
void LookUntilSettled(const Flags& flags, plegctl::DirectNode& node) {
  constexpr absl::Duration kStep = absl::Milliseconds(500);
  const absl::Time start = absl::Now();
  std::cerr << "plegctl: looks at the runtime and the host for up to "
            << plegctl::HumanDuration(flags.direct_for) << '\n';
  std::string told;
  while (absl::Now() - start < flags.direct_for) {
    node.Watch(std::min(kStep, flags.direct_for));
    const plegd::v1::Diagnosis diagnosis = plegctl::DiagnoseEvidence(node.GetEvidence());
    if (plegctl::IsSettled(diagnosis)) return;
    const std::string& code = diagnosis.findings(0).code();
    if (code == told || diagnosis.starting()) continue;
    told = code;
    std::cerr << "plegctl: " << told << " after " << plegctl::HumanDuration(absl::Now() - start)
              << ", looks on\n";
  }
}

int AnswerDirectly(const Flags& flags, const Terminal& terminal) {
  plegctl::DirectNode node(PLEGD_VERSION, flags.from_here);
  // With the rights that are left for it.
  if (const std::optional<Result> cannot = plegctl::CannotSave(flags)) return Print(*cannot);
  if (const absl::Status started = node.Start(); !started.ok()) {
    std::cerr << "plegctl: " << plegctl::VisibleLines(started.message()) << '\n';
    return plegctl::kExitUnknown;
  }
  if (flags.command == plegctl::Command::kExplain) {
    if (!flags.watch) LookUntilSettled(flags, node);
    return Answer(
        flags, [&](const Terminal& now) { return ShowEvidence(flags, node.GetEvidence(), now); },
        terminal);
  }
  if (!flags.watch) node.Watch(flags.direct_for);
  return Answer(
      flags,
      [&](const Terminal& now) {
        return ShowSnapshot(flags, node.GetSnapshot(plegctl::kRecentRelists), now);
      },
      terminal);
}

int AnswerFromDaemon(const Flags& flags, const Terminal& terminal) {
  plegctl::Attempt attempt = {
      .socket = flags.socket, .timeout = flags.timeout, .version = PLEGD_VERSION};
  if (flags.command == plegctl::Command::kExplain) attempt.direct = "explain --direct";
  Client client(attempt);
  return Answer(
      flags, [&](const Terminal& now) { return Run(flags, client, now); }, terminal);
}

}  // namespace

int main(int argc, char** argv) {
  if (!cmd::HasStandardStreams()) return EXIT_FAILURE;
  const std::variant<Flags, plegctl::ExitCode> parsed = plegctl::ParseFlags(argc, argv);
  if (const auto* code = std::get_if<plegctl::ExitCode>(&parsed)) return *code;
  const Flags& flags = std::get<Flags>(parsed);
  Terminal terminal = plegctl::StandardOutput(flags.no_color);
  terminal.full_ids = flags.no_trunc;
  terminal.exact = flags.output == plegctl::Output::kWide;
  const int code =
      flags.direct ? AnswerDirectly(flags, terminal) : AnswerFromDaemon(flags, terminal);
  // Threads of gRPC's that end by themselves are not worth waiting for.
  std::cout.flush();
  _exit(code);
}
