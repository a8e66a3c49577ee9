// containerd_keeper: holds a private containerd and everything that containerd starts, and leaves
// nothing of it behind, however the test that asked for it ends.
//
//   containerd_keeper check                      can this machine do it? 0, or 1 and the reason
//   containerd_keeper run DIR CGROUP COMMAND...  keep COMMAND, a containerd
//
// `run` goes into the background, out of reach of whoever kills its caller's process tree, with a
// mount namespace of its own (DIR/data in memory, an own /run and /var/lib) and as the reaper of
// orphaned shims and containers. It answers lines on its input: first, unasked, "ready"; to
// "start", the pid of a new COMMAND. The end of its input means the caller is gone: it kills its
// descendants, removes the cgroup CGROUP from every hierarchy and the directory DIR, says "clean"
// or what it had to leave, and exits.

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr char kCgroupRoot[] = "/sys/fs/cgroup";
constexpr int kCleanupRounds = 1000;
constexpr int kCleanupRoundMillis = 10;

// An outcome in words: empty is success.
using Problem = std::string;

Problem SystemError(const std::string& what) { return what + ": " + std::strerror(errno); }

std::vector<fs::path> CgroupMounts() {
  std::vector<fs::path> result;
  std::ifstream mounts("/proc/self/mounts");
  std::string source, target, type, rest;
  while (mounts >> source >> target >> type && std::getline(mounts, rest)) {
    if (type == "cgroup" || type == "cgroup2") result.emplace_back(target);
  }
  return result;
}

Problem MountTmpfs(const fs::path& target) {
  std::error_code error;
  fs::create_directories(target, error);
  if (mount("tmpfs", target.c_str(), "tmpfs", 0, "mode=0755") != 0) {
    return SystemError("cannot mount a tmpfs on " + target.string());
  }
  return "";
}

// Has `target` be a directory of its own, where all is as it was except for what is named.
Problem MountOwn(const std::string& target, const fs::path& own,
                 const std::set<std::string>& except) {
  if (Problem problem = MountTmpfs(own); !problem.empty()) return problem;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(target, error)) {
    const fs::path name = entry.path().filename();
    if (except.count(name.string()) > 0) continue;
    if (entry.is_symlink(error)) {
      fs::copy_symlink(entry.path(), own / name, error);
    } else if (entry.is_directory(error)) {
      fs::create_directory(own / name, error);
      mount(entry.path().c_str(), (own / name).c_str(), nullptr, MS_BIND | MS_REC, nullptr);
    }
  }
  if (mount(own.c_str(), target.c_str(), nullptr, MS_MOVE, nullptr) != 0) {
    return SystemError("cannot mount an own " + target);
  }
  return "";
}

Problem EnterPrivateMounts() {
  if (unshare(CLONE_NEWNS) != 0) return SystemError("cannot have a mount namespace");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return SystemError("cannot make the mounts private");
  }
  if (CgroupMounts().empty() && mount("cgroup2", kCgroupRoot, "cgroup2", 0, nullptr) != 0) {
    return SystemError("no cgroup hierarchy is mounted, nor can one be");
  }
  return "";
}

Problem PrepareMounts(const fs::path& dir) {
  if (Problem problem = EnterPrivateMounts(); !problem.empty()) return problem;
  if (Problem problem = MountTmpfs(dir / "data"); !problem.empty()) return problem;
  // Shims put their sockets and runc its state below /run/containerd, pods their network namespaces
  // below /run/netns and CNI its results below /var/lib/cni, whatever the configuration says.
  Problem problem = MountOwn("/run", dir / "run", {"containerd", "netns"});
  return problem.empty() ? MountOwn("/var/lib", dir / "lib", {"cni"}) : problem;
}

// Post-order: a cgroup goes only after its children. Returns whether the cgroup is gone.
bool RemoveCgroup(const fs::path& cgroup) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(cgroup, error)) {
    if (entry.is_directory(error)) RemoveCgroup(entry.path());
  }
  return rmdir(cgroup.c_str()) == 0 || errno == ENOENT;
}

