#include "runtime/host/host_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/host/testing/fixture_tree.h"
#include "runtime/host/testing/without_syscall.h"

namespace runtime::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr absl::StatusCode kOk = absl::StatusCode::kOk;
constexpr absl::StatusCode kLink = absl::StatusCode::kFailedPrecondition;
constexpr absl::StatusCode kMount = absl::StatusCode::kUnimplemented;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;

struct Kernel {
  const char* name;
  int openat2_fails_with;  // 0: it works
};

// Whatever a name stands for is noticed if it is opened.
class Opens {
 public:
  explicit Opens(const std::string& directory)
      : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
        watch_(inotify_add_watch(fd_.get(), directory.c_str(), IN_OPEN)) {}

  bool watches() const { return watch_ >= 0; }
  std::vector<std::string> Take() const {
    std::vector<std::string> names;
    alignas(inotify_event) char events[4096];
    const ssize_t size = read(fd_.get(), events, sizeof(events));
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(events + at);
      if (event->len > 0) names.emplace_back(event->name);
      at += static_cast<ssize_t>(sizeof(*event) + event->len);
    }
    return names;
  }

 private:
  const OwnedFd fd_;
  const int watch_;
};

class HostTreeTest : public testing::TestWithParam<Kernel> {
 protected:
  // On a kernel of that kind, with mounts of its own.
  void Run(const std::function<void(const HostTree&)>& body) const {
    OnOwnThread([&] {
      ASSERT_EQ(unshare(CLONE_NEWNS), 0);
      ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
      if (GetParam().openat2_fails_with != 0) {
        ASSERT_TRUE(ForbidSyscall(SCMP_SYS(openat2), GetParam().openat2_fails_with));
      }
      body(HostTree(files_.Path("root")));
    });
  }
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "mounts and device nodes take root";
    files_.Write("root/file", "text");
    files_.Write("root/sub/file", "below");
    files_.Write("outside/file", "secret");
  }
  std::string Path(absl::string_view path) const { return files_.Path(path); }

  const FixtureTree files_;
};

TEST_P(HostTreeTest, ReadsWhatIsBelow) {
  files_.Link("root/link", "sub/file");
  Run([](const HostTree& tree) {
    EXPECT_EQ(*tree.Read("file"), "text");
    EXPECT_EQ(*tree.Read("sub/file"), "below");
    EXPECT_EQ(*tree.Read("sub/file", 3), "bel");
    EXPECT_EQ(*tree.ReadLink("link"), "sub/file");
    EXPECT_THAT(*tree.List(""), UnorderedElementsAre("file", "sub", "link"));
    EXPECT_THAT(*tree.List("sub"), ElementsAre("file"));
    EXPECT_THAT(*tree.List("", 1), testing::SizeIs(1));
    EXPECT_THAT(tree.ListDirectories(""), ElementsAre("sub"));
    EXPECT_TRUE(tree.IsDirectory("sub"));
    EXPECT_TRUE(tree.IsDirectory(""));
    EXPECT_FALSE(tree.IsDirectory("file"));
    EXPECT_FALSE(tree.IsDirectory("none"));
    EXPECT_EQ(tree.Read("none").status().code(), kNotFound);
    EXPECT_EQ(tree.Read("sub").status().code(), kInvalid);
    EXPECT_EQ(tree.ReadLink("file").status().code(), kInvalid);
    EXPECT_FALSE(tree.List("file").ok());
  });
}

TEST_P(HostTreeTest, FollowsNoLink) {
  files_.Link("root/file-link", "file");
  files_.Link("root/dangling", "nothing");
  files_.Link("root/outside", Path("outside"));
  files_.Link("root/up", "../outside/file");
  files_.Link("root/loop", "loop");
  Run([](const HostTree& tree) {
    for (const char* path :
         {"file-link", "dangling", "up", "outside", "outside/file", "loop", "file-link/x"}) {
      EXPECT_EQ(tree.Read(path).status().code(), kLink) << path << tree.Read(path).status();
      EXPECT_FALSE(tree.List(path).ok()) << path;
      EXPECT_FALSE(tree.IsDirectory(path)) << path;
      EXPECT_THAT(tree.ListDirectories(path), IsEmpty()) << path;
    }
    EXPECT_EQ(tree.ReadLink("outside/file").status().code(), kLink);
    EXPECT_EQ(*tree.ReadLink("dangling"), "nothing");
  });
}

