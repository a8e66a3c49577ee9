// The two pages of a kubelet that plegd asks for, over HTTP on loopback, for everybody.
//
//   absl::StatusOr<std::unique_ptr<FakeKubelet>> kubelet = FakeKubelet::Start();
//   (*kubelet)->Freeze(absl::Minutes(4));

#ifndef PLEGD_TEST_DRILLS_FAKE_KUBELET_H_
#define PLEGD_TEST_DRILLS_FAKE_KUBELET_H_

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace plegd_testing {

// Thread-safe.
class FakeKubelet {
 public:
  static absl::StatusOr<std::unique_ptr<FakeKubelet>> Start();
  ~FakeKubelet();
  FakeKubelet(const FakeKubelet&) = delete;
  FakeKubelet& operator=(const FakeKubelet&) = delete;

  std::string metrics_url() const;
  std::string healthz_url() const;

  // Its PLEG was last seen so long ago, and is not seen again; else it relists once a second, in 12
  // ms each, and was seen a second ago at any time.
  void Freeze(absl::Duration ago);
  void Thaw();

  // Requests for metrics that were answered.
  int served() const { return served_; }

 private:
  FakeKubelet(int fd, int port);
  void Run();
  void Serve(int peer);
  std::string Answer(absl::string_view request);
  std::string Metrics() const;

  const int fd_;
  const int port_;
  const absl::Time started_at_ = absl::Now();
  std::atomic<int> served_ = 0;
  std::atomic<double> last_seen_ = 0;  // Unix seconds; 0 while it is not frozen
  std::thread thread_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_DRILLS_FAKE_KUBELET_H_
