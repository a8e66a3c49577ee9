#include "runtime/host/node_directories.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace runtime::host {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

TEST(NodeDirectoriesTest, OfRuntimesAsTheyCome) {
  const NodeDirectories containerd = DirectoriesOf("/run/containerd/containerd.sock");
  EXPECT_THAT(containerd.runtime_roots, ElementsAre("/var/lib/containerd"));
  EXPECT_THAT(containerd.kubelet_roots, ElementsAre("/var/lib/kubelet"));
  EXPECT_THAT(containerd.task_roots,
              Contains("/run/containerd/io.containerd.runtime.v2.task/k8s.io"));
  EXPECT_THAT(DirectoriesOf("/var/run/crio/crio.sock").runtime_roots,
              ElementsAre("/var/lib/containers/storage"));
  EXPECT_THAT(DirectoriesOf("/run/cri-dockerd.sock").runtime_roots, ElementsAre("/var/lib/docker"));
}

TEST(NodeDirectoriesTest, OfDistributions) {
  const NodeDirectories k3s = DirectoriesOf("/run/k3s/containerd/containerd.sock");
  EXPECT_THAT(k3s.runtime_roots, ElementsAre("/var/lib/rancher/k3s/agent/containerd",
                                             "/var/lib/rancher/rke2/agent/containerd"));
  EXPECT_THAT(k3s.task_roots, Contains("/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io"));
  const NodeDirectories k0s = DirectoriesOf("/run/k0s/containerd.sock");
  EXPECT_THAT(k0s.runtime_roots, ElementsAre("/var/lib/k0s/containerd"));
  EXPECT_THAT(k0s.kubelet_roots, ElementsAre("/var/lib/k0s/kubelet", "/var/lib/kubelet"));
  EXPECT_THAT(k0s.task_roots, Contains("/run/k0s/containerd/io.containerd.runtime.v2.task/k8s.io"));
}

}  // namespace
}  // namespace runtime::host