TEST_P(HostTreeTest, TakesNoPathThatCouldLeadOut) {
  Run([this](const HostTree& tree) {
    const std::string absolute = Path("root/file");
    for (const std::string& path :
         {std::string(".."), std::string("../outside/file"), std::string("sub/../file"),
          std::string("sub/../../outside/file"), std::string("."), std::string("./file"),
          std::string("sub//file"), std::string("file/"), absolute}) {
      EXPECT_EQ(tree.Read(path).status().code(), kInvalid) << path;
      EXPECT_FALSE(tree.List(path).ok()) << path;
      EXPECT_FALSE(tree.ReadLink(path).ok()) << path;
      EXPECT_FALSE(tree.IsDirectory(path)) << path;
    }
    EXPECT_EQ(tree.Read("").status().code(), kInvalid);
  });
}

TEST_P(HostTreeTest, OpensNothingThatIsNoFile) {
  ASSERT_EQ(mkfifo(Path("root/fifo").c_str(), 0600), 0);
  ASSERT_EQ(mknod(Path("root/character").c_str(), S_IFCHR | 0600, makedev(1, 5)), 0);
  ASSERT_EQ(mknod(Path("root/block").c_str(), S_IFBLK | 0600, makedev(7, 200)), 0);
  ASSERT_EQ(mknod(Path("root/socket").c_str(), S_IFSOCK | 0600, 0), 0);
  Run([this](const HostTree& tree) {
    const Opens opens(Path("root"));
    ASSERT_TRUE(opens.watches());
    for (const char* path : {"fifo", "character", "block", "socket"}) {
      EXPECT_EQ(tree.Read(path).status().code(), kInvalid) << path << tree.Read(path).status();
      EXPECT_FALSE(tree.List(path).ok()) << path;
      EXPECT_FALSE(tree.ReadLink(path).ok()) << path;
      EXPECT_FALSE(tree.IsDirectory(path)) << path;
    }
    EXPECT_THAT(opens.Take(), IsEmpty());
    EXPECT_TRUE(tree.Read("file").ok());
    EXPECT_THAT(opens.Take(), ElementsAre("file"));
  });
}

TEST_P(HostTreeTest, EntersNoMount) {
  Run([this](const HostTree& tree) {
    // Of another file system, of the very same one, and on a file.
    files_.Write("root/tmpfs/file", "");
    files_.Write("root/bound/file", "");
    ASSERT_EQ(mount("none", Path("root/tmpfs").c_str(), "tmpfs", 0, nullptr), 0);
    files_.Write("root/tmpfs/file", "other");
    ASSERT_EQ(mount(Path("outside").c_str(), Path("root/bound").c_str(), nullptr, MS_BIND, nullptr),
              0);
    ASSERT_EQ(
        mount(Path("outside/file").c_str(), Path("root/file").c_str(), nullptr, MS_BIND, nullptr),
        0);
    for (const char* path : {"tmpfs/file", "bound/file", "file", "tmpfs", "bound"}) {
      EXPECT_EQ(tree.Read(path).status().code(), kMount) << path << tree.Read(path).status();
      EXPECT_FALSE(tree.List(path).ok()) << path;
      EXPECT_FALSE(tree.IsDirectory(path)) << path;
    }
    EXPECT_EQ(*tree.Read("sub/file"), "below");
    // The root itself may be any mount.
    EXPECT_EQ(*HostTree(Path("root/bound")).Read("file"), "secret");
    EXPECT_EQ(*HostTree(Path("root"), "bound").Read("file"), "secret");
  });
}

