#include "runtime/memory_limit.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/testing/temp_dir.h"

namespace runtime {
namespace {

constexpr uint64_t kMebibyte = 1 << 20;
constexpr char kUnified[] = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr char kOld[] =
    "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    "32 23 0:28 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n";

class MemoryLimitTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::string file = absl::StrCat(root_.path(), path);
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file) << text;
  }
  // A machine of so much memory, where this process is in that cgroup.
  void Machine(const std::string& mounts, const std::string& cgroups) {
    Write("/proc/meminfo", "MemTotal:       16384000 kB\nMemFree: 1 kB\n");
    Write("/proc/self/mountinfo", mounts);
    Write("/proc/self/cgroup", cgroups);
  }
  MemoryLimit Find() { return FindMemoryLimit(root_.path()); }

  testing::TempDir root_;
};

TEST_F(MemoryLimitTest, WithoutALimitItIsAQuarterOfTheMachine) {
  Machine(kUnified, "0::/system.slice/plegd.service\n");
  EXPECT_EQ(Find().bytes, 4000 * kMebibyte);
  EXPECT_EQ(Find().source, "a quarter of the machine's memory");
  Write("/sys/fs/cgroup/system.slice/plegd.service/memory.max", "max\n");
  EXPECT_EQ(Find().bytes, 4000 * kMebibyte);
}

TEST_F(MemoryLimitTest, TheLowestOfTheCgroupAndThoseAboveIt) {
  Machine(kUnified, "0::/system.slice/plegd.service\n");
  Write("/sys/fs/cgroup/system.slice/plegd.service/memory.max", "268435456\n");
  EXPECT_EQ(Find().bytes, 256 * kMebibyte);
  // Beyond it the kernel does not end the process, but slows it down until it gives memory back.
  Write("/sys/fs/cgroup/system.slice/plegd.service/memory.high", "201326592\n");
  EXPECT_EQ(Find().bytes, 192 * kMebibyte);
  EXPECT_EQ(Find().source, "memory.high of /sys/fs/cgroup/system.slice/plegd.service");
  Write("/sys/fs/cgroup/system.slice/memory.max", "134217728\n");
  EXPECT_EQ(Find().bytes, 128 * kMebibyte);
  EXPECT_EQ(Find().source, "memory.max of /sys/fs/cgroup/system.slice");
}

TEST_F(MemoryLimitTest, TheFirstVersionOfCgroups) {
  Machine(kOld, "5:cpu:/other\n4:memory:/kubepods/pod1/c1\n0::/\n");
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("/sys/fs/cgroup/memory/kubepods/pod1/memory.limit_in_bytes", "268435456\n");
  Write("/sys/fs/cgroup/memory/kubepods/pod1/c1/memory.limit_in_bytes", "134217728\n");
  EXPECT_EQ(Find().bytes, 128 * kMebibyte);
  EXPECT_EQ(Find().source, "memory.limit_in_bytes of /sys/fs/cgroup/memory/kubepods/pod1/c1");
}

// With a cgroup namespace the path is "/", without one it is the host's, and what is mounted is
// the container's own.
TEST_F(MemoryLimitTest, AContainerSeesItsOwnCgroupAsTheRoot) {
  Write("/sys/fs/cgroup/memory.max", "134217728\n");
  Machine(kUnified, "0::/\n");
  EXPECT_EQ(Find().bytes, 128 * kMebibyte);
  Machine("30 23 0:26 /kubepods/c1 /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n", "0::/kubepods/c1\n");
  EXPECT_EQ(Find().bytes, 128 * kMebibyte);
  Machine("30 23 0:26 /kubepods/c1 /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n", "0::/../other\n");
  EXPECT_EQ(Find().bytes, 128 * kMebibyte);
}

// A group of somebody else's that is mounted here as well.
TEST_F(MemoryLimitTest, AMountOfAnotherCgroupIsNoLimit) {
  Write("/mnt/other/memory.max", "1048576\n");
  for (const char* other : {"/kubepods/c2", "/kubepods/c", "/kubepods/c1/below"}) {
    const std::string bind =
        absl::StrCat("31 23 0:26 ", other, " /mnt/other ro - cgroup2 cgroup2 rw\n");
    Machine(absl::StrCat(bind, kUnified), "0::/kubepods/c1\n");
    EXPECT_EQ(Find().bytes, 4000 * kMebibyte) << other;
    Write("/sys/fs/cgroup/kubepods/c1/memory.max", "134217728\n");
    EXPECT_EQ(Find().bytes, 128 * kMebibyte) << other;
    Write("/sys/fs/cgroup/kubepods/c1/memory.max", "max\n");
  }
}

TEST_F(MemoryLimitTest, NothingToReadIsNoLimit) {
  EXPECT_GT(Find().bytes, uint64_t{1} << 62);
  Machine("x\n - cgroup2\n1 2 3 4 5 6 - cgroup\n", "0::\nx\n");
  EXPECT_EQ(Find().bytes, 4000 * kMebibyte);
}

}  // namespace
}  // namespace runtime
