#include "api/host_policy.h"

#include "gtest/gtest.h"

namespace api {
namespace {

TEST(HostPolicyTest, AllowsWhatCannotBeRebound) {
  const HostPolicy policy({"node-1.example", ""});
  for (const char* host : {"127.0.0.1", "127.0.0.1:10270", "10.1.2.3:80", "[::1]", "[::1]:10270",
                           "[fd00::1]:1", "localhost", "localhost:10270", "LocalHost.",
                           "plegd.localhost:1", "node-1.example", "NODE-1.example.:10270"}) {
    EXPECT_TRUE(policy.Allows(host)) << host;
  }
}

TEST(HostPolicyTest, RejectsOtherNames) {
  const HostPolicy policy({"node-1.example", ""});
  for (const char* host :
       {"", ".", ":80", "attacker.example", "attacker.example:10270", "127.0.0.1.attacker.example",
        "localhost.attacker.example", "xlocalhost", "node-1.example.attacker.example", "[::1",
        "[::1]x", "[::1]:80x", "[localhost]", "::1", "127.0.0.1:80@attacker.example",
        "127.0.0.1:80:80", "2130706433", "0x7f.1", "127.1"}) {
    EXPECT_FALSE(policy.Allows(host)) << host;
  }
}

}  // namespace
}  // namespace api
