#include "runtime/host/kubelet_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/host/kubelet_metrics.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

using ::testing::HasSubstr;

// Two hours after the epoch, and so many seconds on.
class FixedClock : public pleg::Clock {
 public:
  pleg::MonoTime Now() const override { return pleg::MonoTime() + absl::Seconds(seconds); }
  absl::Time WallNow() const override {
    return absl::UnixEpoch() + absl::Hours(2) + absl::Seconds(seconds);
  }
  double seconds = 0;
};

constexpr char kMetrics[] =
    "# HELP kubelet_pleg_last_seen_seconds [ALPHA] Timestamp in seconds when PLEG was last seen\n"
    "# TYPE kubelet_pleg_last_seen_seconds gauge\n"
    "kubelet_pleg_last_seen_seconds 7.14e+03\n"
    "kubelet_pleg_last_seen_seconds_like 1\n"
    "kubernetes_build_info{build_date=\"x\",git_version=\"v1.31.4\",major=\"1\"} 1\n";

KubeletProbe::Options Answering(const absl::StatusOr<FetchReply>& reply) {
  KubeletProbe::Options options;
  options.metrics_url = "https://127.0.0.1:10250/metrics";
  options.fetch = [reply](const FetchRequest&) { return reply; };
  return options;
}

TEST(KubeletProbeTest, TellsTheAgeOfTheLastRelist) {
  FixedClock clock;
  KubeletProbe probe(Answering(FetchReply{200, kMetrics}), clock);
  EXPECT_FALSE(probe.Latest().has_value());
  probe.Ask();
  EXPECT_EQ(probe.Latest()->last_seen_ago, absl::Seconds(60));
  EXPECT_EQ(probe.Latest()->version, "v1.31.4");
  EXPECT_EQ(probe.Latest()->error, "");
  clock.seconds = 10;
  EXPECT_EQ(probe.Latest()->last_seen_ago, absl::Seconds(70));
}

TEST(KubeletProbeTest, KeepsTheVersionOfOneThatAnswersNoMore) {
  FixedClock clock;
  KubeletProbe::Options options = Answering(FetchReply{200, kMetrics});
  bool ended = false;
  options.fetch = [&ended](const FetchRequest&) -> absl::StatusOr<FetchReply> {
    if (ended) return absl::UnavailableError("connect: Connection refused");
    return FetchReply{200, kMetrics};
  };
  KubeletProbe probe(options, clock);
  probe.Ask();
  ended = true;
  probe.Ask();
  EXPECT_EQ(probe.Latest()->version, "v1.31.4");
  EXPECT_THAT(probe.Latest()->error, HasSubstr("refused"));
  EXPECT_FALSE(probe.Latest()->last_seen_ago.has_value());
}

TEST(KubeletProbeTest, AKubeletThatNeverRelisted) {
  FixedClock clock;
  KubeletProbe probe(Answering(FetchReply{200, "kubelet_pleg_last_seen_seconds 0\n"}), clock);
  probe.Ask();
  EXPECT_TRUE(probe.Latest()->never_relisted);
  EXPECT_FALSE(probe.Latest()->last_seen_ago.has_value());
}

TEST(KubeletProbeTest, AClockThatWasSetBackMakesNoNegativeAge) {
  FixedClock clock;
  KubeletProbe probe(Answering(FetchReply{200, "kubelet_pleg_last_seen_seconds 7230\n"}), clock);
  probe.Ask();
  EXPECT_EQ(probe.Latest()->last_seen_ago, absl::ZeroDuration());
}

TEST(KubeletProbeTest, ALastRelistInTheFutureIsALieAndSaidToBe) {
  FixedClock clock;
  KubeletProbe probe(Answering(FetchReply{200, "kubelet_pleg_last_seen_seconds 9e+09\n"}), clock);
  probe.Ask();
  EXPECT_FALSE(probe.Latest()->last_seen_ago.has_value());
  EXPECT_THAT(probe.Latest()->error, HasSubstr("in the future"));
}

std::string Counters(int relists, double seconds, int lists, double list_seconds, int errors) {
  return absl::StrCat(
      kMetrics, "kubelet_pleg_relist_duration_seconds_bucket{le=\"0.005\"} 7\n",
      "kubelet_pleg_relist_duration_seconds_sum ", seconds,
      "\nkubelet_pleg_relist_duration_seconds_count ", relists, "\nkubelet_pleg_discard_events ",
      errors,
      "\nkubelet_runtime_operations_duration_seconds_sum{operation_type=\"list_podsandbox\"} ",
      list_seconds,
      "\nkubelet_runtime_operations_duration_seconds_count{operation_type=\"list_podsandbox\"} ",
      lists, "\nkubelet_runtime_operations_duration_seconds_sum{operation_type=\"version\"} 0.1",
      "\nkubelet_runtime_operations_duration_seconds_count{operation_type=\"version\"} ", lists,
      "\nkubelet_runtime_operations_errors_total{operation_type=\"list_podsandbox\"} ", errors,
      "\n");
}

