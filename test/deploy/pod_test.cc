// The image as a pod of a real containerd, confined as the manifests confine it, reporting on the
// node it runs on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cri_write.pb.h"
#include "test/containerd/containerd_fixture.h"
#include "test/process/plegd_process.h"
#include "test/process/status_testing.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

namespace cri = plegd::test::cri::v1;
namespace fs = std::filesystem;

constexpr char kImageName[] = "localhost/plegd/plegd";

std::string Tool(const std::string& name) {
  const char* tools = std::getenv("PLEGD_TOOLS");
  return absl::StrCat(tools == nullptr ? PLEGD_DEFAULT_TOOLS : tools, "/bin/", name);
}

class PodTest : public testing::Test {
 protected:
  // The packages are made once: compressing them takes longer than the rest.
  static void SetUpTestSuite() {
    std::string directory = fs::temp_directory_path() / "plegd-packages.XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    packages_ = directory;
    absl::StatusOr<Subprocess> maker = Subprocess::Spawn(
        {PLEGD_MAKE_PACKAGES, PLEGD_BUILD_DIR, packages_}, packages_ + "/make.log");
    ASSERT_OK(maker);
    ASSERT_OK_AND_ASSIGN(const int code, maker->Wait(absl::Minutes(3)));
    ASSERT_EQ(code, 0) << ReadTail(packages_ + "/make.log");
    // As the manifests that were made name it.
    const std::string images = packages_ + "/images";
    ASSERT_OK(RunCommand({"tar", "-xzOf", Package("plegd-kubernetes-", ".tgz"),
                          "kubernetes/base/kustomization.yaml"},
                         images));
    const std::vector<std::string> parts = absl::StrSplit(ReadTail(images), "digest: ");
    ASSERT_EQ(parts.size(), 2U) << ReadTail(images);
    const std::string digest(absl::StripAsciiWhitespace(parts[1]));
    image_ = absl::StrCat(kImageName, "@", digest);
    ASSERT_OK(
        RunCommand({"tar", "-xzOf", Package("plegd-chart-", ".tgz"), "plegd/values.yaml"}, images));
    ASSERT_THAT(ReadTail(images, 10000), testing::HasSubstr("\n  digest: " + digest + "\n"));
  }

  static std::string Package(const std::string& name, const std::string& kind) {
    return absl::StrCat(packages_, "/", name, PLEGD_VERSION, kind);
  }

  static void TearDownTestSuite() { fs::remove_all(packages_); }

  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(node_, Containerd::Start());
    ASSERT_OK(RunCommand({Tool("ctr"), "--address", SocketPath(), "--namespace", "k8s.io", "images",
                          "import", "--snapshotter", "native", "--digests", "--base-name",
                          kImageName, Package("plegd-image-", ".tar")},
                         packages_ + "/import.log"));
    ASSERT_TRUE(WaitUntil([this] { return KnowsImage(); }));
    ASSERT_TRUE(fs::create_directory(SocketDirectory()));
  }

  void TearDown() override {
    if (HasFailure() && node_ != nullptr) {
      std::cout << "plegd's log:\n"
                << ReadTail(node_->dir() + "/plegd.log") << "\ncontainerd's log:\n"
                << node_->LogTail() << std::endl;
    }
  }

  std::string SocketPath() const { return node_->endpoint().substr(std::string("unix://").size()); }
  std::string SocketDirectory() const { return node_->dir() + "/plegd"; }

  bool KnowsImage() const {
    cri::ImageStatusRequest request;
    request.mutable_image()->set_image(image_);
    const auto reply = node_->cri().Call<cri::ImageStatusResponse>(
        "/runtime.v1.ImageService/ImageStatus", request);
    return reply.ok() && reply->has_image();
  }

  // What the kubelet makes of the manifests' container.
  cri::CreateContainerRequest Request(const std::string& sandbox, const std::string& uid) const {
    cri::CreateContainerRequest request;
    request.set_pod_sandbox_id(sandbox);
    cri::PodSandboxConfig& pod = *request.mutable_sandbox_config();
    pod.mutable_metadata()->set_name("plegd");
    pod.mutable_metadata()->set_uid(uid);
    pod.mutable_metadata()->set_namespace_("plegd");
    pod.set_log_directory(node_->dir());
    pod.mutable_linux()->set_cgroup_parent(
        absl::StrCat("/", fs::path(node_->dir()).filename().string(), "/pod", uid));
    cri::ContainerConfig& config = *request.mutable_config();
    config.mutable_metadata()->set_name("plegd");
    config.mutable_image()->set_image(image_);
    config.set_log_path("plegd.log");
    const std::string directory = fs::path(SocketPath()).parent_path();
    for (const std::string& argument :
         {absl::StrCat("--runtime-endpoint=", node_->endpoint()),
          std::string("--web.listen-address=unix:///run/plegd/http.sock")}) {
      config.add_args(argument);
    }
    for (const auto& [key, value] : {std::pair("io.kubernetes.pod.name", "plegd"),
                                     std::pair("io.kubernetes.pod.namespace", "plegd"),
                                     std::pair("io.kubernetes.container.name", "plegd")}) {
      (*config.mutable_labels())[key] = value;
    }
    (*config.mutable_labels())["io.kubernetes.pod.uid"] = uid;
    cri::Mount& runtime = *config.add_mounts();
    runtime.set_host_path(directory);
    runtime.set_container_path(directory);
    runtime.set_readonly(true);
    // The manifests ask for HostToContainer, which needs a node whose mounts are shared, as systemd
    // makes them; this test's are private to it.
    runtime.set_propagation(cri::PROPAGATION_PRIVATE);
    cri::Mount& own = *config.add_mounts();
    own.set_host_path(SocketDirectory());
    own.set_container_path("/run/plegd");
    cri::LinuxContainerSecurityContext& security =
        *config.mutable_linux()->mutable_security_context();
    security.mutable_capabilities()->add_drop_capabilities("ALL");
    security.mutable_namespace_options()->set_network(cri::NODE);
    security.mutable_run_as_user()->set_value(0);
    security.mutable_run_as_group()->set_value(0);
    security.set_readonly_rootfs(true);
    security.set_no_new_privs(true);
    return request;
  }

  absl::Status Run(const cri::CreateContainerRequest& request) {
    const auto created =
        node_->cri().Call<cri::CreateContainerResponse>("CreateContainer", request);
    if (!created.ok()) return created.status();
    return node_->StartContainer(created->container_id());
  }

  absl::StatusOr<HttpReply> Get(const std::string& target) const {
    return HttpGet(SocketDirectory() + "/http.sock", target);
  }

  bool Answers(const std::string& target) const {
    const auto reply = Get(target);
    return reply.ok() && reply->code == 200;
  }

  // The process of plegd in this pod.
  std::string ProcOf(const std::string& sandbox) const {
    const pid_t shim = node_->ShimPid(sandbox);
    for (const fs::directory_entry& task :
         fs::directory_iterator(absl::StrCat("/proc/", shim, "/task"))) {
      for (const absl::string_view child :
           absl::StrSplit(ReadFile(task.path() / "children"), ' ', absl::SkipEmpty())) {
        if (ReadFile(absl::StrCat("/proc/", child, "/comm")) == "plegd\n") {
          return absl::StrCat("/proc/", child);
        }
      }
    }
    return "";
  }

  static std::string packages_;
  static std::string image_;
  std::unique_ptr<Containerd> node_;
};

