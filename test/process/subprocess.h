// Processes that tests start, and waiting for what they bring about.
//
//   absl::StatusOr<Subprocess> server = Subprocess::Spawn({"/usr/bin/server", "--flag"},
//   "/tmp/log"); bool up = WaitUntil([&] { return Connects(); }, absl::Seconds(10));

#ifndef PLEGD_TEST_PROCESS_SUBPROCESS_H_
#define PLEGD_TEST_PROCESS_SUBPROCESS_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace plegd_testing {

// An environment to add to this process's own.
using Environment = std::map<std::string, std::string>;

// Polls the condition until it holds. Returns false if it does not within the time.
bool WaitUntil(const std::function<bool()>& condition, absl::Duration timeout = absl::Seconds(30));

// Waits until a process, not necessarily a child, has ended. Returns false if it has not in time.
bool WaitForExit(pid_t pid, absl::Duration timeout = absl::Seconds(30));

// Whole file, empty if it cannot be read.
std::string ReadFile(const std::string& path);

// Not beyond `size` bytes of the end.
std::string ReadTail(const std::string& path, size_t size = 2000);

// What a child process gets as standard input and output; negative: nothing, and its log.
struct Streams {
  int input = -1;
  int output = -1;
};

// A child process, killed and reaped by the destructor. Thread-compatible.
class Subprocess {
 public:
  // Starts argv[0], found in PATH. What it writes is appended to the file `log`, except for what
  // goes to a stream of the caller's.
  static absl::StatusOr<Subprocess> Spawn(const std::vector<std::string>& argv,
                                          const std::string& log, const Environment& extra = {},
                                          const Streams& streams = {});

  Subprocess(Subprocess&& other) noexcept;
  Subprocess& operator=(Subprocess&&) = delete;
  ~Subprocess();

  pid_t pid() const { return pid_; }

  // Blocks until the process has ended; its exit code, or 128 and the signal that killed it.
  // DEADLINE_EXCEEDED if it runs on.
  absl::StatusOr<int> Wait(absl::Duration timeout = absl::Seconds(30));

 private:
  explicit Subprocess(pid_t pid) : pid_(pid) {}

  pid_t pid_;  // -1 once reaped.
};

// Runs a command to its end. INTERNAL with the end of its output if it fails.
absl::Status RunCommand(const std::vector<std::string>& argv, const std::string& log,
                        const Environment& extra = {});

}  // namespace plegd_testing

#endif  // PLEGD_TEST_PROCESS_SUBPROCESS_H_
