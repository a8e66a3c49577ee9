// One drill for a person: breaks a private node, shows what `plegctl explain` says, heals it, shows
// it again.

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "test/drills/drill.h"
#include "test/process/plegd_process.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kSkipped = 77;
constexpr absl::Duration kPatience = absl::Seconds(20);

struct Answer {
  int code = -1;
  std::string text;
};

class Player {
 public:
  Player(const Drill& drill, bool hold) : drill_(drill), hold_(hold) {}

  // True if plegd was right.
  absl::StatusOr<bool> Play() {
    absl::StatusOr<std::unique_ptr<Incident>> incident = drill_.make(ground_);
    if (!incident.ok()) return incident.status();
    incident_ = *std::move(incident);
    if (absl::Status status = incident_->Prepare(); !status.ok()) return status;
    Say("the node: ", incident_->node());
    if (!drill_.cold) {
      if (absl::Status status = StartPlegd("/readyz"); !status.ok()) return status;
      Say("plegd watches it; now: ", drill_.summary);
    } else {
      Say("now: ", drill_.summary);
    }
    if (absl::Status status = incident_->Break(); !status.ok()) return status;
    if (drill_.cold) {
      if (absl::Status status = StartPlegd("/livez"); !status.ok()) return status;
    }
    const bool found = Show({drill_.code}, incident_->victims());
    Hold();
    Say("it is healed");
    if (absl::Status status = incident_->Heal(); !status.ok()) return status;
    return Show({"HEALTHY", "WARNING", drill_.afterwards}, {}) && found;
  }

 private:
  template <typename... Parts>
  static void Say(const Parts&... parts) {
    std::cout << "drill: " << absl::StrCat(parts...) << std::endl;
  }

  std::string socket() const { return incident_->dir() + "/plegctl.sock"; }

  absl::Status StartPlegd(const std::string& when) {
    PlegdOptions options = {.relist_period = "1s", .flags = incident_->plegd_flags()};
    options.flags.push_back(absl::StrCat("--api.socket=unix://", socket()));
    options.wrapper = incident_->starter(drill_.confined);
    options.started_when = when;
    absl::StatusOr<std::unique_ptr<PlegdProcess>> plegd =
        PlegdProcess::Start(incident_->endpoint(), incident_->dir(), options);
    if (!plegd.ok()) return plegd.status();
    plegd_ = *std::move(plegd);
    return absl::OkStatus();
  }

  Answer Explain() const {
    const std::string command =
        absl::StrCat("PLEGD_SOCKET=", socket(), " " PLEGCTL_BINARY " explain 2>&1");
    Answer answer;
    std::FILE* output = popen(command.c_str(), "re");
    if (output == nullptr) return answer;
    std::array<char, 4096> buffer{};
    size_t size = 0;
    while ((size = fread(buffer.data(), 1, buffer.size(), output)) > 0) {
      answer.text.append(buffer.data(), size);
    }
    const int status = pclose(output);
    if (WIFEXITED(status)) answer.code = WEXITSTATUS(status);
    return answer;
  }

  // One of the codes, and all of the victims, one of them in the first line.
  static bool Fits(const std::string& text, const std::vector<std::string>& codes,
                   const std::vector<Victim>& victims) {
    const std::string first = text.substr(0, text.find('\n'));
    const auto told = [&](const std::string& code) {
      return !code.empty() && absl::StartsWith(first, absl::StrCat(code, ": "));
    };
    const auto leads = [&](const Victim& v) { return absl::StrContains(first, v.pod_name); };
    const auto named = [&](const Victim& v) { return absl::StrContains(text, v.pod_name); };
    return std::any_of(codes.begin(), codes.end(), told) &&
           (victims.empty() || std::any_of(victims.begin(), victims.end(), leads)) &&
           std::all_of(victims.begin(), victims.end(), named);
  }

  // Waits for that, and shows what it got.
  bool Show(const std::vector<std::string>& codes, const std::vector<Victim>& victims) const {
    const absl::Time start = absl::Now();
    Answer answer;
    const bool found = WaitUntil(
        [&] {
          answer = Explain();
          return Fits(answer.text, codes, victims);
        },
        kPatience);
    std::cout << absl::StrFormat("\n$ plegctl explain    # %.1f s later\n",
                                 absl::ToDoubleSeconds(absl::Now() - start))
              << answer.text << "$ echo $?\n"
              << answer.code << "\n"
              << std::endl;
    if (!found) {
      Say("WRONG: expected ", codes.front());
      for (const Victim& victim : victims) Say("… of ", victim.pod_name);
    }
    return found;
  }

  void Hold() const {
    if (!hold_) return;
    Say("in another terminal: export PLEGD_SOCKET=", socket(), "; Enter heals it");
    std::string line;
    std::getline(std::cin, line);
  }

  const Drill& drill_;
  const bool hold_;
  DrillGround ground_;
  std::unique_ptr<Incident> incident_;
  std::unique_ptr<PlegdProcess> plegd_;
};

void PrintDrills(std::ostream& out) {
  out << "usage: drill NAME [--hold]\n";
  for (const bool real : {true, false}) {
    out << (real ? "\non a private containerd, as root:\n" : "\non a simulated runtime:\n");
    for (const Drill& drill : Drills()) {
      if (drill.real != real) continue;
      out << absl::StrFormat("  %-23s %s: %s\n", drill.name, drill.code, drill.summary);
    }
  }
  out << "\n  --hold                  waits for Enter before it heals\n";
}

int Main(const std::vector<std::string>& arguments) {
  bool hold = false;
  const Drill* drill = nullptr;
  for (const std::string& argument : arguments) {
    if (argument == "--hold") {
      hold = true;
    } else if (drill != nullptr || (drill = FindDrill(argument)) == nullptr) {
      std::cerr << "drill: no such drill: " << argument << "\n";
      PrintDrills(std::cerr);
      return kUsage;
    }
  }
  if (drill == nullptr) {
    PrintDrills(std::cout);
    return 0;
  }
  const std::string reason = drill->real ? Containerd::Unavailable() : "";
  if (!reason.empty()) {
    std::cerr << "drill: cannot play here: " << reason << "\n";
    return kSkipped;
  }
  signal(SIGPIPE, SIG_IGN);
  const absl::StatusOr<bool> right = Player(*drill, hold).Play();
  if (!right.ok()) std::cerr << "drill: " << right.status() << "\n";
  return right.ok() && *right ? 0 : kFailed;
}

}  // namespace
}  // namespace plegd_testing

int main(int argc, char** argv) { return plegd_testing::Main({argv + 1, argv + argc}); }
