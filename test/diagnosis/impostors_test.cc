// What is named like a part of the node and is none changes nothing that plegd says: neither in the
// evidence, whatever it is named and does, nor in a diagnosis by any rule.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "api/evidence_proto.h"
#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/explain_text.h"
#include "plegd/v1/evidence.pb.h"
#include "runtime/host/host_sample.h"
#include "runtime/host/host_tracker.h"
#include "runtime/host/testing/fixture_tree.h"
#include "test/diagnosis/scenario.h"
#include "test/process/scratch_dir.h"
#include "test/process/subprocess.h"

namespace diagnosis_test {
namespace {

using ::runtime::host::FixtureTree;
using ::runtime::host::HostPaths;
using ::runtime::host::HostQuestion;
using ::runtime::host::HostSample;
using ::runtime::host::HostTracker;
using ::runtime::host::TakeHostSample;
using ::runtime::host::WatchedObject;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kSandbox(64, '5');
const std::string kContainer(64, 'c');
const std::string kVictim(64, '7');
const std::string kNul(1, '\0');

constexpr const char* kNames[] = {"containerd",
                                  "crio",
                                  "dockerd",
                                  "cri-dockerd",
                                  "containerd-shim",
                                  "containerd-shi",
                                  "containerd-shim-s",
                                  "conmon",
                                  "conmonrs",
                                  "runc",
                                  "crun",
                                  "youki",
                                  "kata-runtime",
                                  "runsc",
                                  "runc:[0:PARENT]",
                                  "runc:[1:CHILD]",
                                  "runc:[2:INIT]",
                                  "crun:[x]",
                                  "kubelet",
                                  "kubelite",
                                  "dbus-daemon",
                                  "dbus-broker",
                                  "calico",
                                  "systemd",
                                  "k3s-server"};

std::string Cgroup(const std::string& container, const std::string& below = "") {
  return absl::StrCat("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-", container, ".scope",
                      below, "\n");
}

// How somebody on the node may come to be: all but the first as a pod can.
struct Way {
  const char* what;
  std::string uids;
  std::string cgroup;
  int parent;
};
const std::vector<Way>& Ways() {
  static const auto& ways = *new std::vector<Way>{
      {"a user of the node", "1000\t1000\t1000\t1000", "0::/user.slice/session-1.scope\n", 1},
      {"a user's unit", "1000\t1000\t1000\t1000",
       "0::/user.slice/user-1000.slice/user@1000.service/app.slice/dbus.service\n", 1},
      {"started through a program with the s bit", "1000\t0\t0\t0", "0::/\n", 1},
      {"nobody, without a container", "65534\t65534\t65534\t65534", "0::/\n", 1},
      {"nobody, in a container", "65534\t65534\t65534\t65534", Cgroup(kContainer), 62},
      {"root in a container", "0\t0\t0\t0", Cgroup(kContainer), 62},
      {"a container's first process", "0\t0\t0\t0", Cgroup(kContainer), 60},
      {"nobody as that", "65534\t65534\t65534\t65534", Cgroup(kContainer), 60},
      {"left alone by its shim", "0\t0\t0\t0", Cgroup(kContainer), 1},
      {"root in a user namespace", "100000\t100000\t100000\t100000", Cgroup(kContainer), 62},
      {"in a cgroup named like another's", "0\t0\t0\t0",
       Cgroup(kContainer, absl::StrCat("/cri-containerd-", kVictim, ".scope")), 62},
      {"in a cgroup named like a monitor's", "0\t0\t0\t0",
       Cgroup(kContainer, absl::StrCat("/crio-conmon-", kVictim, ".scope")), 62},
      {"in a cgroup named like a unit", "0\t0\t0\t0",
       Cgroup(kContainer, "/system.slice/dbus.service"), 62},
      {"with a PID namespace and a systemd of its own", "100000\t100000\t100000\t100000",
       "0::/lxc.payload.tenant/system.slice/dbus.service\n", 1},
      {"in version 1, out of its freezer", "0\t0\t0\t0",
       absl::StrCat("5:freezer:/\n4:memory:/kubepods/", kContainer, "\n0::/\n"), 62},
      {"with an owner that cannot be read", "", "0::/\n", 1},
  };
  return ways;
}

// A node with a pod of one container.
void AddNode(const FixtureTree& tree) {
  tree.Write("proc/self/cgroup", "0::/system.slice/plegd.service\n");
  tree.Add({.pid = 1, .parent = 0, .comm = "systemd"});
  tree.Add({.pid = 50, .comm = "containerd"});
  tree.Add({.pid = 60, .comm = "containerd-shim"});
  tree.Write("proc/60/cmdline", absl::StrCat("shim", kNul, "-id", kNul, kSandbox, kNul));
  tree.Add({.pid = 61, .parent = 60, .comm = "pause", .cgroup = Cgroup(kSandbox)});
  tree.Add({.pid = 62, .parent = 60, .comm = "sh", .cgroup = Cgroup(kContainer)});
  for (const std::string& id : {kSandbox, kContainer, kVictim}) {
    tree.Write(absl::StrCat("tasks/", id, "/config.json"), "{}");
  }
}

WatchedObject Watch(const std::string& id, const std::string& sandbox, const char* state) {
  WatchedObject watched;
  watched.object.id = pleg::ContainerId(id);
  watched.sandbox = pleg::ContainerId(sandbox);
  watched.listed_state = state;
  watched.silent = true;
  return watched;
}

// What two looks at `sample` tell, a minute apart.
pleg::HostEvidence EvidenceOf(HostSample sample) {
  const std::vector<WatchedObject> watched = {Watch(kContainer, kSandbox, "running"),
                                              Watch(kSandbox, kSandbox, "ready"),
                                              Watch(kVictim, kVictim, "exited")};
  HostTracker tracker;
  tracker.Update(sample, watched);
  sample.uptime_seconds += 60;
  return tracker.Update(sample, watched);
}

// A node on which processes say all they can to be taken for it, one of each name, with a child
// that is blocked.
class Stage {
 public:
  explicit Stage(const Way& way) : way_(way) { AddNode(tree_); }

