// A host on which all is well, as files: what else runs on the machine of a test says nothing of
// the node that is played.
//
//   CalmHost host;
//   host.Show(runtime.pid());
//   PlegdProcess::Start(endpoint, dir, {.flags = host.plegd_flags()});
//   host.SetIoPressure(65);

#ifndef PLEGD_TEST_DRILLS_CALM_HOST_H_
#define PLEGD_TEST_DRILLS_CALM_HOST_H_

#include <sys/types.h>

#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/host/testing/fixture_tree.h"

namespace plegd_testing {

// Thread-compatible.
class CalmHost {
 public:
  CalmHost();

  // A process of this machine is one of the host's, as it is from moment to moment: its files are
  // copied ten times a second, since plegd follows no link.
  void Show(pid_t pid) const;
  // The cgroup that the kubelet and containerd make for a container.
  void AddCgroup(absl::string_view pod_uid, absl::string_view container_id) const;
  // For so many percent of the time every task that runs waits for the disk.
  void SetIoPressure(double full_percent) const;

  std::vector<std::string> plegd_flags() const;

 private:
  void CopyProcess(pid_t pid) const;
  void CopyAll(const std::stop_token& stop) const;

  runtime::host::FixtureTree tree_;
  mutable std::mutex mu_;
  mutable std::set<pid_t> shown_;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_DRILLS_CALM_HOST_H_
