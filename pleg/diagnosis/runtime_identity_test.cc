#include "pleg/diagnosis/runtime_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Evidence At(const std::string& endpoint, const std::string& name = "") {
  Evidence evidence;
  evidence.runtime.endpoint = endpoint;
  evidence.runtime.name = name;
  return evidence;
}

Evidence AtK3sSocket(const std::string& kubelet_version = "") {
  Evidence evidence = At("unix:///run/k3s/containerd/containerd.sock", "containerd");
  if (!kubelet_version.empty()) evidence.kubelet.emplace().version = kubelet_version;
  return evidence;
}

Evidence WithUnits(Evidence evidence, const std::string& runtime, const std::string& kubelet) {
  HostEvidence& host = evidence.host.emplace();
  host.runtime_process.emplace().unit = runtime;
  host.kubelet_process.emplace().unit = kubelet;
  return evidence;
}

TEST(RuntimeIdentityTest, ContainersOutliveContainerd) {
  const RuntimeIdentity identity = IdentifyRuntime(At("unix:///run/containerd/containerd.sock"));
  EXPECT_FALSE(identity.one_unit());
  ASSERT_EQ(identity.restarts.size(), 1);
  EXPECT_EQ(identity.restarts[0].command, "systemctl restart containerd");
  EXPECT_EQ(identity.restarts[0].cost,
            "containers run on, except those of a shim that does not answer");
  EXPECT_EQ(identity.unit.Log(), "journalctl -u containerd");
  EXPECT_EQ(identity.unit.Start(), "systemctl start containerd");
}

TEST(RuntimeIdentityTest, DockerStopsItsContainersAndItsShimDoesNot) {
  for (const char* seen : {"", "cri-docker", "docker"}) {
    SCOPED_TRACE(seen);
    const RuntimeIdentity identity =
        IdentifyRuntime(WithUnits(At("unix:///run/cri-dockerd.sock", "docker"), seen, "kubelet"));
    ASSERT_THAT(identity.restarts,
                ElementsAre(Field(&Restart::command, "systemctl restart cri-docker"),
                            Field(&Restart::command, "systemctl restart docker")));
    EXPECT_EQ(identity.restarts[0].cost, "containers run on");
    EXPECT_THAT(identity.restarts[1].cost, HasSubstr("stops every container"));
    EXPECT_THAT(identity.restarts[1].check, HasSubstr("LiveRestoreEnabled"));
    EXPECT_EQ(identity.unit.Log(), "journalctl -u cri-docker -u docker");
  }
}

TEST(RuntimeIdentityTest, TheKubeletsVersionTellsK3sFromRke2) {
  EXPECT_THAT(IdentifyRuntime(AtK3sSocket("v1.32.4+k3s1")).unit.names,
              ElementsAre("k3s", "k3s-agent"));
  EXPECT_THAT(IdentifyRuntime(AtK3sSocket("v1.32.4+rke2r1")).unit.names,
              ElementsAre("rke2-server", "rke2-agent"));
  EXPECT_EQ(IdentifyRuntime(AtK3sSocket("v1.32.4")).unit.names.size(), 4);
}

TEST(RuntimeIdentityTest, OfAUnitThatWasNotSeenEveryNameIsTold) {
  const RuntimeIdentity identity = IdentifyRuntime(AtK3sSocket("v1.32.4+k3s1"));
  EXPECT_TRUE(identity.one_unit());
  EXPECT_EQ(identity.unit.Name(), "k3s or k3s-agent");
  EXPECT_EQ(identity.unit.Log(), "journalctl -u k3s -u k3s-agent");
  EXPECT_EQ(identity.unit.Revive(), "systemctl try-restart k3s k3s-agent");
  EXPECT_THAT(identity.unit.Start(),
              HasSubstr("--state=enabled --no-legend k3s.service k3s-agent.service"));
  ASSERT_EQ(identity.restarts.size(), 1);
  EXPECT_THAT(identity.restarts[0].cost, HasSubstr("on a server, API server and datastore"));
}

TEST(RuntimeIdentityTest, AUnitThatWasSeenIsTheOne) {
  const RuntimeIdentity server = IdentifyRuntime(WithUnits(AtK3sSocket(), "", "k3s"));
  EXPECT_TRUE(server.one_unit());
  ASSERT_EQ(server.restarts.size(), 1);
  EXPECT_EQ(server.restarts[0].command, "systemctl restart k3s");
  EXPECT_THAT(server.restarts[0].cost, HasSubstr("API server and datastore restart with it"));
  const RuntimeIdentity agent = IdentifyRuntime(WithUnits(AtK3sSocket(), "rke2-agent", ""));
  EXPECT_TRUE(agent.one_unit());
  ASSERT_EQ(agent.restarts.size(), 1);
  EXPECT_EQ(agent.restarts[0].command, "systemctl restart rke2-agent");
  EXPECT_THAT(agent.restarts[0].cost, HasSubstr("except those of a shim"));
  EXPECT_THAT(agent.kubelet_cost, IsEmpty());
}

TEST(RuntimeIdentityTest, OfMicroK8sTheKubeletAloneIsCostly) {
  const RuntimeIdentity identity =
      IdentifyRuntime(At("unix:///var/snap/microk8s/common/run/containerd.sock"));
  EXPECT_FALSE(identity.one_unit());
  ASSERT_EQ(identity.restarts.size(), 1);
  EXPECT_EQ(identity.restarts[0].command, "systemctl restart snap.microk8s.daemon-containerd");
  EXPECT_THAT(identity.restarts[0].cost, Not(HasSubstr("API server")));
  EXPECT_THAT(identity.kubelet_cost, HasSubstr("API server"));
}

TEST(RuntimeIdentityTest, NothingIsPromisedOfAnUnknownRuntime) {
  EXPECT_THAT(IdentifyRuntime(At("unix:///run/my.sock")).restarts, IsEmpty());
  const RuntimeIdentity seen = IdentifyRuntime(WithUnits(At("unix:///run/my.sock"), "mine", ""));
  ASSERT_EQ(seen.restarts.size(), 1);
  EXPECT_EQ(seen.restarts[0].command, "systemctl restart mine");
  EXPECT_THAT(seen.restarts[0].cost, HasSubstr("is not known"));
}

}  // namespace
}  // namespace pleg