std::string PodTest::packages_;
std::string PodTest::image_;

TEST_F(PodTest, ReportsOnItsOwnNodeWithoutAnyPrivilege) {
  ASSERT_OK_AND_ASSIGN(
      const std::string sandbox,
      node_->RunPod({.name = "plegd", .uid = "uid-plegd", .pod_namespace = "plegd"}));
  ASSERT_OK(Run(Request(sandbox, "uid-plegd")));
  ASSERT_TRUE(WaitUntil([this] { return Answers("/readyz"); }));

  const auto reports_itself = [this] {
    const auto pod = Get("/api/v1/pods/uid-plegd");
    return pod.ok() && pod->code == 200 && absl::StrContains(pod->body, "\"name\":\"plegd\"") &&
           absl::StrContains(pod->body, "running");
  };
  WaitUntil(reports_itself);
  EXPECT_TRUE(reports_itself()) << Get("/api/v1/pods/uid-plegd")->body;

  const std::string proc = ProcOf(sandbox);
  ASSERT_NE(proc, "");
  const std::string status = ReadFile(proc + "/status");
  EXPECT_TRUE(absl::StrContains(status, "CapEff:\t0000000000000000")) << status;
  EXPECT_TRUE(absl::StrContains(status, "CapBnd:\t0000000000000000")) << status;
  EXPECT_TRUE(absl::StrContains(status, "NoNewPrivs:\t1")) << status;
  const std::string mounts = ReadFile(proc + "/mounts");
  EXPECT_TRUE(absl::StrContains(mounts.substr(0, mounts.find('\n')), " ro,")) << mounts;
  EXPECT_FALSE(absl::StrContains(mounts, "serviceaccount")) << mounts;
  EXPECT_FALSE(fs::exists(proc + "/root/bin/sh"));

  // The socket's directory is mounted, so plegd follows a containerd that makes its socket anew.
  node_->Kill();
  ASSERT_OK(node_->Restart());
  ASSERT_OK(node_->RunPod({.name = "later", .uid = "uid-later"}).status());
  EXPECT_TRUE(WaitUntil([this] { return Answers("/api/v1/pods/uid-later"); }));
  EXPECT_TRUE(WaitUntil([this] { return Answers("/healthz"); }));
}

TEST_F(PodTest, NeedsNoRootWhereTheSocketHasAGroup) {
  constexpr int kGroup = 4242;
  constexpr int kUser = 65532;
  const fs::path socket = SocketPath();
  ASSERT_EQ(chown(socket.c_str(), 0, kGroup), 0);
  ASSERT_EQ(chmod(socket.c_str(), 0660), 0);
  ASSERT_EQ(chmod(socket.parent_path().c_str(), 0711), 0);
  ASSERT_EQ(chown(SocketDirectory().c_str(), kUser, kGroup), 0);
  ASSERT_OK_AND_ASSIGN(
      const std::string sandbox,
      node_->RunPod({.name = "plegd", .uid = "uid-plegd", .pod_namespace = "plegd"}));
  cri::CreateContainerRequest request = Request(sandbox, "uid-plegd");
  auto& security = *request.mutable_config()->mutable_linux()->mutable_security_context();
  security.mutable_run_as_user()->set_value(kUser);
  security.mutable_run_as_group()->set_value(kGroup);
  ASSERT_OK(Run(request));
  EXPECT_TRUE(WaitUntil([this] { return Answers("/readyz"); }));
  EXPECT_TRUE(absl::StrContains(ReadFile(ProcOf(sandbox) + "/status"), "Uid:\t65532\t65532"));
}

}  // namespace
}  // namespace plegd_testing
