#include "test/process/plegd_process.h"

#include <google/protobuf/util/json_util.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "pleg/testing/sanitizers.h"

namespace plegd_testing {
namespace {

// A sanitized plegd takes its time for a cache of ten thousand containers.
constexpr int kHttpTimeoutSeconds = pleg::testing::kSanitized ? 60 : 10;
constexpr char kRelistCount[] = "pleg_relist_duration_seconds_count";

std::string SocketPath(const std::string& dir) { return dir + "/plegd.sock"; }
std::string EventLogPath(const std::string& dir) { return dir + "/events.jsonl"; }
std::string LogPath(const std::string& dir) { return dir + "/plegd.log"; }

// A socket closed at the end of its scope.
class UnixSocket {
 public:
  UnixSocket() : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval timeout = {kHttpTimeoutSeconds, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  }
  ~UnixSocket() { close(fd_); }
  UnixSocket(const UnixSocket&) = delete;
  UnixSocket& operator=(const UnixSocket&) = delete;

  bool Connect(const std::string& path) const {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }

  bool SendAll(absl::string_view data) const {
    while (!data.empty()) {
      const ssize_t sent = send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      data.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // What comes until the peer closes; false if it does not close in time.
  bool ReceiveAll(std::string* data) const {
    char buffer[4096];
    ssize_t size = 0;
    while ((size = recv(fd_, buffer, sizeof(buffer), 0)) > 0) {
      data->append(buffer, static_cast<size_t>(size));
    }
    return size == 0;
  }

 private:
  const int fd_;
};

// Unknown fields are an error: the JSON is the schema and nothing else.
template <typename Message>
absl::StatusOr<Message> FromJson(const std::string& json) {
  Message message;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  if (status.ok()) return message;
  return absl::InternalError(
      absl::StrCat(json, " is no ", message.GetTypeName(), ": ", std::string(status.message())));
}

template <typename Message>
absl::StatusOr<Message> FromReply(const absl::StatusOr<HttpReply>& reply) {
  if (!reply.ok()) return reply.status();
  if (reply->code == 404) return absl::NotFoundError(reply->body);
  if (reply->code != 200) return absl::InternalError(absl::StrCat(reply->code, " ", reply->body));
  return FromJson<Message>(reply->body);
}

}  // namespace

absl::StatusOr<HttpReply> HttpGet(const std::string& socket_path, const std::string& target) {
  const UnixSocket socket;
  if (!socket.Connect(socket_path)) {
    return absl::UnavailableError(absl::StrCat("cannot connect to ", socket_path));
  }
  const std::string request =
      absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  std::string answer;
  if (!socket.SendAll(request) || !socket.ReceiveAll(&answer)) {
    return absl::UnavailableError(absl::StrCat("no answer to GET ", target));
  }
  const size_t head_end = answer.find("\r\n\r\n");
  HttpReply reply;
  if (!absl::StartsWith(answer, "HTTP/1.1 ") || head_end == std::string::npos ||
      !absl::SimpleAtoi(answer.substr(9, 3), &reply.code)) {
    return absl::InternalError(absl::StrCat("GET ", target, " is answered by ", answer));
  }
  reply.body = answer.substr(head_end + 4);
  return reply;
}

PlegdProcess::PlegdProcess(std::string dir, std::string event_log, Subprocess process)
    : dir_(std::move(dir)), event_log_(std::move(event_log)), process_(std::move(process)) {}

absl::StatusOr<std::unique_ptr<PlegdProcess>> PlegdProcess::Start(const std::string& endpoint,
                                                                  const std::string& dir,
                                                                  const PlegdOptions& options) {
  const char* other = std::getenv("PLEGD_BINARY");
  const std::string event_log = options.event_log.empty() ? EventLogPath(dir) : options.event_log;
  std::vector<std::string> argv = options.wrapper;
  argv.insert(argv.end(),
              {other != nullptr ? other : PLEGD_BINARY, "--runtime-endpoint", endpoint,
               "--relist-period", std::string(options.relist_period), "--event-log", event_log,
               "--web.listen-address", absl::StrCat("unix://", SocketPath(dir))});
  const bool has_api =
      std::any_of(options.flags.begin(), options.flags.end(),
                  [](const std::string& flag) { return absl::StartsWith(flag, "--api.socket"); });
  // The default one is the machine's.
  if (!has_api) argv.insert(argv.end(), {"--api.socket", ""});
  argv.insert(argv.end(), options.flags.begin(), options.flags.end());
  absl::StatusOr<Subprocess> process = Subprocess::Spawn(argv, LogPath(dir), options.environment);
  if (!process.ok()) return process.status();
  std::unique_ptr<PlegdProcess> plegd(new PlegdProcess(dir, event_log, *std::move(process)));
  const auto ready = [&] {
    const absl::StatusOr<HttpReply> reply = plegd->Get(options.started_when);
    return reply.ok() && reply->code == 200;
  };
  if (WaitUntil(ready)) return plegd;
  return absl::InternalError(absl::StrCat("plegd does not start: ", plegd->LogTail()));
}

absl::StatusOr<plegd::v1::Event> ParseEvent(const std::string& line) {
  return FromJson<plegd::v1::Event>(line);
}

std::string PlegdProcess::event_log() const { return event_log_; }

absl::StatusOr<std::vector<plegd::v1::Event>> PlegdProcess::Events() const {
  const std::string log = ReadFile(event_log_);
  std::vector<std::string> lines = absl::StrSplit(log, '\n');
  lines.pop_back();  // empty, or a line still being written
  std::vector<plegd::v1::Event> events;
  for (const std::string& line : lines) {
    absl::StatusOr<plegd::v1::Event> event = ParseEvent(line);
    if (!event.ok()) return event.status();
    events.push_back(*std::move(event));
  }
  return events;
}

absl::StatusOr<HttpReply> PlegdProcess::Get(const std::string& target) const {
  return HttpGet(SocketPath(dir_), target);
}

absl::StatusOr<plegd::v1::PodList> PlegdProcess::Pods() const {
  return FromReply<plegd::v1::PodList>(Get("/api/v1/pods"));
}

absl::StatusOr<plegd::v1::PodStatus> PlegdProcess::Pod(absl::string_view uid) const {
  return FromReply<plegd::v1::PodStatus>(Get(absl::StrCat("/api/v1/pods/", uid)));
}

absl::StatusOr<plegd::v1::Diagnosis> PlegdProcess::Diagnosis() const {
  return FromReply<plegd::v1::Diagnosis>(Get("/api/v1/diagnosis"));
}

absl::StatusOr<double> PlegdProcess::Metric(absl::string_view series) const {
  const absl::StatusOr<HttpReply> reply = Get("/metrics");
  if (!reply.ok()) return reply.status();
  for (absl::string_view line : absl::StrSplit(reply->body, '\n')) {
    double value = 0;
    if (absl::ConsumePrefix(&line, series) && absl::ConsumePrefix(&line, " ") &&
        absl::SimpleAtod(line, &value)) {
      return value;
    }
  }
  return absl::NotFoundError(absl::StrCat("/metrics has no ", series));
}

bool PlegdProcess::WaitForTwoRelists() const {
  const double before = Metric(kRelistCount).value_or(0);
  // One may have begun before, so that the third to end is the second to begin from now on.
  return WaitUntil([&] { return Metric(kRelistCount).value_or(0) >= before + 3; });
}

void PlegdProcess::Freeze() { kill(process_.pid(), SIGSTOP); }

void PlegdProcess::Thaw() { kill(process_.pid(), SIGCONT); }

absl::StatusOr<int> PlegdProcess::Terminate() {
  kill(process_.pid(), SIGTERM);
  return process_.Wait();
}

std::string PlegdProcess::Log() const { return ReadFile(LogPath(dir_)); }

std::string PlegdProcess::LogTail() const { return ReadTail(LogPath(dir_)); }

}  // namespace plegd_testing
