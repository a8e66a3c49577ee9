#include "runtime/discovery_settings.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kCrictl[] = "/etc/crictl.yaml";
constexpr char kExtraArgs[] = "/etc/default/kubelet";
constexpr char kKubeadm[] = "/var/lib/kubelet/kubeadm-flags.env";
constexpr char kKubelet[] = "/var/lib/kubelet/config.yaml";

// A machine's files; those that are not there are missing.
class FindSettingTest : public ::testing::Test {
 protected:
  absl::StatusOr<FoundSetting> Find() {
    return FindSetting(settings_, [this](const std::string& path) -> absl::StatusOr<std::string> {
      read_.push_back(path);
      const auto file = files_.find(path);
      if (file != files_.end()) return file->second;
      return absl::NotFoundError(absl::StrCat(path, ": no such file"));
    });
  }
  void ExpectFound(const std::string& path, const std::string& reason) {
    const absl::StatusOr<FoundSetting> found = Find();
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_TRUE(found->endpoint.has_value());
    EXPECT_EQ(found->endpoint->path(), path);
    EXPECT_EQ(found->reason, reason);
    EXPECT_THAT(found->notes, IsEmpty());
  }

  DiscoverySettings settings_;
  std::map<std::string, absl::StatusOr<std::string>> files_;
  std::vector<std::string> read_;
};

TEST_F(FindSettingTest, EachSettingGivesWayToTheOneBefore) {
  files_[kKubelet] = "containerRuntimeEndpoint: unix:///kubelet-config";
  ExpectFound("/kubelet-config", absl::StrCat("containerRuntimeEndpoint in ", kKubelet));
  files_[kKubeadm] =
      "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///kubeadm --pod-infra=x\"\n";
  ExpectFound("/kubeadm", absl::StrCat("--container-runtime-endpoint in ", kKubeadm));
  files_[kExtraArgs] = "KUBELET_EXTRA_ARGS=--container-runtime-endpoint=unix:///extra\n";
  ExpectFound("/extra", absl::StrCat("--container-runtime-endpoint in ", kExtraArgs));
  files_[kCrictl] = "runtime-endpoint: unix:///crictl\nimage-endpoint: unix:///other\ntimeout: 2";
  ExpectFound("/crictl", "runtime-endpoint in /etc/crictl.yaml");
  files_["/env.yaml"] = "runtime-endpoint: unix:///crictl-env";
  settings_.crictl_config_environment = "/env.yaml";
  ExpectFound("/crictl-env", "runtime-endpoint in /env.yaml");
  files_["/flag.yaml"] = "runtime-endpoint: /crictl-flag";
  settings_.crictl_config_flag = "/flag.yaml";
  ExpectFound("/crictl-flag", "runtime-endpoint in /flag.yaml");
  settings_.environment = "unix:///environment";
  ExpectFound("/environment", "environment CONTAINER_RUNTIME_ENDPOINT");
  settings_.flag = "/flag";
  read_.clear();
  ExpectFound("/flag", "flag --runtime-endpoint");
  EXPECT_THAT(read_, IsEmpty());
}

TEST_F(FindSettingTest, NothingIsSet) {
  files_[kCrictl] = "timeout: 10";
  files_[kKubelet] = "containerRuntimeEndpoint: \"\"";
  files_[kKubeadm] = "KUBELET_KUBEADM_ARGS=\"--v=2\"";
  const absl::StatusOr<FoundSetting> found = Find();
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(found->endpoint.has_value());
  EXPECT_THAT(found->notes, IsEmpty());
}

TEST_F(FindSettingTest, ACrictlFileThatIsNamedReplacesTheDefaultOne) {
  files_[kCrictl] = "runtime-endpoint: unix:///default";
  files_["/named.yaml"] = "debug: true";
  settings_.crictl_config_flag = "/named.yaml";
  const absl::StatusOr<FoundSetting> found = Find();
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(found->endpoint.has_value());
}

TEST_F(FindSettingTest, WhatPlegdWasToldMustBeRight) {
  settings_.crictl_config_environment = "/named.yaml";
  EXPECT_EQ(Find().status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Find().status().message()),
              HasSubstr("/named.yaml: no such file (named by environment CRI_CONFIG_FILE)"));
  files_["/named.yaml"] = "a: b\nruntime-endpoint: [x]";
  EXPECT_THAT(std::string(Find().status().message()),
              HasSubstr("/named.yaml:2: runtime-endpoint is a list"));
  files_["/named.yaml"] = "runtime-endpoint: tcp://x:1";
  EXPECT_THAT(std::string(Find().status().message()),
              HasSubstr("runtime-endpoint in /named.yaml: runtime endpoint \"tcp://x:1\": only"));
  settings_.crictl_config_flag = "/none.yaml";
  EXPECT_THAT(std::string(Find().status().message()), HasSubstr("(named by flag --crictl-config)"));
  settings_.environment = "npipe://x";
  EXPECT_THAT(std::string(Find().status().message()),
              HasSubstr("environment CONTAINER_RUNTIME_ENDPOINT: runtime endpoint \"npipe://x\""));
  settings_.flag = "relative";
  EXPECT_THAT(std::string(Find().status().message()), HasSubstr("flag --runtime-endpoint: "));
}

TEST_F(FindSettingTest, WhatLiesAroundMayBeWrong) {
  files_[kCrictl] = "runtime-endpoint: {";
  files_[kExtraArgs] = absl::PermissionDeniedError("/etc/default/kubelet: cannot open");
  files_[kKubeadm] = "KUBELET_KUBEADM_ARGS=--container-runtime-endpoint=tcp://x:1";
  files_[kKubelet] = "containerRuntimeEndpoint: unix:///kubelet";
  const absl::StatusOr<FoundSetting> found = Find();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->endpoint, Endpoint("/kubelet"));
  EXPECT_THAT(found->notes,
              ElementsAre(HasSubstr("passed over: /etc/crictl.yaml:1: not YAML"),
                          HasSubstr("/etc/default/kubelet: cannot open"), HasSubstr("tcp://x:1")));
}

TEST(FindKubeletEndpointFlagTest, Table) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", ""},
      {"A=\"--v=2\"", ""},
      {"A=\"--container-runtime=remote --container-runtime-endpoint=unix:///a\"", "unix:///a"},
      {"A='--x --container-runtime-endpoint unix:///b --y'", "unix:///b"},
      {"A=--container_runtime_endpoint=/c", "/c"},
      {"  A=--container-runtime-endpoint=/c  \r\n", "/c"},
      {"# A=--container-runtime-endpoint=/no\n; A=--container-runtime-endpoint=/no", ""},
      {"A=--container-runtime-endpoint=/1\nB=--container-runtime-endpoint=/2", "/2"},
      {"A=\"--container-runtime-endpoint='/q'\"", "/q"},
      {"A=--container-runtime-endpoint=", ""},
      {"A=--container-runtime-endpoint", ""},
      {"A=--container-runtime-endpoint\nB=/not-its-value", ""},
      {"A=--container-runtime-endpoint-x=/no", ""},
      {"A=--container-runtime-endpoint --container-runtime-endpoint",
       "--container-runtime-endpoint"},
      {"--container-runtime-endpoint=/without-a-variable", ""},
      {"A=--container-runtime-endpoint=/a=b", "/a=b"},
      {"=", ""},
      {"A=\"", ""},
  };
  for (const auto& [text, value] : cases) {
    EXPECT_EQ(FindKubeletEndpointFlag(text).value_or(""), value) << text;
  }
}

}  // namespace
}  // namespace runtime