  HostSample Look(const std::vector<std::string>& names, bool all_readable) {
    int pid = 100;
    for (const std::string& name : names) {
      Add(pid, way_.parent, name, all_readable ? 'T' : 'S', name, all_readable);
      Add(pid + 1, pid, "bridge", 'D', name, all_readable);
      pid += 2;
    }
    HostQuestion question;
    question.directories.task_roots = {tree_.Path("tasks")};
    question.silent = {kContainer};
    HostSample sample = TakeHostSample(tree_.paths(), question);
    // What is compared is not when it was taken.
    sample.uptime_seconds = 1000;
    return sample;
  }

 private:
  void Add(int pid, int parent, const std::string& comm, char state, const std::string& program,
           bool all_readable) {
    const std::string dir = absl::StrCat("proc/", pid, "/");
    tree_.Add({.pid = pid,
               .parent = parent,
               .comm = comm,
               .state = state,
               .cgroup = way_.cgroup,
               .wait_channel = "io_schedule",
               .command = absl::StrCat(program, kNul, "-id", kNul, kVictim, kNul, "--cid", kNul,
                                       kVictim, kNul, "update", kNul, kVictim, kNul),
               .uids = way_.uids});
    for (const char* link : {"exe", "cwd", "environ"}) tree_.Remove(dir + link);
    if (!all_readable) return;
    tree_.Link(dir + "exe", absl::StrCat("/usr/bin/", program));
    tree_.Link(dir + "cwd", absl::StrCat("/run/k8s.io/", kVictim));
    tree_.Write(dir + "environ", absl::StrCat("CNI_COMMAND=ADD", kNul, "CNI_CONTAINERID=", kVictim,
                                              kNul, "CNI_ARGS=K8S_POD_NAME=db", kNul));
  }

