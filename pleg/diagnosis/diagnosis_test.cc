// What holds for every diagnosis, whatever the evidence. What is found in which case is in
// test/diagnosis.

#include "pleg/diagnosis/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <concepts>
#include <limits>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/evidence_fields.h"
#include "pleg/diagnosis/explain_text.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Random evidence in which everything may be absent, contradict everything else, and be hostile.
class Fuzz {
 public:
  explicit Fuzz(uint32_t seed) : random_(seed) {}

  Evidence Make() {
    Evidence evidence;
    VisitFields(evidence, *this);
    return evidence;
  }

  // A visitor of fields, which may be of any kind.
  void operator()(absl::string_view name, auto&& value) {
    // An identifier is often one that something else has, too.
    if constexpr (std::is_same_v<decltype(value), std::string&>) {
      value = name == "id" || absl::EndsWith(name, "_id") ? Id() : Text();
    } else {
      Set(value);
    }
  }
  void Together(absl::string_view /*name*/, auto& value, const auto& visit) {
    if (Coin()) visit(value.emplace(), *this);
  }

 private:
  uint32_t Roll(uint32_t sides) { return static_cast<uint32_t>(random_()) % sides; }
  bool Coin() { return Roll(2) == 0; }

  std::string Text() {
    static const std::string kTexts[] = {"",
                                         "containerd",
                                         "cri-o",
                                         "ListContainers",
                                         "ListPodSandbox",
                                         "ContainerStatus",
                                         "PodSandboxStatus",
                                         "Status",
                                         "Version",
                                         "UNAVAILABLE",
                                         "RESOURCE_EXHAUSTED",
                                         "INTERNAL",
                                         "running",
                                         "exited",
                                         "connect: connection refused",
                                         "Permission denied",
                                         "unix:///run/k3s/containerd/containerd.sock",
                                         "nfs_wait",
                                         "fuse_wait",
                                         std::string(5000, 'x'),
                                         std::string("a\0b", 3),
                                         "\xff\xfe",
                                         "\x1b]0;evil\x07",
                                         "a\nb\r\nc",
                                         "'; reboot #",
                                         "$(reboot)",
                                         "-rf",
                                         "\u202Egnp.exe",
                                         "%s%n",
                                         "1.7.14",
                                         "v99999999999999999999",
                                         "dial tcp: connection refused"};
    return kTexts[Roll(std::size(kTexts))];
  }
  std::string Id() { return Coin() ? absl::StrCat("id", Roll(3)) : Text(); }

  absl::Duration Age() {
    static const absl::Duration kAges[] = {
        absl::ZeroDuration(),     absl::Milliseconds(3),     absl::Seconds(1),    absl::Seconds(6),
        absl::Seconds(40),        absl::Minutes(4),          absl::Hours(30),     -absl::Seconds(5),
        absl::InfiniteDuration(), -absl::InfiniteDuration(), absl::Hours(2562047)};
    return kAges[Roll(std::size(kAges))];
  }
  double Real() {
    static const double kReals[] = {0,
                                    1,
                                    50,
                                    99,
                                    100,
                                    -1,
                                    1e300,
                                    -1e300,
                                    std::numeric_limits<double>::quiet_NaN(),
                                    std::numeric_limits<double>::infinity()};
    return kReals[Roll(std::size(kReals))];
  }
  uint64_t Number() {
    static const uint64_t kNumbers[] = {0, 1, 7, 2000, 30000, 15u << 20, 20u << 20, UINT64_MAX};
    return kNumbers[Roll(std::size(kNumbers))];
  }
  void Set(bool& value) { value = Coin(); }
  void Set(char& value) { value = "RSDTtZ\n\xff"[Roll(8)]; }
  void Set(double& value) { value = Real(); }
  void Set(std::string& value) { value = Text(); }
  void Set(absl::Duration& value) { value = Age(); }
  void Set(absl::Time& value) { value = absl::UnixEpoch() + Age(); }
  void Set(Signed<absl::Duration> value) { value.value = Age(); }
  template <typename Tag>
  void Set(StringId<Tag>& value) {
    value = StringId<Tag>(Id());
  }
  template <std::integral T>
  void Set(T& value) {
    value = static_cast<T>(Coin() ? Roll(9) : Number());
  }
  template <typename T>
  requires std::is_enum_v<T>
  void Set(T& value) { value = AllOf(T())[Roll(std::size(AllOf(T())))]; }
  template <typename T>
  void Set(std::optional<T>& value) {
    T made = {};
    Set(made);
    if (Coin()) value = std::move(made);
  }
  template <typename T>
  void Set(std::vector<T>& value) {
    value.resize(Roll(6));
    for (T& element : value) Set(element);
  }
  template <typename T>
  void Set(T&& value) {
    VisitFields(value, *this);
  }

  std::mt19937 random_;
};

void ExpectLine(const std::string& line, size_t most = 1000) {
  EXPECT_EQ(Printable(line), line);
  EXPECT_LE(line.size(), most) << line.substr(0, 200);
}

