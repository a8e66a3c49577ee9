// The CPU that one relist of an unchanged node costs in this process, beside the least that it
// could cost: receiving the same bytes and dropping them, and copying them out of a socket.
//
//   relist_bench unix:///run/cri.sock ROUNDS RELISTS_PER_ROUND   prints one JSON object
//
// The three take turns, so that what else the machine does hits them alike. Figures are medians
// over the rounds, in milliseconds of CPU for one relist.

#include <malloc.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pleg/call_stats.h"
#include "pleg/log.h"
#include "pleg/model.h"
#include "pleg/pod_records.h"
#include "runtime/cri_methods.h"
#include "runtime/cri_runtime.h"
#include "runtime/endpoint.h"
#include "runtime/event_loop.h"
#include "runtime/system_clock.h"
#include "runtime/transport.h"

namespace {

constexpr absl::Duration kTimeout = absl::Minutes(1);
constexpr absl::string_view kEmptyFilter("\x0A\x00", 2);  // as CriRuntime asks for everything

double CpuMillis(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "relist_bench: %s\n", what);
  std::exit(EXIT_FAILURE);
}

class NoObserver : public pleg::CallObserver {
 public:
  void OnCallEnd(const pleg::CallRecord&) override {}
  void OnInvalidItem(absl::string_view, absl::string_view) override {}
};

// Both lists, received and dropped. Confined to one thread.
class Receiver {
 public:
  explicit Receiver(const runtime::Endpoint& endpoint)
      : transport_({.target = endpoint.GrpcTarget()}, [this](bool up) {
          if (up && !std::exchange(connected_, true)) turn_.release();
        }) {
    transport_.Connect();
    if (!turn_.try_acquire_for(absl::ToChronoSeconds(kTimeout))) Fail("no connection");
  }
  ~Receiver() { transport_.Shutdown(); }

  // The bytes of both replies.
  size_t Run() {
    bytes_ = 0;
    Ask(runtime::kListPodSandbox,
        [this] { Ask(runtime::kListContainers, [this] { turn_.release(); }); });
    turn_.acquire();
    return bytes_;
  }

 private:
  template <typename Next>
  void Ask(const runtime::CriMethod& method, Next next) {
    transport_.Start(method, kEmptyFilter, kTimeout,
                     [this, next](runtime::Transport::Reply&& reply) {
                       if (!reply.status.ok()) Fail(reply.status.error_message().c_str());
                       bytes_ += reply.body.Length();
                       next();
                     });
  }

  std::binary_semaphore turn_{0};
  bool connected_ = false;  // once
  size_t bytes_ = 0;
  runtime::Transport transport_;
};

// Both lists decoded, and compared with what is known of every pod. Confined to one thread.
class Relister {
 public:
  explicit Relister(const runtime::Endpoint& endpoint)
      : runtime_({.endpoint = endpoint}, loop_, clock_, observer_, pleg::NullLog()) {
    runtime_.Connect();
    loop_.Start();
    const absl::Time give_up = absl::Now() + kTimeout;
    while (!runtime_.Connected()) {
      if (absl::Now() > give_up) Fail("no connection");
      absl::SleepFor(absl::Milliseconds(1));
    }
  }
  ~Relister() {
    runtime_.Shutdown();
    loop_.Stop();
  }

  // The number of pods that changed.
  size_t Run() {
    loop_.Post([this] {
      runtime_.List(std::nullopt, [this](absl::StatusOr<pleg::Listing> listing) {
        if (!listing.ok()) Fail(listing.status().ToString().c_str());
        changed_ = records_.Apply(*listing).size();
        turn_.release();
      });
    });
    turn_.acquire();
    return changed_;
  }

 private:
  std::binary_semaphore turn_{0};
  size_t changed_ = 0;
  pleg::PodRecords records_;
  runtime::SystemClock clock_;
  NoObserver observer_;
  runtime::EventLoop loop_;
  runtime::CriRuntime runtime_;
};

// As many bytes through a unix socket, read and dropped. Confined to one thread; another writes.
class SocketCopy {
 public:
  explicit SocketCopy(size_t bytes) : bytes_(bytes) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()) != 0) Fail("socketpair");
    writer_ = std::jthread([this] { WriteOnRequest(); });
  }
  ~SocketCopy() {
    close(ends_[0]);
    writer_.join();
    close(ends_[1]);
  }

  void Run() {
    const char request = 0;
    if (write(ends_[0], &request, 1) != 1) Fail("write");
    for (size_t left = bytes_; left > 0;) {
      const ssize_t got = read(ends_[0], buffer_.data(), std::min(left, buffer_.size()));
      if (got <= 0) Fail("read");
      left -= static_cast<size_t>(got);
    }
  }

 private:
  void WriteOnRequest() {
    const std::vector<char> data(buffer_.size(), 'x');
    char request = 0;
    while (read(ends_[1], &request, 1) == 1) {
      for (size_t left = bytes_; left > 0;) {
        const ssize_t put = send(ends_[1], data.data(), std::min(left, data.size()), MSG_NOSIGNAL);
        if (put <= 0) return;
        left -= static_cast<size_t>(put);
      }
    }
  }

  const size_t bytes_;
  std::array<int, 2> ends_ = {-1, -1};
  std::vector<char> buffer_ = std::vector<char>(size_t{64} * 1024);
  std::jthread writer_;
};

template <typename Run>
double MillisPerRun(clockid_t clock, int runs, Run run) {
  const double start = CpuMillis(clock);
  for (int i = 0; i < runs; ++i) run();
  return (CpuMillis(clock) - start) / runs;
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void Measure(const runtime::Endpoint& endpoint, int rounds, int runs) {
  Receiver receiver(endpoint);
  Relister relister(endpoint);
  const size_t bytes = receiver.Run();
  const size_t pods = relister.Run();
  SocketCopy copy(bytes);
  std::vector<double> relist, receive, socket, ratio;
  for (int round = -1; round < rounds; ++round) {
    const double r = MillisPerRun(CLOCK_PROCESS_CPUTIME_ID, runs, [&] {
      if (relister.Run() != 0) Fail("the node changed");
    });
    const double d = MillisPerRun(CLOCK_PROCESS_CPUTIME_ID, runs, [&] { receiver.Run(); });
    const double s = MillisPerRun(CLOCK_THREAD_CPUTIME_ID, runs, [&] { copy.Run(); });
    if (round < 0) continue;  // to warm up
    relist.push_back(r);
    receive.push_back(d);
    socket.push_back(s);
    ratio.push_back(r / d);
  }
  std::printf(
      "{\"pods\": %zu, \"bytes\": %zu, \"relists\": %d, \"relist_ms\": %.4f, \"receive_ms\": %.4f, "
      "\"socket_copy_ms\": %.4f, \"ratio\": %.4f}\n",
      pods, bytes, rounds * runs, Median(relist), Median(receive), Median(socket), Median(ratio));
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = 0;
  int runs = 0;
  if (argc != 4 || !absl::SimpleAtoi(argv[2], &rounds) || !absl::SimpleAtoi(argv[3], &runs) ||
      rounds < 1 || runs < 1) {
    std::fprintf(stderr, "usage: relist_bench unix:///SOCKET ROUNDS RELISTS_PER_ROUND\n");
    return 2;
  }
  const absl::StatusOr<runtime::Endpoint> endpoint = runtime::ParseEndpoint(argv[1]);
  if (!endpoint.ok()) Fail(endpoint.status().ToString().c_str());
  mallopt(M_TRIM_THRESHOLD, 2 << 20);  // as plegd
  Measure(*endpoint, rounds, runs);
  return 0;
}
