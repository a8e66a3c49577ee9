#include <google/protobuf/descriptor.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/cri_methods.h"
#include "runtime/v1/api.pb.h"

namespace runtime {
namespace {

// What the CRI offers that only reads.
const std::set<std::string>& ReadOnlyRpcs() {
  static const std::set<std::string> rpcs = {"Version",          "Status",
                                             "RuntimeConfig",    "ListPodSandbox",
                                             "ListContainers",   "PodSandboxStatus",
                                             "ContainerStatus",  "StreamPodSandboxes",
                                             "StreamContainers", "GetContainerEvents"};
  return rpcs;
}

const google::protobuf::FileDescriptor& CriFile() {
  return *v1::VersionRequest::descriptor()->file();
}

TEST(CriDescriptorTest, ContainsNoRpcThatMutatesOrExecutes) {
  ASSERT_EQ(CriFile().service_count(), 1);
  const google::protobuf::ServiceDescriptor& service = *CriFile().service(0);
  EXPECT_EQ(service.full_name(), "runtime.v1.RuntimeService");
  std::set<std::string> found;
  for (int i = 0; i < service.method_count(); ++i) found.insert(service.method(i)->name());
  EXPECT_EQ(found, ReadOnlyRpcs());
}

TEST(CriDescriptorTest, EveryMethodThatIsSentIsInTheDescriptor) {
  const google::protobuf::ServiceDescriptor& service = *CriFile().service(0);
  const absl::string_view prefix = "/runtime.v1.RuntimeService/";
  for (const CriMethod& method :
       {kVersion, kStatus, kListPodSandbox, kListContainers, kPodSandboxStatus, kContainerStatus}) {
    ASSERT_EQ(method.path, absl::StrCat(prefix, method.name));
    const auto* rpc = service.FindMethodByName(std::string(method.name));
    ASSERT_NE(rpc, nullptr) << method.path;
    EXPECT_FALSE(rpc->client_streaming() || rpc->server_streaming()) << method.path;
  }
  for (const CriMethod& method : {kStreamPodSandboxes, kStreamContainers}) {
    absl::string_view name = method.path;
    ASSERT_TRUE(absl::ConsumePrefix(&name, prefix)) << method.path;
    const auto* rpc = service.FindMethodByName(std::string(name));
    ASSERT_NE(rpc, nullptr) << method.path;
    EXPECT_TRUE(rpc->server_streaming() && !rpc->client_streaming()) << method.path;
  }
}

TEST(CriDescriptorTest, NoOtherFileBringsAService) { EXPECT_EQ(CriFile().dependency_count(), 0); }

}  // namespace
}  // namespace runtime
