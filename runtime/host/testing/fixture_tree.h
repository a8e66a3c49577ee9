// A tree of files as /proc, /sys and the cgroup file system have them, for tests.

#ifndef PLEGD_RUNTIME_HOST_TESTING_FIXTURE_TREE_H_
#define PLEGD_RUNTIME_HOST_TESTING_FIXTURE_TREE_H_

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/host/host_sample.h"

namespace runtime::host {

// Removed by the destructor. Thread-compatible.
class FixtureTree {
 public:
  FixtureTree() {
    std::string name = (std::filesystem::temp_directory_path() / "plegd-host.XXXXXX").string();
    root_ = mkdtemp(name.data()) == nullptr ? "" : name;
    for (const char* dir : {"/proc", "/sys", "/cgroup"}) {
      std::filesystem::create_directories(root_ + dir);
    }
  }
  ~FixtureTree() { std::filesystem::remove_all(root_); }
  FixtureTree(const FixtureTree&) = delete;
  FixtureTree& operator=(const FixtureTree&) = delete;

  // All paths are relative: "proc/1/stat".
  std::string Path(absl::string_view path) const { return absl::StrCat(root_, "/", path); }
  void Write(absl::string_view path, absl::string_view text) const {
    const std::filesystem::path file = Path(path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << std::string(text);
  }
  void Link(absl::string_view path, absl::string_view target) const {
    const std::filesystem::path link = Path(path);
    std::filesystem::create_directories(link.parent_path());
    std::filesystem::create_symlink(std::string(target), link);
  }
  // Gives it away, which root alone can.
  void Own(absl::string_view path, uid_t owner) const {
    ASSERT_EQ(chown(Path(path).c_str(), owner, static_cast<gid_t>(-1)), 0) << path;
  }
  void Remove(absl::string_view path) const { std::filesystem::remove_all(Path(path)); }

  struct Process {
    int pid = 0;
    int parent = 1;
    std::string comm = {};
    char state = 'S';
    std::string cgroup = "0::/\n";
    std::string wait_channel = "0";
    std::string command = {};
    uint64_t start_ticks = 100;
    uint64_t cpu_ticks = 0;
    int threads = 1;  // as its stat tells; further ones are added by AddThread
    std::string uids = "0\t0\t0\t0";
    std::string pids = {};  // in its PID namespaces: "4711\t1"; its pid alone if empty
  };
  static std::string Stat(const Process& p) {
    return absl::StrCat(p.pid, " (", p.comm, ") ", std::string(1, p.state), " ", p.parent,
                        " 1 1 0 -1 0 0 0 0 0 ", p.cpu_ticks, " 0 0 0 20 0 ", p.threads, " 0 ",
                        p.start_ticks, " 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
  }
  // `thread` may be the first one, whose id is the process's.
  void AddThread(int process, const Process& thread) const {
    const std::string dir = absl::StrCat("proc/", process, "/task/", thread.pid, "/");
    Write(dir + "stat", Stat(thread));
    Write(dir + "wchan", thread.wait_channel);
  }
  void Add(const Process& p) const {
    const std::string dir = absl::StrCat("proc/", p.pid, "/");
    Write(dir + "stat", Stat(p));
    Write(dir + "status", absl::StrCat("Name:\t", p.comm, "\nUid:\t", p.uids, "\nNSpid:\t",
                                       p.pids.empty() ? absl::StrCat(p.pid) : p.pids, "\n"));
    Write(dir + "cgroup", p.cgroup);
    Write(dir + "wchan", p.wait_channel);
    Write(dir + "cmdline", p.command);
  }

  HostPaths paths() const {
    return {.procfs = absl::StrCat(root_, "/proc"),
            .sysfs = absl::StrCat(root_, "/sys"),
            .cgroupfs = absl::StrCat(root_, "/cgroup")};
  }

 private:
  std::string root_;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_TESTING_FIXTURE_TREE_H_
