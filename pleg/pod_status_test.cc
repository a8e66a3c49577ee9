#include "pleg/pod_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Ips(std::string primary, std::vector<std::string> additional = {}) {
  SandboxStatus status;
  status.primary_ip = std::move(primary);
  status.additional_ips = std::move(additional);
  return PodIps(status);
}

TEST(PodIpsTest, PrimaryThenAdditionalAsAnswered) {
  EXPECT_THAT(Ips("10.0.0.1"), ElementsAre("10.0.0.1"));
  EXPECT_THAT(Ips("10.0.0.1", {"2001:db8::1", "10.0.0.2"}),
              ElementsAre("10.0.0.1", "2001:db8::1", "10.0.0.2"));
  EXPECT_THAT(Ips("2001:DB8:0:0::1"), ElementsAre("2001:DB8:0:0::1"));
}

TEST(PodIpsTest, NoAddressIsNormal) {
  EXPECT_THAT(Ips(""), IsEmpty());
  EXPECT_THAT(Ips("", {"10.0.0.2"}), ElementsAre("10.0.0.2"));
}

TEST(PodIpsTest, OneUnparsableAddressMakesThemNone) {
  EXPECT_THAT(Ips("10.0.0.1", {"nonsense"}), IsEmpty());
  EXPECT_THAT(Ips("nonsense", {"10.0.0.1"}), IsEmpty());
  EXPECT_THAT(Ips("10.0.0.1", {""}), IsEmpty());
}

TEST(PodIpsTest, TheLenientParser) {
  for (const char* good :
       {"0.0.0.0", "255.255.255.255", "010.000.0.01", "0000010.0.0.1", "::", "::1", "fe80::1",
        "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1", "::ffff:010.0.0.1", "64:ff9b::192.0.2.33"}) {
    EXPECT_THAT(Ips(good), ElementsAre(good));
  }
  for (const char* bad : {"10.0.0",
                          "10.0.0.1.2",
                          "10.0.0.256",
                          "10..0.1",
                          ".10.0.0.1",
                          "10.0.0.1.",
                          "10.0.0.-1",
                          "10.0.0.0x1",
                          " 10.0.0.1",
                          "10.0.0.1 ",
                          "10.0.0.0/24",
                          "99999999999999999999.0.0.1",
                          "1",
                          ":",
                          ":::",
                          "1:2:3:4:5:6:7",
                          "1:2:3:4:5:6:7:8:9",
                          "::g",
                          "fe80::1%eth0",
                          "2001:db8::/32",
                          "[::1]",
                          "::ffff:10.0.0.256",
                          "::10.0.0.1:1",
                          "12345::"}) {
    EXPECT_THAT(Ips(bad), IsEmpty()) << bad;
  }
  EXPECT_THAT(Ips(std::string("::1\0", 4)), IsEmpty());
}

TEST(PodStatusTest, FindContainer) {
  PodStatus status;
  EXPECT_EQ(status.FindContainer(ContainerId("c")), nullptr);
  for (const char* id : {"b", "c"}) {
    ContainerStatus container;
    container.id = ContainerId(id);
    status.container_statuses.push_back(std::make_shared<const ContainerStatus>(container));
  }
  EXPECT_EQ(status.FindContainer(ContainerId("c")), status.container_statuses[1].get());
  EXPECT_EQ(status.FindContainer(ContainerId("")), nullptr);
}

}  // namespace
}  // namespace pleg
