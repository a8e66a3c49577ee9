// The daemon as its users see it: a process with flags, an event log, and HTTP on a unix socket.
//
//   ASSERT_OK_AND_ASSIGN(auto plegd, PlegdProcess::Start(node.endpoint(), node.dir()));
//   WaitUntil([&] { return plegd->Events().size() == 3; });

#ifndef PLEGD_TEST_CONTAINERD_PLEGD_PROCESS_H_
#define PLEGD_TEST_CONTAINERD_PLEGD_PROCESS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "plegd/v1/event.pb.h"
#include "plegd/v1/pod.pb.h"
#include "test/containerd/subprocess.h"

namespace testing_containerd {

struct HttpReply {
  int code = 0;
  std::string body;
};

// Blocks. GET over a unix socket; UNAVAILABLE if nobody answers there.
absl::StatusOr<HttpReply> HttpGet(const std::string& socket_path, const std::string& target);

// Killed by the destructor if it still runs. Thread-compatible.
class PlegdProcess {
 public:
  // Relists every 200 ms. Its logs and socket are in `dir`. Blocks until it answers /readyz.
  static absl::StatusOr<std::unique_ptr<PlegdProcess>> Start(const std::string& endpoint,
                                                             const std::string& dir);

  // All complete lines of the event log. INTERNAL for a line that is not an Event and nothing else.
  absl::StatusOr<std::vector<plegd::v1::Event>> Events() const;

  absl::StatusOr<HttpReply> Get(const std::string& target) const;
  // The whole cache. INTERNAL if the reply is not a PodList and nothing else.
  absl::StatusOr<plegd::v1::PodList> Pods() const;
  absl::StatusOr<plegd::v1::PodStatus> Pod(absl::string_view uid) const;
  // The sample of /metrics whose name and labels are `series` as exposed; NOT_FOUND without one.
  absl::StatusOr<double> Metric(absl::string_view series) const;

  // Blocks until two relists have begun and ended from now on. Returns false if they do not in
  // time.
  bool WaitForTwoRelists() const;

  // SIGSTOP and SIGCONT: what happens between is seen by one relist.
  void Freeze();
  void Thaw();

  // SIGTERM; blocks until the end; the exit code.
  absl::StatusOr<int> Terminate();

  // For a failing test: the end of its log.
  std::string LogTail() const;

 private:
  PlegdProcess(std::string dir, Subprocess process);

  const std::string dir_;
  Subprocess process_;
};

}  // namespace testing_containerd

#endif  // PLEGD_TEST_CONTAINERD_PLEGD_PROCESS_H_
