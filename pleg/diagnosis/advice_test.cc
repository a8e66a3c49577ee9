#include "pleg/diagnosis/advice.h"

#include <gtest/gtest.h>

#include "pleg/diagnosis/evidence.h"
#include "pleg/diagnosis/facts.h"

namespace pleg {
namespace {

std::string CrictlAt(const std::string& endpoint) {
  Evidence evidence;
  evidence.runtime.endpoint = endpoint;
  return Crictl(Facts(evidence), "ps");
}

TEST(Advice, CrictlIsToldWhatItWouldNotFind) {
  EXPECT_EQ(CrictlAt("unix:///run/containerd/containerd.sock"), "crictl ps");
  EXPECT_EQ(CrictlAt("unix:///var/run/crio/crio.sock"), "crictl ps");
  EXPECT_EQ(CrictlAt("unix:///run/k3s/containerd/containerd.sock"),
            "crictl -r unix:///run/k3s/containerd/containerd.sock ps");
  EXPECT_EQ(CrictlAt("unix:///run/cri-dockerd.sock"), "crictl -r unix:///run/cri-dockerd.sock ps");
  EXPECT_EQ(CrictlAt("unix:///run/odd path"), "crictl -r 'unix:///run/odd path' ps");
  EXPECT_EQ(CrictlAt(""), "crictl ps");
  EXPECT_EQ(CrictlAt("unix:///run/\x1b[2J"), "crictl ps");
  EXPECT_EQ(CrictlAt(std::string(200, 'x')), "crictl ps");
}

}  // namespace
}  // namespace pleg
