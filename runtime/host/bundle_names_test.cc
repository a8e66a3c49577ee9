#include "runtime/host/bundle_names.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

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
  NameByConfig(kConfig, BundleOf::kContainerd, object);
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
               BundleOf::kCrio, object);
  EXPECT_EQ(object.pod_namespace, "shop");
  EXPECT_EQ(object.pod_name, "web-0");
  EXPECT_EQ(object.container, "app");
}

// Its arguments, its environment, its mounts: what the container says, and not the runtime of it.
TEST(BundleNamesTest, NotByTheWordsOfTheContainer) {
  constexpr char kKey[] = R"("io.kubernetes.cri.sandbox-name")";
  for (const std::string& process :
       {absl::StrCat(R"({"args":["app",)", kKey, "]}"), absl::StrCat("{", kKey, R"(:"evil"})"),
        absl::StrCat(R"({"annotations":{)", kKey, R"(:"evil"}})"),
        absl::StrCat(R"({"args":["annotations",":",)", kKey, R"(,":","evil"]})"),
        std::string(R"({"args":["\\","{","\""]})")}) {
    pleg::ObjectRef object;
    NameByConfig(absl::StrCat(R"({"process":)", process, R"(,"annotations":{"x":)", kKey, ",", kKey,
                              R"(:"web-0"}})"),
                 BundleOf::kContainerd, object);
    EXPECT_EQ(object.pod_name, "web-0") << process;
  }
}

TEST(BundleNamesTest, WhatIsNoConfigTellsNothing) {
  const auto name_of = [](const std::string& config) {
    pleg::ObjectRef object;
    NameByConfig(config, BundleOf::kCrio, object);
    return object.pod_name;
  };
  const std::string start = R"({"annotations":{"io.kubernetes.pod.name")";
  EXPECT_EQ(name_of(start + R"(:"x"}})"), "x");
  for (const std::string& end :
       {R"()", R"(}})", R"(:)", R"(:")", R"(:"x)", R"(:["x"]}})", R"(:"a\nb"}})"}) {
    EXPECT_EQ(name_of(start + end), "") << end;
  }
  EXPECT_EQ(name_of(absl::StrCat(start, R"(:")", std::string(5000, 'x'), R"("}})")), "");
  for (const char* config :
       {"", "null", "]", R"({"annotations")", R"({"annotations":"io.kubernetes.pod.name"})",
        R"({"io.kubernetes.pod.name":"x"})",
        R"({"annotations":{}},"io.kubernetes.pod.name":"x")"}) {
    EXPECT_EQ(name_of(config), "") << config;
  }
}

// No capability is needed for what root owns.
TEST(BundleNamesTest, ThroughTheRuntimesDirectory) {
  const FixtureTree tree;
  const std::string crio(64, 'd');
  tree.Write(absl::StrCat("tasks/", kId, "/config.json"), kConfig);
  tree.Write(absl::StrCat("crio/", crio, "/userdata/config.json"),
             R"({"annotations": {"io.kubernetes.cri.sandbox-name": "of-somebody-else",
                                 "io.kubernetes.pod.name": "web-1"}})");

  pleg::HostEvidence host;
  host.shims.resize(3);
  host.shims[0].object.id = pleg::ContainerId(kId);
  host.shims[1].object.id = pleg::ContainerId(crio);
  host.shims[2].object.id = pleg::ContainerId("../tasks/" + std::string(kId));
  NameByBundles({tree.Path("none"), tree.Path("tasks"), tree.Path("crio")}, host);
  EXPECT_EQ(host.shims[0].object.pod_name, "web-0");
  EXPECT_EQ(host.shims[1].object.pod_name, "web-1");
  EXPECT_EQ(host.shims[2].object.pod_name, "");
}

// What a shim, or what calls itself one, has for its working directory is a tenant's word.
TEST(BundleNamesTest, NotThroughAProcess) {
  const FixtureTree tree;
  tree.Write(absl::StrCat("evil/", kId, "/config.json"), kConfig);
  tree.Link("proc/77/cwd", tree.Path(absl::StrCat("evil/", kSandbox)));
  tree.Link(absl::StrCat("tasks/", kId), tree.Path(absl::StrCat("evil/", kId)));
  pleg::HostEvidence host;
  host.shims.resize(1);
  host.shims[0].object.id = pleg::ContainerId(kId);
  host.shims[0].shim.emplace();
  host.shims[0].shim->pid = 77;
  NameByBundles({tree.Path("tasks")}, host);
  EXPECT_EQ(host.shims[0].object.pod_name, "");
}

TEST(BundleNamesTest, KeepsWhatIsListedAndDoesWithoutShims) {
  const FixtureTree tree;
  tree.Write(absl::StrCat("tasks/", kId, "/config.json"), kConfig);
  pleg::HostEvidence host;
  host.shims.resize(2);
  for (pleg::ShimEvidence& shim : host.shims) shim.object.id = pleg::ContainerId(kId);
  host.shims[0].object.pod_name = "listed";
  NameByBundles({tree.Path("tasks")}, host);
  EXPECT_EQ(host.shims[0].object.pod_name, "listed");
  EXPECT_EQ(host.shims[0].object.container, "");
  EXPECT_EQ(host.shims[1].object.pod_name, "web-0");
}

}  // namespace
}  // namespace runtime::host
