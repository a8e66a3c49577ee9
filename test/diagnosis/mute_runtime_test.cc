// A runtime that takes connections and says nothing, to a plegd that starts only then: nothing but
// the process behind the socket tells it from one that is down or starting.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/testing/sanitizers.h"
#include "test/drills/calm_host.h"
#include "test/process/cri_sim_process.h"
#include "test/process/plegd_process.h"
#include "test/process/scratch_dir.h"
#include "test/process/subprocess.h"

namespace diagnosis_test {
namespace {

using plegd_testing::CriSimProcess;
using plegd_testing::PlegdProcess;
using plegd_testing::WaitUntil;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsSubsetOf;

class MuteRuntimeTest : public testing::Test {
 protected:
  // `pid` is of the process behind the socket.
  void StartPlegd(const std::string& endpoint, pid_t pid) {
    host_.Show(pid);
    plegd_testing::PlegdOptions options;
    options.relist_period = "1s";
    options.started_when = "/livez";
    options.flags = host_.plegd_flags();
    auto plegd = PlegdProcess::Start(endpoint, dir_.path(), options);
    ASSERT_TRUE(plegd.ok()) << plegd.status();
    plegd_ = *std::move(plegd);
  }

  // The first finding, once it is `code` and says `words`; every first one until then is in seen_.
  plegd::v1::Finding WaitForFinding(const std::string& code, const std::string& words = "") {
    plegd::v1::Finding first;
    const bool found = WaitUntil([&] {
      const auto diagnosis = plegd_->Diagnosis();
      if (!diagnosis.ok() || diagnosis->findings().empty()) return false;
      first = diagnosis->findings(0);
      seen_.insert(first.code());
      return first.code() == code && absl::StrContains(first.sentence(), words);
    });
    EXPECT_TRUE(found) << code << " " << words << " is not found, but " << first.ShortDebugString()
                       << "\n"
                       << plegd_->LogTail();
    return first;
  }

  // A sanitized plegd is so slow to see who listens that it guesses meanwhile.
  void ExpectNothingElseWasTold() const {
    if (pleg::testing::kSanitized) return;
    EXPECT_THAT(seen_, IsSubsetOf({"STARTING", "RUNTIME_HUNG"}));
  }

  const plegd_testing::ScratchDir dir_;
  const plegd_testing::CalmHost host_;  // whatever else this machine does
  std::unique_ptr<PlegdProcess> plegd_;
  std::set<std::string> seen_;
};

TEST_F(MuteRuntimeTest, OneThatIsStoppedIsToldToGoOn) {
  auto runtime = CriSimProcess::Start(dir_.path(), {"--pods", "3"});
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  (*runtime)->Stop();
  StartPlegd((*runtime)->endpoint(), (*runtime)->pid());
  const std::string proceed = absl::StrCat("kill -CONT ", (*runtime)->pid());
  // A plegd that gets little CPU knows that it is mute before it has looked why.
  const plegd::v1::Finding finding = WaitForFinding("RUNTIME_HUNG", proceed);
  ExpectNothingElseWasTold();
  ASSERT_FALSE(finding.actions().empty());
  EXPECT_THAT(finding.actions(0).command(), EndsWith(proceed));
  (*runtime)->Continue();
  WaitForFinding("HEALTHY");
}

TEST_F(MuteRuntimeTest, OneThatRunsHangsToo) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string path = dir_.File("cri.sock");
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(fd, 128), 0);
  StartPlegd("unix://" + path, getpid());
  const plegd::v1::Finding finding = WaitForFinding("RUNTIME_HUNG");
  ExpectNothingElseWasTold();
  EXPECT_THAT(finding.sentence(), HasSubstr("has taken connections but answered nothing"));
  close(fd);
  WaitForFinding("RUNTIME_DOWN");
}

}  // namespace
}  // namespace diagnosis_test
