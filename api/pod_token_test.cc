#include "api/pod_token.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace api {
namespace {

constexpr char kBoot[] = "0f3c1d2e-4b5a-4c6d-8e7f-001122334455";
constexpr char kOtherBoot[] = "aaaaaaaa-4b5a-4c6d-8e7f-001122334455";
const pleg::MonoTime kNow = pleg::MonoTime::FromNanos(5000);

TEST(PodTokenTest, NamesTheObservation) {
  const pleg::MonoTime seen = pleg::MonoTime::FromNanos(4321);
  EXPECT_EQ(ParsePodToken(PodToken(kBoot, seen), kBoot, kNow).value(), seen);
  EXPECT_EQ(ParsePodToken(PodToken(kBoot, kNow), kBoot, kNow).value(), kNow);
}

TEST(PodTokenTest, OneOfAnEarlierRunIsOlderThanAll) {
  const std::string token = PodToken(kOtherBoot, pleg::MonoTime::FromNanos(999'999));
  EXPECT_EQ(ParsePodToken(token, kBoot, kNow).value(), pleg::MonoTime());
}

TEST(PodTokenTest, RefusesWhatWasNeverIssued) {
  const std::string boot = kBoot;
  const std::vector<std::string> never = {"x",
                                          ".",
                                          boot,
                                          boot + ".",
                                          boot + ".-1",
                                          boot + ".01",
                                          boot + ".1x",
                                          boot + ". 1",
                                          boot + ".5001",
                                          boot + ".99999999999999999999",
                                          "0F3C1D2E-4B5A-4C6D-8E7F-001122334455.1",
                                          boot + "a.1",
                                          boot + ".1.1",
                                          std::string(100'000, 'a'),
                                          "\xff\x1b[31m\n"};
  for (const std::string& bad : never) {
    const auto parsed = ParsePodToken(bad, kBoot, kNow);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_LT(parsed.status().message().size(), 500u);
    EXPECT_EQ(parsed.status().message().find('\x1b'), absl::string_view::npos);
  }
}

}  // namespace
}  // namespace api