// A frozen process does not even die of SIGKILL in the older hierarchy.
void Thaw(const fs::path& cgroup) {
  std::error_code error;
  if (!fs::is_directory(cgroup, error)) return;
  if (std::ofstream v1(cgroup / "freezer.state"); v1) v1 << "THAWED" << std::flush;
  if (fs::exists(cgroup / "cgroup.freeze", error)) {
    std::ofstream(cgroup / "cgroup.freeze") << "0" << std::flush;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(cgroup, error)) {
    if (entry.is_directory(error)) Thaw(entry.path());
  }
}

std::multimap<pid_t, pid_t> ChildrenByParent() {
  std::multimap<pid_t, pid_t> result;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
    const pid_t pid = static_cast<pid_t>(std::atol(entry.path().filename().c_str()));
    if (pid <= 0) continue;
    std::string stat;
    std::getline(std::ifstream(entry.path() / "stat"), stat);
    const size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) continue;
    std::istringstream fields(stat.substr(name_end + 1));
    char state = 0;
    pid_t parent = 0;
    if (fields >> state >> parent) result.emplace(parent, pid);
  }
  return result;
}

std::set<pid_t> Descendants(pid_t root) {
  const std::multimap<pid_t, pid_t> children = ChildrenByParent();
  std::set<pid_t> result;
  std::vector<pid_t> pending = {root};
  while (!pending.empty()) {
    const auto [first, last] = children.equal_range(pending.back());
    pending.pop_back();
    for (auto it = first; it != last; ++it) {
      if (result.insert(it->second).second) pending.push_back(it->second);
    }
  }
  return result;
}

// Returns whether any child is left.
bool Reap() {
  pid_t pid = 0;
  while ((pid = waitpid(-1, nullptr, WNOHANG)) > 0) {
  }
  return pid == 0;
}

void Pause() { poll(nullptr, 0, kCleanupRoundMillis); }

Problem KillDescendants() {
  for (int round = 0; round < kCleanupRounds; ++round) {
    const std::set<pid_t> descendants = Descendants(getpid());
    for (const pid_t pid : descendants) kill(pid, SIGKILL);
    if (!Reap()) return "";
    Pause();
  }
  return "left processes that do not die";
}

Problem RemoveCgroups(const std::string& name) {
  Problem problem;
  for (const fs::path& mounted : CgroupMounts()) {
    const fs::path cgroup = mounted / name;
    int rounds = kCleanupRounds;
    while (!RemoveCgroup(cgroup) && errno != EROFS && --rounds > 0) Pause();
    std::error_code error;
    if (fs::exists(cgroup, error)) problem += "left " + cgroup.string() + " ";
  }
  return problem;
}

class Keeper {
 public:
  Keeper(fs::path dir, std::string cgroup, std::vector<char*> command)
      : dir_(std::move(dir)), cgroup_(std::move(cgroup)), command_(std::move(command)) {
    command_.push_back(nullptr);
  }