// Nobody serves it: whatever is asked of it never returns.
TEST_P(HostTreeTest, IsNotHeldUpByAFuseMountThatNeverAnswers) {
  files_.Write("root/fuse/file", "");
  Run([this](const HostTree& tree) {
    const OwnedFd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!device.ok()) GTEST_SKIP() << "no FUSE here";
    const std::string options =
        absl::StrCat("fd=", device.get(), ",rootmode=40000,user_id=0,group_id=0");
    ASSERT_EQ(mount("never", Path("root/fuse").c_str(), "fuse", 0, options.c_str()), 0);
    EXPECT_EQ(tree.Read("fuse/file").status().code(), kMount);
    EXPECT_EQ(tree.Read("fuse").status().code(), kMount);
    EXPECT_EQ(tree.ReadLink("fuse/file").status().code(), kMount);
    EXPECT_EQ(tree.List("fuse").status().code(), kMount);
    EXPECT_FALSE(tree.IsDirectory("fuse"));
    EXPECT_EQ(umount2(Path("root/fuse").c_str(), MNT_DETACH), 0);
  });
}

TEST_P(HostTreeTest, FollowsNoMagicLink) {
  Run([this](const HostTree&) {
    const HostTree proc("/proc");
    const std::string self = absl::StrCat(getpid());
    const OwnedFd file(open(Path("outside/file").c_str(), O_RDONLY | O_CLOEXEC));
    for (const std::string& path :
         {self + "/exe", self + "/cwd", self + "/root/etc/passwd", self + "/ns/pid",
          absl::StrCat(self, "/fd/", file.get()), self + "/cwd/file"}) {
      EXPECT_EQ(proc.Read(path).status().code(), kLink) << path;
      EXPECT_FALSE(proc.IsDirectory(path)) << path;
    }
    EXPECT_FALSE(proc.List(self + "/root").ok());
    EXPECT_EQ(proc.Read("self/stat").status().code(), kLink);
    EXPECT_EQ(*proc.ReadLink(absl::StrCat(self, "/fd/", file.get())), Path("outside/file"));
    EXPECT_TRUE(proc.Read(self + "/stat").ok());
    EXPECT_FALSE(proc.ReadThreadStats(self + "/task", 100).empty());
    EXPECT_THAT(proc.ReadThreadStats(self + "/task", 1), testing::SizeIs(1));
    EXPECT_THAT(proc.ReadThreadStats("self/task", 100), IsEmpty());
  });
}

TEST_P(HostTreeTest, CrossesMountsOnTheWayToItsRootButNoLinks) {
  files_.Write("root/usr/lib/systemd/x", "");
  files_.Link("root/link", "usr/lib");
  Run([this](const HostTree&) {
    EXPECT_THAT(*HostTree(Path("root"), "usr/lib").List("systemd"), ElementsAre("x"));
    EXPECT_FALSE(HostTree(Path("root"), "link/systemd").status().ok());
    EXPECT_FALSE(HostTree(Path("root"), "file").status().ok());
    const HostTree none(Path("none"));
    EXPECT_EQ(none.status().code(), kNotFound);
    EXPECT_EQ(none.Read("x").status().code(), kNotFound);
    EXPECT_EQ(none.List("").status().code(), kNotFound);
    EXPECT_FALSE(none.IsDirectory(""));
    EXPECT_EQ(HostTree(Path("root")).status().code(), kOk);
  });
}

// Nothing is exchanged for something else between the look at it and the opening.
TEST_P(HostTreeTest, OpensWhatItLookedAt) {
  Run([this](const HostTree& tree) {
    ASSERT_EQ(mkfifo(Path("root/other").c_str(), 0600), 0);
    const Opens opens(Path("root"));
    std::jthread exchanger([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        renameat2(AT_FDCWD, Path("root/file").c_str(), AT_FDCWD, Path("root/other").c_str(),
                  RENAME_EXCHANGE);
      }
    });
    int good = 0;
    for (int i = 0; i < 2000; ++i) {
      const absl::StatusOr<std::string> text = tree.Read("file");
      if (text.ok()) ++good;
      ASSERT_TRUE(text.ok() ? *text == "text" : text.status().code() == kInvalid) << text.status();
    }
    EXPECT_GT(good, 0);
  });
}

INSTANTIATE_TEST_SUITE_P(Kernels, HostTreeTest,
                         testing::Values(Kernel{"Openat2", 0}, Kernel{"NoOpenat2", ENOSYS},
                                         Kernel{"ForbiddenOpenat2", EPERM}),
                         [](const auto& kernel) { return kernel.param.name; });

}  // namespace
}  // namespace runtime::host
