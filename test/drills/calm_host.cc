#include "test/drills/calm_host.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

constexpr absl::string_view kCalm =
    "some avg10=0.50 avg60=0.40 avg300=0.30 total=1000\n"
    "full avg10=0.00 avg60=0.00 avg300=0.00 total=100\n";

}  // namespace

CalmHost::CalmHost() {
  tree_.Write("proc/pressure/cpu", kCalm);
  tree_.Write("proc/pressure/io", kCalm);
  tree_.Write("proc/pressure/memory", kCalm);
  tree_.Write("proc/diskstats", "   8       0 sda 100 0 800 50 100 0 800 50 0 100 100\n");
  tree_.Write("proc/meminfo", "MemTotal:       16000000 kB\nMemAvailable:   12000000 kB\n");
  tree_.Write("proc/loadavg", "0.20 0.18 0.12 1/300 4000\n");
  tree_.Write("proc/sys/kernel/pid_max", "4194304\n");
  tree_.Write("proc/sys/kernel/threads-max", "100000\n");
  tree_.Write("proc/sys/kernel/osrelease", "6.1.0-38-amd64\n");
  tree_.Write("proc/1/mountinfo", "21 1 8:0 / / rw shared:1 - ext4 /dev/sda rw\n");
  tree_.Add({.pid = 1, .parent = 0, .comm = "systemd"});
  tree_.Add({.pid = 700, .parent = 1, .comm = "kubelet"});
  tree_.Write("cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
  thread_ = std::jthread([this](const std::stop_token& stop) { CopyAll(stop); });
}

void CalmHost::Show(pid_t pid) const {
  CopyProcess(pid);
  const std::lock_guard lock(mu_);
  shown_.insert(pid);
}

void CalmHost::CopyProcess(pid_t pid) const {
  const std::string dir = absl::StrCat("proc/", pid, "/");
  for (const char* file : {"status", "cgroup", "wchan", "cmdline", "stat"}) {
    const std::string text = ReadFile(absl::StrCat("/", dir, file));
    if (text.empty() && absl::string_view(file) == "stat") return tree_.Remove(dir);
    // At once: plegd may be reading.
    tree_.Write(dir + "new", text);
    std::rename(tree_.Path(dir + "new").c_str(), tree_.Path(dir + file).c_str());
  }
}

void CalmHost::CopyAll(const std::stop_token& stop) const {
  while (!stop.stop_requested()) {
    absl::SleepFor(absl::Milliseconds(100));
    const std::lock_guard lock(mu_);
    for (const pid_t pid : shown_) CopyProcess(pid);
  }
}

void CalmHost::AddCgroup(absl::string_view pod_uid, absl::string_view container_id) const {
  const std::string parent = "cgroup/kubepods.slice/kubepods-besteffort.slice";
  const std::string pod = absl::StrReplaceAll(pod_uid, {{"-", "_"}});
  tree_.Write(absl::StrCat(parent, "/kubepods-besteffort-pod", pod, ".slice/cri-containerd-",
                           container_id, ".scope/cgroup.events"),
              "populated 1\nfrozen 0\n");
}

void CalmHost::SetIoPressure(double full_percent) const {
  tree_.Write("proc/pressure/io",
              absl::StrCat("some avg10=", full_percent, " avg60=10.00 avg300=5.00 total=9000\n",
                           "full avg10=", full_percent, " avg60=10.00 avg300=5.00 total=8000\n"));
}

std::vector<std::string> CalmHost::plegd_flags() const {
  const runtime::host::HostPaths paths = tree_.paths();
  return {"--path.procfs", paths.procfs,      "--path.sysfs",
          paths.sysfs,     "--path.cgroupfs", paths.cgroupfs};
}

}  // namespace plegd_testing