  const Way& way_;
  const FixtureTree tree_;
};

// All that is told but that there are such names.
std::string Told(pleg::HostEvidence evidence) {
  evidence.look_alikes.clear();
  evidence.look_alike_count = 0;
  for (pleg::BlockedGroup& group : evidence.blocked) group.example_name.clear();
  plegd::v1::HostEvidence message;
  api::HostEvidenceToProto(evidence, message);
  return message.DebugString();
}

TEST(ImpostorsTest, NothingIsToldOfWhatIsOnlyNamedLikeTheNodes) {
  const std::vector<std::string> names(std::begin(kNames), std::end(kNames));
  const std::vector<std::string> innocent(names.size(), "sleep");
  for (const Way& way : Ways()) {
    Stage stage(way);
    for (const bool all_readable : {true, false}) {
      SCOPED_TRACE(absl::StrCat(way.what, all_readable ? ", read by root" : ", read by the unit"));
      const HostSample sample = stage.Look(names, all_readable);
      const HostSample control = stage.Look(innocent, all_readable);
      EXPECT_EQ(Told(EvidenceOf(sample)), Told(EvidenceOf(control)));
      EXPECT_EQ(sample.containers, control.containers);
      EXPECT_EQ(sample.look_alike_count, 21u);
      EXPECT_EQ(control.look_alike_count, 0u);
    }
  }
}

// So that the test above could fail.
TEST(ImpostorsTest, OfTheNodesOwnItIsTold) {
  const Way own = {"", "0\t0\t0\t0", "0::/\n", 1};
  Stage stage(own);
  for (const char* name : {"containerd", "containerd-shim", "conmon", "runc", "kubelet"}) {
    for (const bool all_readable : {true, false}) {
      EXPECT_NE(Told(EvidenceOf(stage.Look({name}, all_readable))),
                Told(EvidenceOf(stage.Look({"sleep"}, all_readable))))
          << name;
    }
  }
}

// Their names alone, whatever else is wrong.
TEST(ImpostorsTest, NoRuleSaysAnythingElseForThem) {
  Stage stage(Ways().front());
  const HostSample sample = stage.Look({std::begin(kNames), std::end(kNames)}, true);
  ASSERT_FALSE(sample.look_alikes.empty());
  size_t looked_at = 0;
  std::ptrdiff_t told = 0;
  for (const Scenario& scenario : LoadScenarios(PLEGD_SCENARIOS)) {
    if (!scenario.evidence.host.has_value()) continue;
    SCOPED_TRACE(absl::StrCat(scenario.code, "/", scenario.name));
    pleg::Evidence evidence = scenario.evidence;
    pleg::Diagnosis without = pleg::Diagnose(evidence);
    evidence.host->look_alikes = sample.look_alikes;
    evidence.host->look_alike_count = sample.look_alike_count;
    pleg::Diagnosis with = pleg::Diagnose(evidence);
    const auto names_one = [](const pleg::Hint& hint) {
      return absl::StrContains(hint.text, "calls itself containerd, and is left out");
    };
    if (with.hints.size() > without.hints.size()) {
      told += std::count_if(with.hints.begin(), with.hints.end(), names_one);
    }
    with.hints.clear();
    without.hints.clear();
    EXPECT_EQ(pleg::ExplainText(with, {.all = true}), pleg::ExplainText(without, {.all = true}));
    ++looked_at;
  }
  EXPECT_GT(looked_at, 100u);
  EXPECT_GT(told, 50);
}

// A cgroup of a container, in whatever tree this host has; empty where none can be made.
class ContainerCgroup {
 public:
  ContainerCgroup() {
    for (const char* tree :
         {"/sys/fs/cgroup/freezer", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
      if (access(absl::StrCat(tree, "/cgroup.procs").c_str(), W_OK) != 0) continue;
      const std::string path = absl::StrCat(tree, "/plegd-test-", getpid());
      const std::string own = absl::StrCat(path, "/", kContainer);
      if (mkdir(path.c_str(), 0755) != 0) continue;
      parent_ = path;
      if (mkdir(own.c_str(), 0755) == 0) path_ = own;
      return;
    }
  }
  ~ContainerCgroup() {
    if (!path_.empty()) rmdir(path_.c_str());
    if (!parent_.empty()) rmdir(parent_.c_str());
  }
  ContainerCgroup(const ContainerCgroup&) = delete;
  ContainerCgroup& operator=(const ContainerCgroup&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string parent_;
  std::string path_;
};

// A process of nobody's. Ended by the destructor.
class Impostor {
 public:
  Impostor(const char* name, const std::string& directory, const std::string& cgroup, bool stopped)
      : pid_(fork()) {
    if (pid_ != 0) {
      Await(name, stopped);
      return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!cgroup.empty()) std::ofstream(cgroup + "/cgroup.procs") << getpid() << std::flush;
    if (chdir(directory.c_str()) != 0 || setresgid(65534, 65534, 65534) != 0 ||
        setresuid(65534, 65534, 65534) != 0) {
      _exit(1);
    }
    prctl(PR_SET_NAME, name);
    if (stopped) raise(SIGSTOP);
    while (true) pause();
  }
  ~Impostor() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Impostor(const Impostor&) = delete;
  Impostor& operator=(const Impostor&) = delete;
  pid_t pid() const { return pid_; }

 private:
  void Await(absl::string_view name, bool stopped) const {
    const std::string wanted =
        absl::StrCat("(", name.substr(0, 15), ") ", stopped ? "T" : "S", " ");
    for (int i = 0; i < 4000; ++i) {
      if (absl::StrContains(plegd_testing::ReadFile(absl::StrCat("/proc/", pid_, "/stat")), wanted))
        return;
      absl::SleepFor(absl::Milliseconds(5));
    }
    ADD_FAILURE() << "it does not come to be " << wanted;
  }

  const pid_t pid_;
};

// What this host is told of with root's rights, or with those of the packaged unit: none.
pleg::HostEvidence LookAtThisHost(bool with_capabilities) {
  const plegd_testing::ScratchDir dir;
  const std::string file = dir.File("evidence");
  const pid_t child = fork();
  if (child == 0) {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    if (!with_capabilities && syscall(SYS_capset, &header, none) != 0) _exit(1);
    HostQuestion question;
    question.silent = {kContainer};
    const pleg::HostEvidence evidence = EvidenceOf(TakeHostSample(HostPaths{}, question));
    std::ofstream(file, std::ios::binary) << api::SerializeHostEvidence(evidence) << std::flush;
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  const auto evidence = api::ParseHostEvidence(plegd_testing::ReadFile(file));
  EXPECT_TRUE(evidence.ok());
  return evidence.value_or(pleg::HostEvidence());
}

void ExpectNoneOf(const std::string& text, pid_t pid) {
  for (const char* before : {"pid ", "/proc/", "-KILL ", "-CONT ", "-USR1 ", "process "}) {
    const std::string named = absl::StrCat(before, pid);
    for (const char* after : {")", "/", " ", ".", "\n"}) {
      EXPECT_THAT(text, Not(HasSubstr(named + after)));
    }
  }
}

void ExpectNowhere(pleg::Diagnosis diagnosis, pid_t pid) {
  diagnosis.hints.clear();
  ExpectNoneOf(pleg::ExplainText(diagnosis, {.all = true}), pid);
}

// As any pod can: without a right, but for its own name, directory and files.
TEST(ImpostorsTest, RealOnesOfNobodysAreToldOfAndNeverBlamed) {
  if (geteuid() != 0) GTEST_SKIP() << "takes root, to become nobody";
  const plegd_testing::ScratchDir dir;
  ASSERT_EQ(chmod(dir.path().c_str(), 0755), 0);
  const std::string bundle = dir.File(kVictim);
  ASSERT_EQ(mkdir(bundle.c_str(), 0755), 0);
  std::ofstream(bundle + "/config.json")
      << R"({"annotations":{"io.kubernetes.cri.sandbox-name":"ledger-db-0",)"
      << R"("io.kubernetes.cri.sandbox-namespace":"payments-prod"}})";
  const ContainerCgroup cgroup;
  std::vector<std::unique_ptr<Impostor>> impostors;
  const auto add = [&](const char* name, const std::string& in, bool stopped) {
    impostors.push_back(std::make_unique<Impostor>(name, bundle, in, stopped));
  };
  add("containerd-shim-s", "", true);
  add("containerd", "", true);
  add("runc", "", false);
  if (!cgroup.path().empty()) {
    add("runc:[2:INIT]", cgroup.path(), false);
    add("kubelet", cgroup.path(), true);
  }
  const std::vector<Scenario> scenarios = LoadScenarios(PLEGD_SCENARIOS);
  for (const bool with_capabilities : {true, false}) {
    SCOPED_TRACE(with_capabilities ? "with capabilities" : "without");
    const pleg::HostEvidence seen = LookAtThisHost(with_capabilities);
    for (const Scenario& scenario : scenarios) {
      if (!scenario.evidence.host.has_value()) continue;
      SCOPED_TRACE(absl::StrCat(scenario.code, "/", scenario.name));
      pleg::Evidence evidence = scenario.evidence;
      pleg::HostEvidence& host = *evidence.host;
      host.shims = seen.shims;
      host.oci_processes = seen.oci_processes;
      host.cni_processes = seen.cni_processes;
      host.runtime_process = seen.runtime_process;
      host.kubelet_process = seen.kubelet_process;
      host.dbus = seen.dbus;
      const pleg::Diagnosis diagnosis = pleg::Diagnose(evidence);
      for (const auto& impostor : impostors) ExpectNowhere(diagnosis, impostor->pid());
      EXPECT_THAT(pleg::ExplainText(diagnosis, {.all = true}), Not(HasSubstr("ledger-db")));
    }
    EXPECT_GE(seen.look_alike_count, impostors.size());
    for (const auto& impostor : impostors) {
      const auto known = std::find_if(
          seen.look_alikes.begin(), seen.look_alikes.end(),
          [&](const pleg::LookAlike& process) { return process.pid == impostor->pid(); });
      ASSERT_NE(known, seen.look_alikes.end());
      EXPECT_THAT(known->reason, testing::AnyOf("its owner is uid 65534",
                                                "it is in the cgroup of container ccccccccccccc",
                                                "no OCI runtime is its parent"));
    }
  }
}

}  // namespace
}  // namespace diagnosis_test
