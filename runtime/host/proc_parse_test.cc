#include "runtime/host/proc_parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace runtime::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kId(64, 'a');

TEST(ProcessStatTest, ReadsAKernelsLine) {
  const auto stat = ParseProcessStat(
      "812 (containerd-shim) S 1 812 640 0 -1 1077936384 2401 9 0 0 31 12 0 0 20 0 12 0 5042 "
      "1267306496 3251 18446744073709551615 1 1 0 0 0 0 0 0 2143420159 0 0 0 17 1 0 0 0 0 0\n");
  ASSERT_TRUE(stat.ok());
  EXPECT_EQ(stat->pid, 812);
  EXPECT_EQ(stat->comm, "containerd-shim");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, 1);
  EXPECT_EQ(stat->cpu_ticks, 43);
  EXPECT_EQ(stat->threads, 12);
  EXPECT_EQ(stat->start_ticks, 5042);
}

TEST(ProcessStatTest, ACommandCannotForgeTheRest) {
  const auto stat = ParseProcessStat(
      "7 (x) R 1 (\n) D 3 7 7 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 9 0 0 0 0 0 0 0 0 0 0 0 0");
  ASSERT_TRUE(stat.ok());
  EXPECT_EQ(stat->comm, "x) R 1 (\n");
  EXPECT_EQ(stat->state, 'D');
  EXPECT_EQ(stat->parent, 3);
}

