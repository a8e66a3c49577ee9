#include "test/drills/fake_kubelet.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace plegd_testing {
namespace {

std::string Reply(absl::string_view status, absl::string_view body) {
  return absl::StrCat("HTTP/1.1 ", status,
                      "\r\nContent-Type: text/plain\r\nContent-Length: ", body.size(),
                      "\r\nConnection: close\r\n\r\n", body);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FakeKubelet>> FakeKubelet::Start() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || bind(fd, any, size) != 0 || listen(fd, 16) != 0 ||
      getsockname(fd, any, &size) != 0) {
    return absl::ErrnoToStatus(errno, "the kubelet's socket");
  }
  return std::unique_ptr<FakeKubelet>(new FakeKubelet(fd, ntohs(address.sin_port)));
}

FakeKubelet::FakeKubelet(int fd, int port) : fd_(fd), port_(port) {
  thread_ = std::thread([this] { Run(); });
}

FakeKubelet::~FakeKubelet() {
  shutdown(fd_, SHUT_RDWR);  // ends accept
  thread_.join();
  close(fd_);
}

std::string FakeKubelet::metrics_url() const {
  return absl::StrCat("http://127.0.0.1:", port_, "/metrics");
}

std::string FakeKubelet::healthz_url() const {
  return absl::StrCat("http://127.0.0.1:", port_, "/healthz");
}

void FakeKubelet::Freeze(absl::Duration ago) {
  last_seen_ = absl::ToDoubleSeconds(absl::Now() - ago - absl::UnixEpoch());
}

void FakeKubelet::Thaw() { last_seen_ = 0; }

void FakeKubelet::Run() {
  while (true) {
    const int peer = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0 && errno != EINTR && errno != ECONNABORTED) return;
    if (peer < 0) continue;
    Serve(peer);
    close(peer);
  }
}

void FakeKubelet::Serve(int peer) {
  const timeval patience = {2, 0};
  setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::string request;
  char buffer[4096];
  ssize_t got = 0;
  while (!absl::StrContains(request, "\r\n\r\n")) {
    if ((got = recv(peer, buffer, sizeof(buffer), 0)) <= 0) return;
    request.append(buffer, static_cast<size_t>(got));
  }
  const std::string reply = Answer(request);
  (void)send(peer, reply.data(), reply.size(), MSG_NOSIGNAL);
}

std::string FakeKubelet::Answer(absl::string_view request) {
  if (absl::StartsWith(request, "GET /healthz ")) return Reply("200 OK", "ok");
  if (!absl::StartsWith(request, "GET /metrics ")) return Reply("404 Not Found", "not found");
  ++served_;
  return Reply("200 OK", Metrics());
}

std::string FakeKubelet::Metrics() const {
  const double frozen = last_seen_;
  const double now = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  const double seen = frozen > 0 ? frozen : now - 1;
  const auto relists = std::max<int64_t>(
      static_cast<int64_t>(seen - absl::ToDoubleSeconds(started_at_ - absl::UnixEpoch())) + 1, 0);
  return absl::StrFormat(
      "# HELP kubelet_pleg_last_seen_seconds [ALPHA] Timestamp in seconds when PLEG was last seen "
      "active.\n"
      "# TYPE kubelet_pleg_last_seen_seconds gauge\n"
      "kubelet_pleg_last_seen_seconds %.9e\n"
      "# TYPE kubelet_pleg_relist_duration_seconds histogram\n"
      "kubelet_pleg_relist_duration_seconds_sum %.3f\n"
      "kubelet_pleg_relist_duration_seconds_count %d\n"
      "# TYPE kubernetes_build_info gauge\n"
      "kubernetes_build_info{git_version=\"v1.31.4\",major=\"1\",minor=\"31\"} 1\n",
      seen, 0.012 * static_cast<double>(relists), relists);
}

}  // namespace plegd_testing
