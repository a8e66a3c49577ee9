// The daemon as its users see it: a process with flags, an event log, and HTTP on a unix socket.
//
//   ASSERT_OK_AND_ASSIGN(auto plegd, PlegdProcess::Start(node.endpoint(), node.dir()));
//   WaitUntil([&] { return plegd->Events().size() == 3; });

#ifndef PLEGD_TEST_PROCESS_PLEGD_PROCESS_H_
#define PLEGD_TEST_PROCESS_PLEGD_PROCESS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "plegd/v1/diagnosis.pb.h"
#include "plegd/v1/event.pb.h"
#include "plegd/v1/pod.pb.h"
#include "test/process/subprocess.h"

namespace plegd_testing {

struct HttpReply {
  int code = 0;
  std::string body;
};

// Blocks. GET over a unix socket; UNAVAILABLE if nobody answers there.
absl::StatusOr<HttpReply> HttpGet(const std::string& socket_path, const std::string& target);

// A line of an event log. INTERNAL for a line that is not an Event and nothing else.
absl::StatusOr<plegd::v1::Event> ParseEvent(const std::string& line);

// How a test's plegd differs from one that an operator starts.
struct PlegdOptions {
  absl::string_view relist_period = "200ms";
  std::vector<std::string> flags = {};
  Environment environment = {};
  // A program and its arguments that execute plegd in their place: setpriv.
  std::vector<std::string> wrapper = {};
  // What Start waits for: a good answer here.
  std::string started_when = "/readyz";
  // Where its event log is, if not in its directory.
  std::string event_log = {};
};

// Killed by the destructor if it still runs. Thread-compatible.
class PlegdProcess {
 public:
  // The plegd of this build, unless the environment's PLEGD_BINARY names another one. Its logs and
  // socket are in `dir`. Blocks until it has started.
  static absl::StatusOr<std::unique_ptr<PlegdProcess>> Start(const std::string& endpoint,
                                                             const std::string& dir,
                                                             const PlegdOptions& options = {});

  pid_t pid() const { return process_.pid(); }

  // All complete lines of the event log. INTERNAL for a line that is not an Event and nothing else.
  absl::StatusOr<std::vector<plegd::v1::Event>> Events() const;
  // The file that they are in.
  std::string event_log() const;

  absl::StatusOr<HttpReply> Get(const std::string& target) const;
  // The whole cache. INTERNAL if the reply is not a PodList and nothing else.
  absl::StatusOr<plegd::v1::PodList> Pods() const;
  absl::StatusOr<plegd::v1::PodStatus> Pod(absl::string_view uid) const;
  // What is wrong, best explanation first. INTERNAL if the reply is not a Diagnosis and nothing
  // else.
  absl::StatusOr<plegd::v1::Diagnosis> Diagnosis() const;
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

  // All that it has logged.
  std::string Log() const;
  // For a failing test: the end of its log.
  std::string LogTail() const;

 private:
  PlegdProcess(std::string dir, std::string event_log, Subprocess process);

  const std::string dir_;
  const std::string event_log_;
  Subprocess process_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_PROCESS_PLEGD_PROCESS_H_
