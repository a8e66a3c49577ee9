#include "api/pod_json.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/time/civil_time.h"
#include "api/message_json.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "plegd/v1/pod.pb.h"

namespace api {
namespace {

std::string PodJson(const pleg::CachedPod& pod, pleg::MonoTime now) {
  plegd::v1::PodStatus message;
  PodToProto(pod, now, message);
  return MessageJson(message);
}

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kReplacement[] = "\xEF\xBF\xBD";

std::shared_ptr<pleg::SandboxStatus> Sandbox() {
  auto sandbox = std::make_shared<pleg::SandboxStatus>();
  sandbox->id = pleg::ContainerId("sandbox-1");
  sandbox->pod_uid = pleg::PodUid("uid-1");
  sandbox->pod_name = "web-0";
  sandbox->pod_namespace = "default";
  sandbox->attempt = 2;
  sandbox->state = pleg::SandboxState::kReady;
  sandbox->created_at = absl::FromUnixNanos(1'700'000'000'000'000'001);
  sandbox->primary_ip = "10.0.0.2";
  sandbox->additional_ips = {"fd00::2"};
  sandbox->runtime_handler = "runc";
  sandbox->labels = {{"app", "web"}, {"bad\xFF", "va\xFFlue"}};
  sandbox->host_network = true;
  sandbox->truncated = true;
  return sandbox;
}

std::shared_ptr<pleg::ContainerStatus> Container() {
  auto container = std::make_shared<pleg::ContainerStatus>();
  container->id = pleg::ContainerId("container-1");
  container->sandbox_id = pleg::ContainerId("sandbox-1");
  container->name = "nginx";
  container->state = pleg::ContainerState::kExited;
  container->created_at = absl::FromUnixSeconds(1'700'000'000);
  container->started_at = absl::FromUnixSeconds(1'700'000'001);
  container->finished_at = absl::FromUnixSeconds(1'700'000'002);
  container->exit_code = 0;
  container->reason = "Completed";
  container->hash = ~uint64_t{0};
  container->restart_count = 3;
  container->mounts = {{"/data", "/var/data", true, true, true, "private"}};
  container->resources = pleg::ContainerResources{250, std::nullopt, int64_t{1} << 40};
  container->user = pleg::ContainerUser{1000, 100, {4, 24}};
  container->stop_signal = "SIGTERM";
  return container;
}

pleg::CachedPod SamplePod() {
  auto status = std::make_shared<pleg::PodStatus>();
  status->uid = pleg::PodUid("uid-1");
  status->name = "web-0";
  status->pod_namespace = "default";
  status->ips = {"10.0.0.2", "fd00::2"};
  status->sandbox_statuses = {Sandbox()};
  status->container_statuses = {Container()};
  status->active_container_statuses = status->container_statuses;
  pleg::CachedPod pod;
  pod.status = std::move(status);
  pod.found = true;
  pod.observed_at = pleg::MonoTime::FromNanos(5'000'000'000);
  return pod;
}

const pleg::MonoTime kNow = pleg::MonoTime::FromNanos(6'500'000'000);

plegd::v1::PodStatus Parse(const std::string& json) {
  plegd::v1::PodStatus pod;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &pod);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << json;
  return pod;
}

TEST(PodJsonTest, TellsAllThatTheCacheHolds) {
  const std::string json = PodJson(SamplePod(), kNow);
  for (const char* part : {R"("uid":"uid-1")",
                           R"("namespace":"default")",
                           R"("ips":["10.0.0.2","fd00::2"])",
                           R"("attempt":2)",
                           R"("state":"ready")",
                           R"("created_at":"2023-11-14T22:13:20.000000001Z")",
                           R"("host_network":true,"truncated":true)",
                           R"("app":"web")",
                           R"("state":"exited")",
                           R"("exit_code":0)",
                           R"("finished_at":"2023-11-14T22:13:22Z")",
                           R"("hash":"18446744073709551615")",
                           R"("restart_count":3)",
                           R"("cpu_request_millis":"250")",
                           R"("memory_limit_bytes":"1099511627776")",
                           R"("propagation":"private")",
                           R"("selinux_relabel":true)",
                           R"("stop_signal":"SIGTERM")",
                           R"("supplemental_groups":["4","24"]},"truncated":false)",
                           R"("active_container_ids":["container-1"])",
                           R"("error":"")",
                           R"("age_seconds":1.5)",
                           R"("pending":false)"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
  EXPECT_THAT(json, AllOf(Not(HasSubstr("cpu_limit_millis")), Not(HasSubstr("annotation"))));
  EXPECT_EQ(json.back(), '\n');
}

TEST(PodJsonTest, BytesThatAreNotUtf8AreReplaced) {
  pleg::CachedPod pod = SamplePod();
  auto status = std::make_shared<pleg::PodStatus>(*pod.status);
  status->name = "na\xC3me";
  pod.status = status;
  pod.error = absl::InternalError("bro\xFFken");
  const plegd::v1::PodStatus parsed = Parse(PodJson(pod, kNow));
  EXPECT_EQ(parsed.name(), std::string("na") + kReplacement + "me");
  EXPECT_EQ(parsed.error(), std::string("bro") + kReplacement + "ken");
  EXPECT_EQ(parsed.sandboxes(0).labels().at(std::string("bad") + kReplacement),
            std::string("va") + kReplacement + "lue");
}

TEST(PodJsonTest, LeavesOutWhatThereIsNot) {
  pleg::CachedPod pod = SamplePod();
  auto running = Container();
  running->state = pleg::ContainerState::kRunning;
  running->finished_at = absl::InfinitePast();
  running->resources.reset();
  running->user.reset();
  auto status = std::make_shared<pleg::PodStatus>(*pod.status);
  status->container_statuses = {running};
  pod.status = status;
  const plegd::v1::PodStatus parsed = Parse(PodJson(pod, kNow));
  EXPECT_FALSE(parsed.containers(0).has_exit_code());
  EXPECT_FALSE(parsed.containers(0).has_finished_at());
  EXPECT_FALSE(parsed.containers(0).has_user());
  EXPECT_FALSE(parsed.containers(0).has_cpu_request_millis());
}

// Go's zero time is of the year 1; its nanoseconds, which do not fit, are of 1754.
TEST(PodJsonTest, TimesThatTheRuntimeDidNotTellAreLeftOut) {
  for (absl::Time time : {absl::InfinitePast(), absl::InfiniteFuture(),
                          absl::FromCivil(absl::CivilYear(1), absl::UTCTimeZone()),
                          absl::FromUnixNanos(-6795364578871345152), absl::FromUnixNanos(-1),
                          absl::FromCivil(absl::CivilYear(10000), absl::UTCTimeZone()),
                          absl::FromCivil(absl::CivilYear(0), absl::UTCTimeZone())}) {
    pleg::CachedPod pod = SamplePod();
    auto sandbox = Sandbox();
    sandbox->created_at = time;
    auto status = std::make_shared<pleg::PodStatus>(*pod.status);
    status->sandbox_statuses = {sandbox};
    pod.status = status;
    const plegd::v1::PodStatus parsed = Parse(PodJson(pod, kNow));
    EXPECT_EQ(parsed.uid(), "uid-1");
    EXPECT_FALSE(parsed.sandboxes(0).has_created_at());
  }
}

TEST(PodJsonTest, AnErrorIsNeverEmptyAndAPodNeverSeenHasNoAge) {
  pleg::CachedPod pod = SamplePod();
  pod.error = absl::UnavailableError("");
  pod.pending = true;
  pod.observed_at = pleg::MonoTime();
  const plegd::v1::PodStatus parsed = Parse(PodJson(pod, kNow));
  EXPECT_EQ(parsed.error(), "UNAVAILABLE");
  EXPECT_TRUE(parsed.pending());
  EXPECT_FALSE(parsed.has_age_seconds());
}

TEST(PodJsonTest, AnEmptyListIsAList) {
  EXPECT_EQ(MessageJson(plegd::v1::PodList()), "{\"pods\":[]}\n");
}

}  // namespace
}  // namespace api
