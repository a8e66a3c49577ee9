#include "runtime/convert.h"

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

v1::PodSandboxStatus GoodSandboxStatus() {
  v1::PodSandboxStatus status;
  status.set_id("s1");
  status.mutable_metadata()->set_name("web");
  status.mutable_metadata()->set_namespace_("default");
  status.mutable_metadata()->set_uid("uid-1");
  status.mutable_metadata()->set_attempt(2);
  status.set_created_at(1'000'000'005);
  return status;
}

v1::ContainerStatus GoodContainerStatus() {
  v1::ContainerStatus status;
  status.set_id("c1");
  status.mutable_metadata()->set_name("app");
  status.mutable_metadata()->set_attempt(1);
  status.set_created_at(1'000);
  status.set_started_at(2'000);
  status.set_finished_at(3'000);
  status.set_exit_code(137);
  status.set_reason("OOMKilled");
  status.set_message("killed");
  status.mutable_image()->set_image("nginx:1");
  status.set_image_ref("sha256:ref");
  return status;
}

TEST(ConvertTest, ContainerStates) {
  using pleg::ContainerState;
  const std::vector<std::pair<int, ContainerState>> cases = {
      {0, ContainerState::kCreated}, {1, ContainerState::kRunning}, {2, ContainerState::kExited},
      {3, ContainerState::kUnknown}, {4, ContainerState::kUnknown}, {-1, ContainerState::kUnknown}};
  for (const auto& [number, state] : cases) EXPECT_EQ(ToContainerState(number), state) << number;
}

TEST(ConvertTest, SandboxStates) {
  using pleg::SandboxState;
  EXPECT_EQ(ToSandboxState(0), SandboxState::kReady);
  EXPECT_EQ(ToSandboxState(1), SandboxState::kNotReady);
  EXPECT_EQ(ToSandboxState(2), SandboxState::kUnknown);
  EXPECT_EQ(ToSandboxState(-7), SandboxState::kUnknown);
}

TEST(ConvertTest, SandboxInfoComesFromTheMetadata) {
  v1::PodSandbox sandbox;
  sandbox.set_id("s1");
  sandbox.mutable_metadata()->set_name("web");
  sandbox.mutable_metadata()->set_namespace_("default");
  sandbox.mutable_metadata()->set_uid("uid-1");
  sandbox.mutable_metadata()->set_attempt(4'000'000'000);
  sandbox.set_created_at(1'234'567'890'123'456'789);
  (*sandbox.mutable_labels())[std::string(kPodUidLabel)] = "another";
  const pleg::SandboxInfo info = ToSandboxInfo(sandbox);
  EXPECT_EQ(info.id, pleg::ContainerId("s1"));
  EXPECT_EQ(info.pod_uid, pleg::PodUid("uid-1"));
  EXPECT_EQ(info.pod_name, "web");
  EXPECT_EQ(info.pod_namespace, "default");
  EXPECT_EQ(info.attempt, 4'000'000'000u);
  EXPECT_EQ(absl::ToUnixNanos(info.created_at), 1'234'567'890'123'456'789);
}

TEST(ConvertTest, ContainerInfoTakesThePodFromTheLabels) {
  v1::Container container;
  container.set_id("c1");
  container.set_pod_sandbox_id("s1");
  container.mutable_metadata()->set_name("app");
  container.mutable_metadata()->set_attempt(3);
  container.mutable_image()->set_image("nginx:1");
  container.set_image_ref("ref");
  container.set_created_at(5);
  auto& labels = *container.mutable_labels();
  labels[std::string(kPodUidLabel)] = "uid-1";
  labels[std::string(kPodNameLabel)] = "web";
  labels[std::string(kPodNamespaceLabel)] = "default";
  labels[std::string(kContainerNameLabel)] = "not this one";
  (*container.mutable_annotations())[std::string(kHashAnnotation)] = "ff00";
  const pleg::ContainerInfo info = ToContainerInfo(container);
  EXPECT_EQ(info.id, pleg::ContainerId("c1"));
  EXPECT_EQ(info.sandbox_id, pleg::ContainerId("s1"));
  EXPECT_EQ(info.pod_uid, pleg::PodUid("uid-1"));
  EXPECT_EQ(info.pod_name, "web");
  EXPECT_EQ(info.pod_namespace, "default");
  EXPECT_EQ(info.name, "app");
  EXPECT_EQ(info.attempt, 3u);
  EXPECT_EQ(info.image, "nginx:1");
  EXPECT_EQ(info.image_id, "ref");
  EXPECT_EQ(info.image_ref, "ref");
  EXPECT_EQ(info.hash, 0xff00u);
  container.set_image_id("id");
  EXPECT_EQ(ToContainerInfo(container).image_id, "id");
  EXPECT_EQ(ToContainerInfo(container).image_ref, "ref");
}

TEST(ConvertTest, WithoutLabelsAContainerHasAnEmptyPodUid) {
  v1::Container container;
  container.set_id("c1");
  EXPECT_EQ(ToContainerInfo(container).pod_uid, pleg::PodUid());
  EXPECT_EQ(ToContainerInfo(container).hash, 0u);
}

template <typename Status>
struct VerifyCase {
  std::function<void(Status&)> spoil;
  std::string text;
};

TEST(VerifySandboxStatusTest, NamesTheFieldThatIsMissing) {
  EXPECT_TRUE(VerifySandboxStatus(GoodSandboxStatus()).ok());
  using Case = VerifyCase<v1::PodSandboxStatus>;
  const std::string names = "metadata.Name, metadata.Namespace or metadata.Uid is not in metadata";
  for (const Case& c :
       {Case{[](auto& s) { s.clear_id(); }, "status.Id is not set"},
        Case{[](auto& s) { s.clear_metadata(); }, "status.Metadata is not set"},
        Case{[](auto& s) { s.mutable_metadata()->clear_name(); }, names},
        Case{[](auto& s) { s.mutable_metadata()->clear_namespace_(); }, names},
        Case{[](auto& s) { s.mutable_metadata()->clear_uid(); }, names},
        Case{[](auto& s) { s.clear_created_at(); }, "status.CreatedAt is not set"}}) {
    v1::PodSandboxStatus status = GoodSandboxStatus();
    c.spoil(status);
    EXPECT_EQ(VerifySandboxStatus(status).code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(VerifySandboxStatus(status).message()), HasSubstr(c.text));
  }
}

TEST(VerifyContainerStatusTest, NamesTheFieldThatIsMissing) {
  EXPECT_TRUE(VerifyContainerStatus(GoodContainerStatus()).ok());
  using Case = VerifyCase<v1::ContainerStatus>;
  for (const Case& c :
       {Case{[](auto& s) { s.clear_id(); }, "status.Id is not set"},
        Case{[](auto& s) { s.clear_metadata(); }, "status.Metadata is not set"},
        Case{[](auto& s) { s.mutable_metadata()->clear_name(); },
             "metadata.Name is not in metadata"},
        Case{[](auto& s) { s.clear_created_at(); }, "status.CreatedAt is not set"},
        Case{[](auto& s) { s.clear_image(); }, "status.Image is not set"},
        Case{[](auto& s) { s.mutable_image()->clear_image(); }, "status.Image is not set"},
        Case{[](auto& s) { s.clear_image_ref(); }, "status.ImageRef is not set"}}) {
    v1::ContainerStatus status = GoodContainerStatus();
    c.spoil(status);
    EXPECT_EQ(VerifyContainerStatus(status).code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(VerifyContainerStatus(status).message()), HasSubstr(c.text));
  }
}

TEST(ConvertTest, SandboxStatus) {
  v1::PodSandboxStatus status = GoodSandboxStatus();
  status.set_state(v1::SANDBOX_NOTREADY);
  status.mutable_network()->set_ip("10.0.0.1");
  status.mutable_network()->add_additional_ips()->set_ip("fd00::1");
  status.set_runtime_handler("kata");
  (*status.mutable_labels())["b"] = "2";
  (*status.mutable_labels())["a"] = "1";
  const pleg::SandboxStatus converted = ToSandboxStatus(status);
  EXPECT_EQ(converted.id, pleg::ContainerId("s1"));
  EXPECT_EQ(converted.pod_uid, pleg::PodUid("uid-1"));
  EXPECT_EQ(converted.pod_name, "web");
  EXPECT_EQ(converted.pod_namespace, "default");
  EXPECT_EQ(converted.attempt, 2u);
  EXPECT_EQ(converted.state, pleg::SandboxState::kNotReady);
  EXPECT_EQ(absl::ToUnixNanos(converted.created_at), 1'000'000'005);
  EXPECT_EQ(converted.primary_ip, "10.0.0.1");
  EXPECT_THAT(converted.additional_ips, ElementsAre("fd00::1"));
  EXPECT_FALSE(converted.host_network);
  EXPECT_EQ(converted.runtime_handler, "kata");
  EXPECT_THAT(converted.labels, ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST(ConvertTest, HostNetworkIsTheNodesNamespace) {
  v1::PodSandboxStatus status = GoodSandboxStatus();
  auto& options = *status.mutable_linux()->mutable_namespaces()->mutable_options();
  for (int mode = 0; mode <= 4; ++mode) {
    options.set_network(static_cast<v1::NamespaceMode>(mode));
    EXPECT_EQ(ToSandboxStatus(status).host_network, mode == v1::NODE) << mode;
  }
}

TEST(ConvertTest, ContainerStatusTellsOnlyWhatItsStateMakesTrue) {
  struct Case {
    int state;
    bool started;
    bool exited;
  };
  for (const Case& c : {Case{0, false, false}, Case{1, true, false}, Case{2, true, true},
                        Case{3, true, false}, Case{9, true, false}}) {
    v1::ContainerStatus status = GoodContainerStatus();
    status.set_state(static_cast<v1::ContainerState>(c.state));
    const pleg::ContainerStatus converted = ToContainerStatus(status, pleg::ContainerId("s1"));
    EXPECT_EQ(converted.state, ToContainerState(c.state));
    EXPECT_EQ(absl::ToUnixNanos(converted.created_at), 1'000);
    EXPECT_EQ(converted.started_at, c.started ? absl::FromUnixNanos(2'000) : absl::InfinitePast());
    EXPECT_EQ(converted.finished_at, c.exited ? absl::FromUnixNanos(3'000) : absl::InfinitePast());
    EXPECT_EQ(converted.exit_code, c.exited ? 137 : 0);
    EXPECT_EQ(converted.reason, c.exited ? "OOMKilled" : "");
    EXPECT_EQ(converted.message, c.exited ? "killed" : "");
  }
}

TEST(ConvertTest, ContainerStatusIdentityImageAndAnnotations) {
  v1::ContainerStatus status = GoodContainerStatus();
  (*status.mutable_labels())[std::string(kContainerNameLabel)] = "from-label";
  (*status.mutable_annotations())[std::string(kHashAnnotation)] = "1a2b";
  (*status.mutable_annotations())[std::string(kRestartCountAnnotation)] = "7";
  status.mutable_image()->set_runtime_handler("runc");
  status.set_stop_signal(v1::SIGNAL_SIGUSR1);
  const pleg::ContainerStatus converted = ToContainerStatus(status, pleg::ContainerId("s9"));
  EXPECT_EQ(converted.id, pleg::ContainerId("c1"));
  EXPECT_EQ(converted.sandbox_id, pleg::ContainerId("s9"));
  EXPECT_EQ(converted.name, "from-label");
  EXPECT_EQ(converted.image, "nginx:1");
  EXPECT_EQ(converted.image_id, "sha256:ref");
  EXPECT_EQ(converted.image_ref, "sha256:ref");
  EXPECT_EQ(converted.image_runtime_handler, "runc");
  EXPECT_EQ(converted.hash, 0x1a2bu);
  EXPECT_EQ(converted.restart_count, 7);
  EXPECT_EQ(converted.stop_signal, "SIGUSR1");
  status.set_image_id("sha256:id");
  EXPECT_EQ(ToContainerStatus(status, pleg::ContainerId()).image_id, "sha256:id");
}

TEST(ConvertTest, StopSignals) {
  const std::vector<std::pair<int, std::string>> cases = {{0, ""},          {23, "SIGTERM"},
                                                          {13, "SIGKILL"},  {36, "SIGRTMINPLUS1"},
                                                          {65, "SIGRTMAX"}, {99, "99"}};
  for (const auto& [number, name] : cases) {
    v1::ContainerStatus status = GoodContainerStatus();
    status.set_stop_signal(static_cast<v1::Signal>(number));
    EXPECT_EQ(ToContainerStatus(status, pleg::ContainerId()).stop_signal, name);
  }
}

TEST(ConvertTest, Mounts) {
  v1::ContainerStatus status = GoodContainerStatus();
  for (int propagation : {0, 1, 2, 7}) {
    v1::Mount& mount = *status.add_mounts();
    mount.set_container_path("/in");
    mount.set_host_path("/out");
    mount.set_readonly(propagation == 0);
    mount.set_selinux_relabel(propagation == 1);
    mount.set_recursive_read_only(propagation == 2);
    mount.set_propagation(static_cast<v1::MountPropagation>(propagation));
  }
  const std::vector<pleg::Mount> mounts = ToContainerStatus(status, pleg::ContainerId()).mounts;
  EXPECT_THAT(mounts,
              ElementsAre(pleg::Mount{"/in", "/out", true, false, false, "private"},
                          pleg::Mount{"/in", "/out", false, true, false, "host-to-container"},
                          pleg::Mount{"/in", "/out", false, false, true, "bidirectional"},
                          pleg::Mount{"/in", "/out", false, false, false, "unknown"}));
}

TEST(ConvertTest, UserOnlyIfTold) {
  v1::ContainerStatus status = GoodContainerStatus();
  EXPECT_FALSE(ToContainerStatus(status, pleg::ContainerId()).user.has_value());
  status.mutable_user();
  EXPECT_FALSE(ToContainerStatus(status, pleg::ContainerId()).user.has_value());
  v1::LinuxContainerUser& user = *status.mutable_user()->mutable_linux();
  user.set_uid(1000);
  user.set_gid(2000);
  user.add_supplemental_groups(3);
  user.add_supplemental_groups(1);
  EXPECT_EQ(ToContainerStatus(status, pleg::ContainerId()).user,
            (pleg::ContainerUser{.uid = 1000, .gid = 2000, .supplemental_groups = {3, 1}}));
}

struct ResourcesCase {
  int64_t period;
  int64_t quota;
  int64_t shares;
  int64_t memory;
  std::optional<pleg::ContainerResources> expected;
};

TEST(ConvertTest, Resources) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  using Resources = pleg::ContainerResources;
  const std::vector<ResourcesCase> cases = {
      {0, 0, 0, 0, std::nullopt},
      {100'000, -1, 0, 0, std::nullopt},
      {0, 50'000, 0, 0, std::nullopt},
      {-1, 50'000, 0, 0, std::nullopt},
      {100'000, 50, 0, 0, std::nullopt},  // less than a thousandth of a CPU
      {100'000, 50'000, 0, 0,
       Resources{.cpu_request_millis = {}, .cpu_limit_millis = 500, .memory_limit_bytes = {}}},
      {100'000, 199'999, 0, 0,
       Resources{.cpu_request_millis = {}, .cpu_limit_millis = 1999, .memory_limit_bytes = {}}},
      {0, 0, 1, 0, std::nullopt},
      {0, 0, 2, 0,
       Resources{.cpu_request_millis = 2, .cpu_limit_millis = {}, .memory_limit_bytes = {}}},
      {0, 0, 1024, 0,
       Resources{.cpu_request_millis = 1000, .cpu_limit_millis = {}, .memory_limit_bytes = {}}},
      {0, 0, 102, 0,
       Resources{.cpu_request_millis = 100, .cpu_limit_millis = {}, .memory_limit_bytes = {}}},
      {0, 0, 0, 1,
       Resources{.cpu_request_millis = {}, .cpu_limit_millis = {}, .memory_limit_bytes = 1}},
      {0, 0, 0, -1, std::nullopt},
      {1, kMax, kMax, kMax,
       Resources{.cpu_request_millis = 9'007'199'254'740'992'000,
                 .cpu_limit_millis = kMax,
                 .memory_limit_bytes = kMax}},
  };
  for (const ResourcesCase& c : cases) {
    v1::ContainerResources resources;
    resources.mutable_linux()->set_cpu_period(c.period);
    resources.mutable_linux()->set_cpu_quota(c.quota);
    resources.mutable_linux()->set_cpu_shares(c.shares);
    resources.mutable_linux()->set_memory_limit_in_bytes(c.memory);
    EXPECT_EQ(ToContainerResources(resources), c.expected)
        << c.period << " " << c.quota << " " << c.shares << " " << c.memory;
    v1::ContainerStatus status = GoodContainerStatus();
    *status.mutable_resources() = resources;
    EXPECT_EQ(ToContainerStatus(status, pleg::ContainerId()).resources, c.expected);
  }
  EXPECT_EQ(ToContainerResources(v1::ContainerResources()), std::nullopt);
}

TEST(ConvertTest, HashAsGoParsesIt) {
  const std::vector<std::pair<std::string, uint64_t>> cases = {
      {"0", 0},  {"a", 10},  {"FfFf", 0xffff}, {"ffffffffffffffff", ~uint64_t{0}},
      {"", 0},   {"0x1", 0}, {"+1", 0},        {"-1", 0},
      {" 1", 0}, {"1 ", 0},  {"1g", 0},        {"10000000000000000", 0}};
  for (const auto& [text, value] : cases) EXPECT_EQ(ParseHash(text), value) << text;
}

TEST(ConvertTest, RestartCountAsGoParsesIt) {
  const std::vector<std::pair<std::string, int32_t>> cases = {{"0", 0},
                                                              {"12", 12},
                                                              {"+3", 3},
                                                              {"-2", -2},
                                                              {"007", 7},
                                                              {"", 0},
                                                              {"+", 0},
                                                              {"+-1", 0},
                                                              {" 1", 0},
                                                              {"1.5", 0},
                                                              {"0x10", 0},
                                                              {"x", 0},
                                                              {"2147483647", 2147483647},
                                                              {"2147483648", 0}};
  for (const auto& [text, value] : cases) EXPECT_EQ(ParseRestartCount(text), value) << text;
}

}  // namespace
}  // namespace runtime