TEST(KubeletProbeTest, TellsRelistsAndOperationsSinceItAskedBefore) {
  FixedClock clock;
  std::string body = Counters(100, 10, 100, 1, 2);
  KubeletProbe::Options options = Answering(FetchReply{});
  options.fetch = [&body](const FetchRequest&) -> absl::StatusOr<FetchReply> {
    return FetchReply{200, body};
  };
  KubeletProbe probe(options, clock);
  probe.Ask();
  EXPECT_FALSE(probe.Latest()->relist_mean.has_value());
  EXPECT_TRUE(probe.Latest()->operations.empty());
  body = Counters(104, 18, 104, 9, 5);
  probe.Ask();
  const pleg::KubeletEvidence evidence = *probe.Latest();
  EXPECT_EQ(evidence.relist_mean, absl::Seconds(2));
  EXPECT_EQ(evidence.discarded_events, 3u);
  ASSERT_EQ(evidence.operations.size(), 1u);
  EXPECT_EQ(evidence.operations[0].name, "list_podsandbox");
  EXPECT_EQ(evidence.operations[0].count, 4u);
  EXPECT_EQ(evidence.operations[0].errors, 3u);
  EXPECT_EQ(evidence.operations[0].mean, absl::Seconds(2));
  probe.Ask();
  EXPECT_FALSE(probe.Latest()->relist_mean.has_value());
  EXPECT_TRUE(probe.Latest()->operations.empty());
}

TEST(KubeletProbeTest, ACounterThatBeganAnewCountsFromItsBeginning) {
  FixedClock clock;
  std::string body = Counters(100, 100, 100, 100, 9);
  KubeletProbe::Options options = Answering(FetchReply{});
  options.fetch = [&body](const FetchRequest&) -> absl::StatusOr<FetchReply> {
    return FetchReply{200, body};
  };
  KubeletProbe probe(options, clock);
  probe.Ask();
  body = Counters(2, 1, 0, 0, 0);
  probe.Ask();
  EXPECT_EQ(probe.Latest()->relist_mean, absl::Milliseconds(500));
  EXPECT_EQ(probe.Latest()->discarded_events, 0u);
}

TEST(KubeletProbeTest, EveryFailureIsALineOfEvidence) {
  FixedClock clock;
  const struct {
    absl::StatusOr<FetchReply> reply;
    const char* told;
  } cases[] = {
      {FetchReply{401, "Unauthorized"}, "HTTP 401: Unauthorized"},
      {FetchReply{403, "a\nb"}, "HTTP 403: a b"},
      {FetchReply{200, "nothing of use"}, "no kubelet_pleg_last_seen_seconds"},
      {FetchReply{200, "kubelet_pleg_last_seen_seconds NaN"}, "no kubelet_pleg_last_seen_seconds"},
      {absl::DeadlineExceededError("timed out"), "timed out"},
  };
  for (const auto& c : cases) {
    KubeletProbe probe(Answering(c.reply), clock);
    probe.Ask();
    EXPECT_THAT(probe.Latest()->error, HasSubstr(c.told));
    EXPECT_FALSE(probe.Latest()->last_seen_ago.has_value());
  }
}

TEST(KubeletProbeTest, ReadsTheTokenBeforeEachRequest) {
  FixedClock clock;
  const FixtureTree tree;
  std::string seen;
  KubeletProbe::Options options = Answering(FetchReply{200, kMetrics});
  options.token_file = tree.paths().procfs + "/token";
  options.fetch = [&seen](const FetchRequest& request) -> absl::StatusOr<FetchReply> {
    seen = request.bearer_token;
    return FetchReply{200, kMetrics};
  };
  KubeletProbe probe(options, clock);
  probe.Ask();
  EXPECT_THAT(probe.Latest()->error, HasSubstr("token"));
  tree.Write("proc/token", "first\n");
  probe.Ask();
  EXPECT_EQ(seen, "first");
  tree.Write("proc/token", "second\n");
  probe.Ask();
  EXPECT_EQ(seen, "second");
}

