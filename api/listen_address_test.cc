#include "api/listen_address.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace api {
namespace {

TEST(ListenAddressTest, Parses) {
  struct Case {
    const char* text;
    ListenAddress address;
  };
  for (const Case& c : {
           Case{"127.0.0.1:10270", {false, "127.0.0.1", 10270, ""}},
           Case{":10270", {false, "", 10270, ""}},
           Case{"localhost:0", {false, "localhost", 0, ""}},
           Case{"[::1]:65535", {false, "::1", 65535, ""}},
           Case{"[fe80::1%eth0]:80", {false, "fe80::1%eth0", 80, ""}},
           Case{"unix:///run/plegd/plegd.sock", {true, "", 0, "/run/plegd/plegd.sock"}},
       }) {
    const auto address = ParseListenAddress(c.text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(*address, c.address) << c.text;
    EXPECT_EQ(address->ToString(), c.text);
  }
  EXPECT_EQ(ParseListenAddress("unix:/run/x.sock")->path, "/run/x.sock");
}

TEST(ListenAddressTest, SaysWhatIsWrong) {
  struct Case {
    std::string text;
    const char* why;
  };
  for (const Case& c : {
           Case{"", "it has no port"},
           Case{"localhost", "it has no port"},
           Case{"10270", "it has no port"},
           Case{"localhost:", "its port is not a number"},
           Case{"localhost:http", "its port is not a number"},
           Case{"localhost:-1", "its port is not a number"},
           Case{"localhost:+1", "its port is not a number"},
           Case{"localhost: 80", "its port is not a number"},
           Case{"localhost:65536", "its port is not a number"},
           Case{"localhost:99999999999999999999", "its port is not a number"},
           Case{"::1:80", "an IPv6 address has brackets"},
           Case{"[::1:80", "its bracket is not closed"},
           Case{"[::1]80", "its bracket is not closed"},
           Case{"[localhost]:80", "only IPv6 addresses have brackets"},
           Case{"a b:80", "neither an address nor a name"},
           Case{"http://localhost:80", "the only scheme is unix://"},
           Case{"unix://relative.sock", "is absolute"},
           Case{"unix://", "is absolute"},
           Case{"unix:///" + std::string(200, 'x'), "at most 107 bytes"},
           Case{std::string("unix:///a\0b", 11), "NUL"},
       }) {
    const auto address = ParseListenAddress(c.text);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_THAT(
        std::string(address.status().message()),
        ::testing::AllOf(::testing::StartsWith("listen address \""), ::testing::HasSubstr(c.why)))
        << c.text;
  }
}

}  // namespace
}  // namespace api