// Pids are used again: a command asks first whether the process is still the one that is meant.
// What systemd or the socket is asked for has no pid here.
void ExpectGuardedKills(absl::string_view text) {
  for (size_t at = text.find("kill -"); at != absl::string_view::npos;
       at = text.find("kill -", at + 1)) {
    const size_t space = text.find(' ', at + sizeof("kill -") - 1);
    if (space == absl::string_view::npos) continue;
    absl::string_view pid = text.substr(space + 1);
    pid = pid.substr(0, pid.find_first_not_of("0123456789"));
    if (pid.empty()) continue;
    const absl::string_view before = text.substr(0, at);
    const auto ends_with = [&](const char* grep, const char* file) {
      return absl::StrContains(before, grep) &&
             absl::EndsWith(before, absl::StrCat("/proc/", pid, "/", file, " && "));
    };
    EXPECT_TRUE(ends_with("grep -Eq '\\)\\s.(\\s[-0-9]+){18}\\s", "stat") ||
                ends_with("grep -Fqx ", "comm") || ends_with("grep -q ", "cgroup"))
        << text;
  }
}

bool RestartsKubelet(const Action& action) {
  return absl::StrContains(action.command, "restart kubelet") ||
         absl::StrContains(action.command, "restart k3s") ||
         absl::StrContains(action.command, "kubelite");
}

void ExpectSound(const Diagnosis& diagnosis) {
  ASSERT_FALSE(diagnosis.findings.empty());
  EXPECT_FALSE(diagnosis.headline.empty());
  ExpectLine(diagnosis.headline, 360);
  ExpectLine(diagnosis.forecast, 360);
  EXPECT_EQ(diagnosis.exclusions.size(), std::size(kSubjects));
  std::set<VerdictCode> codes;
  bool latent = false;
  for (const Finding& finding : diagnosis.findings) {
    EXPECT_TRUE(codes.insert(finding.code).second) << VerdictCodeName(finding.code);
    latent |= finding.code == VerdictCode::kLatentHang;
    EXPECT_FALSE(finding.sentence.empty());
    ExpectLine(finding.sentence, kMaxSentence);
    ExpectGuardedKills(finding.sentence);
    for (const std::string& line : finding.supports) ExpectLine(line);
    for (const std::string& line : finding.contradicts) ExpectLine(line);
    bool disruptive = false;
    for (const Action& action : finding.actions) {
      ExpectLine(action.text);
      ExpectLine(action.command, 6000);
      ExpectGuardedKills(action.command);
      EXPECT_FALSE(disruptive && !action.disruptive) << "a safe action after a disruptive one";
      disruptive = action.disruptive;
    }
  }
  for (const Finding& finding : diagnosis.findings) {
    for (const Action& action : finding.actions) {
      EXPECT_FALSE(latent && RestartsKubelet(action)) << action.command;
    }
  }
  EXPECT_TRUE(codes.size() == 1 || codes.count(VerdictCode::kHealthy) == 0);
  for (const Exclusion& exclusion : diagnosis.exclusions) ExpectLine(exclusion.figure, 200);
  for (const Hint& hint : diagnosis.hints) ExpectLine(hint.text, 310);
  for (const std::string& line : diagnosis.particulars) ExpectLine(line, 310);
}

TEST(DiagnosisTest, IsSoundWhateverTheEvidence) {
  const uint32_t seed = std::random_device()();
  std::set<VerdictCode> seen;
  for (uint32_t i = 0; i < 3000; ++i) {
    SCOPED_TRACE(absl::StrCat("seed ", seed + i));
    const Evidence evidence = Fuzz(seed + i).Make();
    const Diagnosis diagnosis = Diagnose(evidence);
    ExpectSound(diagnosis);
    for (const Finding& finding : diagnosis.findings) seen.insert(finding.code);
    const std::string text = ExplainText(diagnosis, {.all = true});
    EXPECT_EQ(text, ExplainText(Diagnose(evidence), {.all = true})) << "not deterministic";
    if (HasFailure()) break;
  }
  std::string missing;
  for (size_t i = 0; i < kVerdictCodes; ++i) {
    const auto code = static_cast<VerdictCode>(i);
    if (seen.count(code) == 0) absl::StrAppend(&missing, " ", VerdictCodeName(code));
  }
  // HEALTHY is never said of such a node.
  EXPECT_GE(seen.size(), kVerdictCodes - 4) << "the evidence is too poor to try:" << missing;
}

TEST(DiagnosisTest, OfNothingIsNotHealthy) {
  const Diagnosis diagnosis = Diagnose({});
  ExpectSound(diagnosis);
  EXPECT_EQ(diagnosis.findings.front().code, VerdictCode::kStarting);
}

