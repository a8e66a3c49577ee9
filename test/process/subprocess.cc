#include "test/process/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

namespace plegd_testing {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(10);

// Strings "NAME=value", and pointers to them as exec wants.
class EnvironmentBlock {
 public:
  explicit EnvironmentBlock(const Environment& extra) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string variable = *entry;
      if (extra.count(variable.substr(0, variable.find('='))) == 0) strings_.push_back(variable);
    }
    for (const auto& [name, value] : extra) strings_.push_back(absl::StrCat(name, "=", value));
    for (std::string& variable : strings_) pointers_.push_back(variable.data());
    pointers_.push_back(nullptr);
  }

  char** get() { return pointers_.data(); }

 private:
  std::vector<std::string> strings_;
  std::vector<char*> pointers_;
};

int PidFd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

bool WaitUntil(const std::function<bool()>& condition, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(kPollInterval);
  }
  return true;
}

bool WaitForExit(pid_t pid, absl::Duration timeout) {
  const int fd = PidFd(pid);
  if (fd < 0) return errno == ESRCH;
  pollfd ended = {fd, POLLIN, 0};
  const int ready = poll(&ended, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  close(fd);
  return ready == 1;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

std::string ReadTail(const std::string& path, size_t size) {
  const std::string content = ReadFile(path);
  return content.size() <= size ? content : content.substr(content.size() - size);
}

absl::StatusOr<Subprocess> Subprocess::Spawn(const std::vector<std::string>& argv,
                                             const std::string& log, const Environment& extra,
                                             const Streams& streams) {
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&files, streams.output < 0 ? STDERR_FILENO : streams.output,
                                   STDOUT_FILENO);
  if (streams.input < 0) {
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  } else {
    posix_spawn_file_actions_adddup2(&files, streams.input, STDIN_FILENO);
  }
  EnvironmentBlock environment(extra);
  pid_t pid = -1;
  const int error =
      posix_spawnp(&pid, pointers[0], &files, nullptr, pointers.data(), environment.get());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    return absl::InternalError(absl::StrCat("cannot run ", argv[0], ": ", std::strerror(error)));
  }
  return Subprocess(pid);
}

Subprocess::Subprocess(Subprocess&& other) noexcept : pid_(other.pid_) { other.pid_ = -1; }

Subprocess::~Subprocess() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

absl::StatusOr<int> Subprocess::Wait(absl::Duration timeout) {
  if (pid_ < 0) return absl::FailedPreconditionError("the process was waited for before");
  if (!WaitForExit(pid_, timeout)) {
    return absl::DeadlineExceededError(absl::StrCat("process ", pid_, " runs on"));
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

absl::Status RunCommand(const std::vector<std::string>& argv, const std::string& log,
                        const Environment& extra) {
  absl::StatusOr<Subprocess> process = Subprocess::Spawn(argv, log, extra);
  if (!process.ok()) return process.status();
  const absl::StatusOr<int> code = process->Wait();
  if (!code.ok()) return code.status();
  if (*code == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(absl::StrJoin(argv, " "), " exited with ", *code, ": ", ReadTail(log)));
}

}  // namespace plegd_testing