TEST(ProcessStatTest, RefusesWhatIsNone) {
  for (const char* text : {"", "12", "12 (x", "12 x) R 1", "a (x) R 1 2 3", "12 (x) R 1 2 3",
                           "12 (x) RR 1 1 1 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 9 0"}) {
    EXPECT_EQ(ParseProcessStat(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(PressureTest, ReadsBothLines) {
  const auto pressure = ParsePressure(
      "some avg10=12.50 avg60=1.00 avg300=0.10 total=123\n"
      "full avg10=3.25 avg60=0.00 avg300=0.00 total=45\n");
  ASSERT_TRUE(pressure.ok());
  EXPECT_DOUBLE_EQ(pressure->some, 12.5);
  EXPECT_DOUBLE_EQ(pressure->full, 3.25);
}

TEST(PressureTest, OldKernelsHaveNoFullLineForTheCpu) {
  EXPECT_DOUBLE_EQ(ParsePressure("some avg10=1.00 avg60=0 avg300=0 total=1\n")->full, 0);
  EXPECT_FALSE(ParsePressure("").ok());
  EXPECT_FALSE(ParsePressure("some avg60=1\n").ok());
}

TEST(DiskstatsTest, SkipsWhatIsNoDisk) {
  const auto disks = ParseDiskstats(
      " 259 0 nvme0n1 100 5 800 40 50 6 400 60 3 70 100 0 0 0 0\n"
      "nonsense\n"
      " 8 0\n");
  ASSERT_EQ(disks.size(), 1);
  EXPECT_EQ(disks[0].name, "nvme0n1");
  EXPECT_EQ(disks[0].completed, 150);
  EXPECT_EQ(disks[0].read_ms, 40u);
  EXPECT_EQ(disks[0].write_ms, 60u);
  EXPECT_EQ(disks[0].in_flight, 3);
  EXPECT_EQ(disks[0].busy_ms, 70u);
}

TEST(MountinfoTest, FindsTheFileSystemOfAPath) {
  const auto mounts = ParseMountinfo(
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "40 22 8:17 / /var/lib rw shared:2 master:3 - xfs /dev/sdb1 rw\n"
      "41 22 0:50 / /mnt/with\\040space rw - nfs4 filer:/export\\011x rw\n"
      "42 22 8:33 / /var/lib rw - btrfs /dev/sdc1 rw\n"
      "broken line\n");
  ASSERT_EQ(mounts.size(), 4);
  EXPECT_EQ(mounts[2].mount_point, "/mnt/with space");
  EXPECT_EQ(mounts[2].source, "filer:/export\tx");
  EXPECT_TRUE(IsNetworkFileSystem(mounts[2].fs_type));
  EXPECT_EQ(FindMount(mounts, "/var/lib/containerd")->fs_type, "btrfs");
  EXPECT_EQ(FindMount(mounts, "/var/library")->fs_type, "ext4");
  EXPECT_EQ(FindMount(mounts, "relative"), nullptr);
  EXPECT_EQ(FindMount({}, "/"), nullptr);
}

TEST(CgroupTest, NamesTheContainerInEveryDriversWay) {
  const std::string pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/";
  for (const std::string& path :
       {absl::StrCat(pod, "cri-containerd-", kId, ".scope"),
        absl::StrCat(pod, "crio-", kId, ".scope"), absl::StrCat(pod, "docker-", kId, ".scope"),
        absl::StrCat("/kubepods/burstable/pod1/", kId),
        absl::StrCat("/system.slice/kubepods-pod1.slice:cri-containerd:", kId),
        absl::StrCat("/kubepods/pod1/", kId, "/init.scope")}) {
    EXPECT_EQ(ContainerOfCgroup(path), kId) << path;
  }
  for (const std::string& path :
       {std::string("/"), std::string(""), std::string("/system.slice/containerd.service"),
        absl::StrCat(pod, "crio-conmon-", kId, ".scope"), std::string(63, 'a'),
        absl::StrCat("/", kId.substr(1), "g")}) {
    EXPECT_EQ(ContainerOfCgroup(path), "") << path;
  }
}

TEST(CgroupTest, TakesTheHierarchyThatTellsMost) {
  EXPECT_EQ(CgroupPath("0::/a/b\n"), "/a/b");
  EXPECT_EQ(CgroupPath("5:memory:/m\n4:freezer:/f\n1:name=systemd:/s\n0::/\n"), "/f");
  EXPECT_EQ(CgroupPath("5:memory:/m\n4:freezer:/f\n0::/unified\n"), "/unified");
  EXPECT_EQ(CgroupPath("5:cpu,cpuacct:/with:colon\n"), "/with:colon");
  EXPECT_EQ(CgroupPath(""), "");
}

TEST(KeyTest, ReadsFlatKeysAndMeminfo) {
  EXPECT_EQ(FlatKey("populated 1\nfrozen 0\n", "frozen"), 0u);
  EXPECT_EQ(FlatKey("populated 1\n", "frozen"), std::nullopt);
  EXPECT_EQ(MeminfoKb("MemTotal:  100 kB\nMemAvailable:   42 kB\n", "MemAvailable"), 42u);
  EXPECT_EQ(MeminfoKb("", "MemTotal"), std::nullopt);
}

TEST(UnitOfCgroupTest, IsTheServiceThatHoldsThePath) {
  EXPECT_EQ(UnitOfCgroup("/system.slice/containerd.service"), "containerd");
  EXPECT_EQ(UnitOfCgroup("/system.slice/k3s.service/kubepods/x"), "k3s");
  EXPECT_EQ(UnitOfCgroup("/user.slice/user-0.slice/session-1.scope"), "");
  EXPECT_EQ(UnitOfCgroup("/user.slice/user-0.slice/user@0.service/app.slice/podman.service"), "");
  EXPECT_EQ(UnitOfCgroup("/"), "");
  EXPECT_EQ(UnitOfCgroup(""), "");
}

TEST(UnifiedPathTest, IsThatOfVersion2Alone) {
  EXPECT_EQ(UnifiedPath("0::/a/b\n"), "/a/b");
  EXPECT_EQ(UnifiedPath("5:freezer:/f\n0::/u\n"), "/u");
  EXPECT_EQ(UnifiedPath("5:freezer:/f\n"), "");
}

}  // namespace
}  // namespace runtime::host