// Anybody can have any number of parents that do not reap, or of FUSE connections.
TEST(DiagnosisTest, ManyOfAKindDoNotFloodTheHints) {
  Evidence evidence;
  evidence.host.emplace();
  for (int pid = 1000; pid < 2000; ++pid) {
    evidence.host->zombies.push_back({pid, "", 20});
    evidence.host->fuse.push_back({absl::StrCat(pid), "", 1, absl::Minutes(5)});
  }
  evidence.host->zombies.push_back({77, "containerd-shim", 500});
  evidence.host->headroom.push_back({"pids", 99});
  std::vector<std::string> hints;
  for (const Hint& hint : Diagnose(evidence).hints) hints.push_back(hint.text);
  EXPECT_LT(hints.size(), 20u);
  EXPECT_THAT(hints, Contains("500 zombies that containerd-shim (pid 77) does not reap"));
  EXPECT_THAT(hints, Contains("20 zombies that pid 1000 does not reap"));
  EXPECT_THAT(hints, Contains("pids: 99 % used"));
}

// A status hangs on a task that waits in a FUSE request.
Evidence HungOnFuse() {
  Evidence evidence;
  evidence.observed_for = absl::Hours(1);
  evidence.runtime.connected = true;
  evidence.runtime.connection_for = absl::Hours(1);
  evidence.relist.last_good_ago = absl::Milliseconds(500);
  MethodEvidence list;
  list.method = "ListContainers";
  list.answered_ago = absl::Milliseconds(500);
  evidence.methods.push_back(list);
  UnansweredEvidence call;
  call.method = "ContainerStatus";
  call.object.id = ContainerId("c1");
  call.object.pod_uid = PodUid("8a1f");
  call.age = absl::Seconds(90);
  call.attempts = 1;
  call.pod_pending = true;
  evidence.unanswered.push_back(call);
  evidence.host.emplace();
  BlockedGroup group;
  group.wait_function = "request_wait_answer";
  group.count = 1;
  group.oldest = absl::Seconds(90);
  group.example_pid = 4711;
  group.example_name = "app";
  group.example_container = ContainerId("c1");
  evidence.host->blocked.push_back(group);
  return evidence;
}

std::vector<std::string> Commands(const Evidence& evidence) {
  std::vector<std::string> commands;
  const Diagnosis diagnosis = Diagnose(evidence);
  for (const Action& action : diagnosis.findings.front().actions) {
    commands.push_back(action.command);
  }
  return commands;
}

std::vector<std::string> AdvisedAborts(const Evidence& evidence) {
  std::vector<std::string> commands = Commands(evidence);
  std::erase_if(commands, [](const auto& c) { return !absl::StrContains(c, "/fuse/"); });
  return commands;
}

TEST(DiagnosisTest, NoFuseConnectionOfSomebodyElseIsToBeAborted) {
  constexpr char kLook[] = "grep . /sys/fs/fuse/connections/*/waiting";
  Evidence evidence = HungOnFuse();
  evidence.host->fuse.push_back({"50", "/mnt/eve/ssh", 1, absl::Minutes(9)});
  EXPECT_THAT(AdvisedAborts(evidence), ElementsAre(HasSubstr("/connections/50/abort")));
  evidence.host->fuse.push_back({"51", "/mnt/eve/other", 1, absl::Minutes(9)});
  EXPECT_THAT(AdvisedAborts(evidence), ElementsAre(kLook));
  evidence.host->fuse.push_back(
      {"57", "/var/lib/kubelet/pods/8a1f/volumes/s3", 4, absl::Seconds(90)});
  EXPECT_THAT(AdvisedAborts(evidence), ElementsAre(HasSubstr("/connections/57/abort")));
}

// Its number alone may be another one's by the time that the command is run.
TEST(DiagnosisTest, NoFuseConnectionWithoutAMountPointIsToBeAborted) {
  Evidence evidence = HungOnFuse();
  evidence.host->fuse.push_back({"50", "", 1, absl::Minutes(9)});
  EXPECT_THAT(AdvisedAborts(evidence), IsEmpty());
  EXPECT_THAT(Commands(evidence),
              Contains("grep -lE '^[0-9]+ [0-9]+ 0:50 ' /proc/[0-9]*/mountinfo"));
}

// Of a shim that cannot be told from a later process with its pid.
TEST(DiagnosisTest, NoHalfACommand) {
  Evidence evidence = HungOnFuse();
  evidence.host->blocked.clear();
  ShimEvidence shim;
  shim.object = evidence.unanswered.front().object;
  shim.shim = ProcessEvidence();
  shim.shim->pid = 4711;
  shim.shim->name = "containerd-shim";
  evidence.host->shims.push_back(shim);
  EXPECT_THAT(Commands(evidence), Contains(HasSubstr("kill -USR1 4711")));
  evidence.host->shims.front().shim->name = "containerd-shim\x01";
  EXPECT_THAT(Commands(evidence), Not(Contains(EndsWith("&& "))));
}

TEST(VerdictTest, NamesAreReadBack) {
  for (size_t i = 0; i < kVerdictCodes; ++i) {
    const auto code = static_cast<VerdictCode>(i);
    EXPECT_EQ(ParseVerdictCode(VerdictCodeName(code)), code);
  }
  EXPECT_FALSE(ParseVerdictCode("list_lock_convoy").has_value());
  EXPECT_FALSE(ParseVerdictCode("").has_value());
}

}  // namespace
}  // namespace pleg
