#include "runtime/host/probe_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/host/host_sample.h"
#include "runtime/host/host_tracker.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

using ::testing::ElementsAre;

const std::string kOld(64, 'a');
const std::string kNew(64, 'b');

class ProbePartsTest : public testing::Test {
 protected:
  ProbePartsTest() {
    tree_.Add({.pid = 1, .parent = 0, .comm = "systemd"});
    tree_.Add({.pid = 50, .comm = "containerd"});
    tree_.Write("proc/1/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
    question_.directories.task_roots = {tree_.Path("tasks")};
    AddShim(60, kOld);
  }
  // Of a pod whose processes have all ended.
  void AddShim(int pid, const std::string& id) const {
    tree_.Add({.pid = pid, .comm = "containerd-shim"});
    tree_.Link(absl::StrCat("proc/", pid, "/cwd"), tree_.Path(absl::StrCat("tasks/", id)));
    tree_.Write(absl::StrCat("tasks/", id, "/config.json"), "{}");
  }

  const FixtureTree tree_;
  HostQuestion question_;
};

TEST_F(ProbePartsTest, ALookBeginsWithEachOnce) {
  std::vector<ProbePart> begun;
  TakeHostSample(tree_.paths(), question_, nullptr, [&](ProbePart part) {
    begun.push_back(part);
    return true;
  });
  EXPECT_THAT(begun,
              ElementsAre(ProbePart::kNode, ProbePart::kFuse, ProbePart::kCgroups,
                          ProbePart::kTaskDirectories, ProbePart::kProcesses, ProbePart::kOwnWords,
                          ProbePart::kMounts, ProbePart::kDirectories, ProbePart::kSystemd));
}

TEST_F(ProbePartsTest, EachHasAName) {
  std::set<absl::string_view> names;
  for (uint8_t i = 0; i < kProbeParts; ++i) names.insert(NameOf(static_cast<ProbePart>(i)));
  EXPECT_EQ(names.size(), kProbeParts);
  EXPECT_FALSE(names.contains("unknown"));
}

// What was not looked at is not known to be missing.
TEST_F(ProbePartsTest, ALookThatLeavesOneOutMissesNoShim) {
  for (uint8_t i = 0; i < kProbeParts; ++i) {
    const auto off = static_cast<ProbePart>(i);
    HostTracker tracker;
    tracker.Update(TakeHostSample(tree_.paths(), question_), {}, 50);
    AddShim(70, kNew);
    const HostSample sample = TakeHostSample(tree_.paths(), question_, tracker.last(),
                                             [off](ProbePart part) { return part != off; });
    WatchedObject watched;
    watched.object.id = watched.sandbox = pleg::ContainerId(kNew);
    watched.listed_state = "running";
    watched.silent = true;
    for (const pleg::ShimEvidence& shim : tracker.Update(sample, {watched}, 50).shims) {
      EXPECT_FALSE(shim.shim_missing) << NameOf(off);
    }
    tree_.Remove("proc/70");
    tree_.Remove(absl::StrCat("tasks/", kNew));
  }
}

}  // namespace
}  // namespace runtime::host