  int Run() {
    IgnoreSignals();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "ctr-keeper");
    host_mounts_ = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    const Problem problem = PrepareMounts(dir_);
    std::cout << (problem.empty() ? "ready" : problem) << std::endl;
    if (problem.empty()) Serve();
    const Problem left = CleanUp();
    std::cout << (left.empty() ? "clean" : left) << std::endl;
    return left.empty() ? 0 : 1;
  }

 private:
  // Only the end of the input may end a keeper; its children must not inherit that.
  void IgnoreSignals() {
    for (const int signal_number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
      signal(signal_number, SIG_IGN);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, nullptr);
    child_signals_ = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  }

  void Serve() {
    std::string input;
    for (;;) {
      pollfd sources[] = {{STDIN_FILENO, POLLIN, 0}, {child_signals_, POLLIN, 0}};
      if (poll(sources, 2, -1) < 0 && errno != EINTR) return;
      if (sources[1].revents != 0) {
        signalfd_siginfo info;
        while (read(child_signals_, &info, sizeof(info)) > 0) {
        }
        Reap();
      }
      if (sources[0].revents == 0) continue;
      char buffer[64];
      const ssize_t size = read(STDIN_FILENO, buffer, sizeof(buffer));
      if (size <= 0) return;
      input.append(buffer, static_cast<size_t>(size));
      for (size_t end = 0; (end = input.find('\n')) != std::string::npos; input.erase(0, end + 1)) {
        if (input.substr(0, end) == "start") std::cout << Start() << std::endl;
      }
    }
  }

  pid_t Start() {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    for (const int signal_number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
      signal(signal_number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int input = open("/dev/null", O_RDONLY);
    const int log = open((dir_ / "containerd.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(input, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(command_[0], command_.data());
    _exit(127);
  }

  Problem CleanUp() {
    for (const fs::path& mounted : CgroupMounts()) Thaw(mounted / cgroup_);
    Problem left = KillDescendants();
    left += RemoveCgroups(cgroup_);
    // Leaving the namespace frees it and its mounts: below the directory only plain files remain.
    if (setns(host_mounts_, CLONE_NEWNS) != 0) return left + SystemError("cannot leave the mounts");
    if (chdir("/") != 0) return left + SystemError("cannot leave the directory");
    std::error_code error;
    fs::remove_all(dir_, error);
    if (error) left += "left " + dir_.string() + ": " + error.message();
    return left;
  }

  const fs::path dir_;
  const std::string cgroup_;
  std::vector<char*> command_;
  int host_mounts_ = -1;
  int child_signals_ = -1;
};

// Containers get a share of the CPU, so that controller must be there and passed on to children; in
// a container's own cgroup namespace it often cannot be.
Problem CheckUnifiedHierarchy() {
  struct statfs info = {};
  if (statfs(kCgroupRoot, &info) != 0 || info.f_type != CGROUP2_SUPER_MAGIC) return "";
  const fs::path root = kCgroupRoot;
  std::ifstream controllers(root / "cgroup.controllers");
  const std::istream_iterator<std::string> first(controllers), last;
  if (std::find(first, last, "cpu") == last) return "the cgroup hierarchy has no cpu controller";
  std::ofstream passed_on(root / "cgroup.subtree_control");
  passed_on << "+cpu" << std::flush;
  return passed_on ? "" : SystemError("cannot pass the cpu controller on to new cgroups");
}

// Root of a user namespace may mount, but not all that runc does.
Problem CheckUser() {
  std::ifstream map("/proc/self/uid_map");
  uint64_t inside = 0, outside = 0, count = 0;
  map >> inside >> outside >> count;
  const bool whole = inside == 0 && outside == 0 && count >= std::numeric_limits<uint32_t>::max();
  return whole ? "" : "real pods need root outside of any user namespace";
}

int Check() {
  Problem problem = CheckUser();
  if (problem.empty()) problem = EnterPrivateMounts();
  if (problem.empty()) problem = CheckUnifiedHierarchy();
  if (problem.empty()) {
    const fs::path probe = CgroupMounts().front() / ("plegd-probe-" + std::to_string(getpid()));
    if (mkdir(probe.c_str(), 0755) != 0) problem = SystemError("cannot make a cgroup");
    rmdir(probe.c_str());
  }
  std::cout << problem << std::endl;
  return problem.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "check") == 0) return Check();
  if (argc < 5 || std::strcmp(argv[1], "run") != 0) {
    std::cerr << "usage: containerd_keeper check | run DIR CGROUP COMMAND...\n";
    return 2;
  }
  const pid_t pid = fork();
  if (pid != 0) return pid < 0 ? 1 : 0;
  setsid();
  return Keeper(argv[2], argv[3], std::vector<char*>(argv + 4, argv + argc)).Run();
}