TEST(KubeletProbeTest, HealthzGetsNoToken) {
  FixedClock clock;
  const FixtureTree tree;
  tree.Write("proc/token", "secret\n");
  std::map<std::string, std::string> tokens;
  KubeletProbe::Options options;
  options.metrics_url = "https://127.0.0.1:10250/metrics";
  options.healthz_url = "https://127.0.0.1:10250/healthz";
  options.token_file = tree.paths().procfs + "/token";
  options.fetch = [&tokens](const FetchRequest& request) -> absl::StatusOr<FetchReply> {
    tokens[request.url] = request.bearer_token;
    return FetchReply{200, kMetrics};
  };
  KubeletProbe probe(options, clock);
  probe.Ask();
  EXPECT_EQ(tokens[options.metrics_url], "secret");
  EXPECT_EQ(tokens[options.healthz_url], "");
}

TEST(KubeletProbeTest, RefusesOptionsThatGiveTheTokenAway) {
  const auto check = [](const KubeletProbe::Options& options) {
    return std::string(KubeletProbe::Check(options).message());
  };
  EXPECT_EQ(check({}), "");
  EXPECT_EQ(check({.metrics_url = "http://127.0.0.1:10255/metrics"}), "");
  EXPECT_EQ(check({.metrics_url = "https://127.0.0.1:10250/metrics",
                   .healthz_url = "http://127.0.0.1:10248/healthz",
                   .token_file = "/token",
                   .pinned_cert = "/kubelet.crt"}),
            "");
  EXPECT_EQ(check({.metrics_url = "http://127.0.0.1:10255/metrics", .token_file = "/token"}),
            "--kubelet.token-file: the token would go unencrypted to "
            "http://127.0.0.1:10255/metrics; use https:// in --kubelet.metrics-url");
  EXPECT_THAT(check({.healthz_url = "https://127.0.0.1:10250/healthz", .token_file = "/token"}),
              HasSubstr("--kubelet.token-file is for --kubelet.metrics-url"));
  EXPECT_THAT(check({.ca_file = "/ca", .pinned_cert = "/kubelet.crt"}), HasSubstr("exclude"));
  EXPECT_THAT(check({.ca_file = "/ca", .skip_verification = true}), HasSubstr("exclude"));
  EXPECT_THAT(check({.pinned_cert = "/ca", .skip_verification = true}), HasSubstr("exclude"));
}

TEST(KubeletProbeTest, AsksHealthzToo) {
  FixedClock clock;
  KubeletProbe::Options options;
  options.healthz_url = "http://127.0.0.1:10248/healthz";
  options.fetch = [](const FetchRequest&) -> absl::StatusOr<FetchReply> {
    return FetchReply{500, "syncloop failed"};
  };
  KubeletProbe probe(options, clock);
  probe.Ask();
  EXPECT_EQ(probe.Latest()->healthz_ok, false);
  EXPECT_THAT(probe.Latest()->healthz_text, HasSubstr("syncloop"));
}

TEST(KubeletMetricsTest, KeepsABoundedNumberOfOperations) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) {
    absl::StrAppend(&text, "kubelet_runtime_operations_errors_total{operation_type=\"x", i,
                    "\"} 1\n");
  }
  EXPECT_EQ(ParseKubeletMetrics(text).operations.size(), kMaxOperations);
  for (const char* bad : {"kubelet_runtime_operations_errors_total{operation_type=\"x\" 1",
                          "kubelet_runtime_operations_errors_total{} 1",
                          "kubelet_runtime_operations_errors_total{operation_type=\"x\"} NaN"}) {
    for (const auto& [name, counters] : ParseKubeletMetrics(bad).operations) {
      EXPECT_EQ(counters.errors, 0) << bad;
    }
  }
}

TEST(KubeletMetricsTest, LeavesOutWhatIsHostile) {
  const std::string huge =
      "kubernetes_build_info{git_version=\"" + std::string(10'000, 'x') + "\"} 1";
  EXPECT_EQ(ParseKubeletMetrics(huge).version, "");
  EXPECT_EQ(ParseKubeletMetrics("kubernetes_build_info{git_version=\"v1").version, "");
  EXPECT_FALSE(ParseKubeletMetrics("kubelet_pleg_last_seen_seconds").last_seen.has_value());
  EXPECT_EQ(ParseKubeletMetrics("kubelet_pleg_last_seen_seconds 5 1700000000\n").last_seen, 5);
}

}  // namespace
}  // namespace runtime::host
