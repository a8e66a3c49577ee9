#include "runtime/host/bundle_names.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace runtime::host {
namespace {

namespace fs = std::filesystem;

constexpr char kId[] = "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1";
constexpr char kSandbox[] = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
// As containerd 1.6 writes it, but for what is left out.
constexpr char kConfig[] =
    R"({"ociVersion":"1.0.2-dev","process":{"env":["A=\"io.kubernetes.cri.sandbox-name\":\"evil\""]},)"
    R"("annotations":{"io.kubernetes.cri.container-name":"app",)"
    R"("io.kubernetes.cri.container-type":"container",)"
    R"("io.kubernetes.cri.image-name":"docker.io/library/web:1",)"
    R"("io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop",)"
    R"("io.kubernetes.cri.sandbox-uid":"uid-0"}})";

TEST(BundleNamesTest, OfContainerd) {
  pleg::ObjectRef object;
  NameByConfig(kConfig, object);
  EXPECT_EQ(object.pod_namespace, "shop");
  EXPECT_EQ(object.pod_name, "web-0");
  EXPECT_EQ(object.pod_uid, pleg::PodUid("uid-0"));
  EXPECT_EQ(object.container, "app");
  EXPECT_EQ(object.image, "docker.io/library/web:1");
}

TEST(BundleNamesTest, OfCrio) {
  pleg::ObjectRef object;
  NameByConfig(R"({"annotations": {"io.kubernetes.pod.name" : "web-0",
                   "io.kubernetes.pod.namespace": "shop", "io.kubernetes.container.name": "app"}})",
               object);
  EXPECT_EQ(object.pod_namespace, "shop");
  EXPECT_EQ(object.pod_name, "web-0");
  EXPECT_EQ(object.container, "app");
}

TEST(BundleNamesTest, WhatIsNoConfigTellsNothing) {
  for (const std::string config :
       {R"()", R"(null)", R"("io.kubernetes.pod.name")", R"("io.kubernetes.pod.name":)",
        R"("io.kubernetes.pod.name":")", R"("io.kubernetes.pod.name":"x)",
        R"("io.kubernetes.pod.name":["x"])", R"("io.kubernetes.pod.name":"a\nb")"}) {
    pleg::ObjectRef object;
    NameByConfig(config, object);
    EXPECT_EQ(object.pod_name, "") << config;
  }
  pleg::ObjectRef object;
  NameByConfig(absl::StrCat(R"("io.kubernetes.pod.name":")", std::string(5000, 'x'), "\""), object);
  EXPECT_EQ(object.pod_name, "");
}

TEST(BundleNamesTest, ThroughTheShimsDirectory) {
  std::string dir = fs::temp_directory_path() / "plegd-bundles.XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  for (const char* id : {kId, kSandbox}) fs::create_directories(fs::path(dir) / "tasks" / id);
  std::ofstream(fs::path(dir) / "tasks" / kId / "config.json") << kConfig;
  fs::create_directories(fs::path(dir) / "proc/77");
  fs::create_symlink(fs::path(dir) / "tasks" / kSandbox, fs::path(dir) / "proc/77/cwd");

  pleg::HostEvidence host;
  host.shims.resize(4);
  for (pleg::ShimEvidence& shim : host.shims) {
    shim.object.id = pleg::ContainerId(kId);
    shim.shim.emplace();
    shim.shim->pid = 77;
  }
  host.shims[1].object.pod_name = "listed";
  host.shims[2].shim->pid = 78;  // gone
  host.shims[3].shim.reset();
  NameByBundles({}, dir + "/proc", host);
  EXPECT_EQ(host.shims[0].object.pod_name, "web-0");
  EXPECT_EQ(host.shims[1].object.pod_name, "listed");
  EXPECT_EQ(host.shims[1].object.container, "");
  EXPECT_EQ(host.shims[2].object.pod_name, "");
  EXPECT_EQ(host.shims[3].object.pod_name, "");
  fs::remove_all(dir);
}

// No capability is needed for what root owns.
TEST(BundleNamesTest, ThroughTheRuntimesDirectory) {
  std::string dir = fs::temp_directory_path() / "plegd-bundles.XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  const std::string crio(64, 'd');
  fs::create_directories(fs::path(dir) / "tasks" / kId);
  fs::create_directories(fs::path(dir) / "crio" / crio / "userdata");
  std::ofstream(fs::path(dir) / "tasks" / kId / "config.json") << kConfig;
  std::ofstream(fs::path(dir) / "crio" / crio / "userdata/config.json")
      << R"({"annotations": {"io.kubernetes.pod.name": "web-1"}})";

  pleg::HostEvidence host;
  host.shims.resize(3);
  host.shims[0].object.id = pleg::ContainerId(kId);
  host.shims[1].object.id = pleg::ContainerId(crio);
  host.shims[2].object.id = pleg::ContainerId("../tasks/" + std::string(kId));
  NameByBundles({dir + "/none", dir + "/tasks", dir + "/crio"}, dir + "/proc", host);
  EXPECT_EQ(host.shims[0].object.pod_name, "web-0");
  EXPECT_EQ(host.shims[1].object.pod_name, "web-1");
  EXPECT_EQ(host.shims[2].object.pod_name, "");
  fs::remove_all(dir);
}

TEST(BundleNamesTest, ThroughTheDirectoryOfConmon) {
  std::string dir = fs::temp_directory_path() / "plegd-bundles.XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  const fs::path userdata = fs::path(dir) / "overlay-containers" / kId / "userdata";
  fs::create_directories(userdata);
  std::ofstream(userdata / "config.json") << R"({"io.kubernetes.pod.name": "web-1"})";
  fs::create_directories(fs::path(dir) / "proc/77");
  fs::create_symlink(userdata, fs::path(dir) / "proc/77/cwd");
  pleg::HostEvidence host;
  host.shims.resize(1);
  host.shims[0].object.id = pleg::ContainerId(kId);
  host.shims[0].shim.emplace();
  host.shims[0].shim->pid = 77;
  NameByBundles({}, dir + "/proc", host);
  EXPECT_EQ(host.shims[0].object.pod_name, "web-1");
  fs::remove_all(dir);
}

}  // namespace
}  // namespace runtime::host
