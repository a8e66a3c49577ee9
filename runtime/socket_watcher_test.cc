#include "runtime/socket_watcher.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pleg/mutex.h"
#include "runtime/socket_watcher_path.h"
#include "runtime/testing/temp_dir.h"

namespace runtime {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A listening socket at a path; the file stays when it is closed.
class Listener {
 public:
  explicit Listener(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0) << path;
    EXPECT_EQ(listen(fd_, 5), 0);
  }
  ~Listener() { close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  const int fd_;
};

class RecordingLog : public pleg::Log {
 public:
  bool Enabled(pleg::LogLevel) const override { return true; }
  void Write(pleg::LogLevel, absl::string_view message,
             std::initializer_list<pleg::LogField> fields) override {
    const pleg::MutexLock lock(mu_);
    lines_.emplace_back(message);
    for (const pleg::LogField& field : fields) lines_.back() += " " + field.value;
  }
  std::vector<std::string> lines() const {
    const pleg::MutexLock lock(mu_);
    return lines_;
  }

 private:
  mutable pleg::Mutex mu_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

// Counts calls. Thread-safe.
class Counter {
 public:
  void Add() {
    const pleg::MutexLock lock(mu_);
    ++count_;
    changed_.notify_all();
  }
  int Get() const {
    const pleg::MutexLock lock(mu_);
    return count_;
  }
  // Returns once there was a call more than `before`; the test's time-out ends a wait in vain.
  void AwaitMoreThan(int before) {
    const pleg::MutexLock lock(mu_);
    while (count_ <= before) changed_.wait(mu_);
  }

 private:
  mutable pleg::Mutex mu_;
  std::condition_variable_any changed_;
  int count_ ABSL_GUARDED_BY(mu_) = 0;
};

class SocketWatcherTest : public ::testing::Test {
 protected:
  void Watch(const std::string& path, SocketWatcher::Inotify inotify = {}) {
    watcher_ = std::make_unique<SocketWatcher>(
        SocketWatcher::Options{
            .path = path, .poll_period = absl::Milliseconds(5), .inotify = std::move(inotify)},
        [this] { appeared_.Add(); }, log_);
  }
  // Does something that must be told of.
  template <typename F>
  void ExpectTold(F&& change) {
    const int before = appeared_.Get();
    change();
    appeared_.AwaitMoreThan(before);
  }
  void Listen(const std::string& path) { listeners_.push_back(std::make_unique<Listener>(path)); }

  testing::TempDir dir_;
  const std::string socket_ = dir_.File("a/b/s");
  std::vector<std::unique_ptr<Listener>> listeners_;
  RecordingLog log_;
  Counter appeared_;
  std::unique_ptr<SocketWatcher> watcher_;
};

TEST_F(SocketWatcherTest, SocketAppears) {
  fs::create_directories(dir_.File("a/b"));
  Watch(socket_);
  ExpectTold([&] { Listen(socket_); });
  EXPECT_THAT(log_.lines(), ElementsAre());
}

TEST_F(SocketWatcherTest, SocketIsReplacedAtOnce) {
  fs::create_directories(dir_.File("a/b"));
  Listen(socket_);
  Watch(socket_);
  for (int i = 0; i < 20; ++i) {
    ExpectTold([&] {
      Listen(socket_ + ".new");
      fs::rename(socket_ + ".new", socket_);
    });
  }
}

TEST_F(SocketWatcherTest, SocketIsRemovedAndRecreated) {
  fs::create_directories(dir_.File("a/b"));
  Watch(socket_);
  for (int i = 0; i < 20; ++i) {
    ExpectTold([&] { Listen(socket_); });
    listeners_.clear();
    fs::remove(socket_);
  }
}

TEST_F(SocketWatcherTest, DirectoriesAreMadeLater) {
  Watch(socket_);
  ExpectTold([&] {
    fs::create_directory(dir_.File("a"));
    fs::create_directory(dir_.File("a/b"));
    Listen(socket_);
  });
}

TEST_F(SocketWatcherTest, DirectoriesAreRemovedAndRecreated) {
  Watch(socket_);
  for (int i = 0; i < 20; ++i) {
    ExpectTold([&] {
      fs::create_directories(dir_.File("a/b"));
      Listen(socket_);
    });
    fs::remove_all(dir_.File("a"));
  }
}

TEST_F(SocketWatcherTest, DirectoryIsRenamedIntoPlace) {
  fs::create_directories(dir_.File("elsewhere/b"));
  Listen(dir_.File("elsewhere/b/s"));
  Watch(socket_);
  ExpectTold([&] { fs::rename(dir_.File("elsewhere"), dir_.File("a")); });
}

TEST_F(SocketWatcherTest, LinkIsSwapped) {
  fs::create_directories(dir_.File("old/b"));
  fs::create_directories(dir_.File("new/b"));
  Listen(dir_.File("old/b/s"));
  Listen(dir_.File("new/b/s"));
  fs::create_symlink(dir_.File("old"), dir_.File("a"));
  Watch(socket_);
  ExpectTold([&] {
    fs::create_symlink("new", dir_.File("next"));
    fs::rename(dir_.File("next"), dir_.File("a"));
  });
  // What happens behind the link is seen as well.
  ExpectTold([&] {
    fs::remove(dir_.File("new/b/s"));
    Listen(dir_.File("new/b/s"));
  });
}

TEST_F(SocketWatcherTest, ModeChanges) {
  fs::create_directories(dir_.File("a/b"));
  Listen(socket_);
  Watch(socket_);
  ExpectTold([&] { ASSERT_EQ(chmod(socket_.c_str(), 0600), 0); });
}

// Polling shows that something was looked at and not told of.
class SocketWatcherPollTest : public SocketWatcherTest {
 protected:
  void Poll() {
    Watch(socket_, {.init = [polls = polls_] {
            polls->Add();
            errno = EMFILE;
            return -1;
          }});
  }
  // The first poll may have looked before the change.
  void ExpectNotTold() {
    polls_->AwaitMoreThan(polls_->Get() + 1);
    EXPECT_EQ(appeared_.Get(), 0);
  }

  const std::shared_ptr<Counter> polls_ = std::make_shared<Counter>();
};

TEST_F(SocketWatcherPollTest, OneThatIsThereIsNotToldOf) {
  fs::create_directories(dir_.File("a/b"));
  Listen(socket_);
  Poll();
  ExpectNotTold();
  fs::remove(socket_);
  ExpectNotTold();
}

TEST_F(SocketWatcherPollTest, OnlySocketsCount) {
  Poll();
  fs::create_directories(dir_.File("a/b"));
  ExpectNotTold();
  std::ofstream(socket_) << "x";
  ExpectNotTold();
  fs::remove(socket_);
  fs::create_directory(socket_);
  ExpectNotTold();
  fs::remove(socket_);
  Listen(dir_.File("a/b/other"));
  ExpectNotTold();
  ExpectTold([&] { Listen(socket_); });
}

TEST_F(SocketWatcherPollTest, EachAppearanceIsToldOf) {
  Poll();
  for (int i = 0; i < 3; ++i) {
    ExpectTold([&] {
      fs::create_directories(dir_.File("a/b"));
      Listen(socket_);
    });
    fs::remove_all(dir_.File("a"));
    polls_->AwaitMoreThan(polls_->Get() + 1);
  }
  ASSERT_EQ(log_.lines().size(), 1);
  EXPECT_THAT(log_.lines()[0], HasSubstr(socket_));
  EXPECT_THAT(log_.lines()[0], HasSubstr("max_user_instances"));
}

TEST_F(SocketWatcherTest, DestroyedWhileItWaits) {
  Watch(socket_);
  watcher_.reset();
  fs::create_directories(dir_.File("a/b"));
  Listen(socket_);
  EXPECT_EQ(appeared_.Get(), 0);
}

TEST_F(SocketWatcherTest, DestroyedWhileEventsArrive) {
  fs::create_directories(dir_.File("a/b"));
  std::jthread noise([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      { const Listener listener(socket_); }
      fs::remove(socket_);
    }
  });
  for (int i = 0; i < 50; ++i) Watch(socket_);
  watcher_.reset();
}

TEST_F(SocketWatcherTest, PollsWhileWatchesAreUsedUp) {
  const auto used_up = std::make_shared<std::atomic<bool>>(true);
  const auto added = std::make_shared<Counter>();
  Watch(socket_, {.add = [used_up, added](int fd, const char* directory, uint32_t mask) {
          if (*used_up) {
            errno = ENOSPC;
            return -1;
          }
          added->Add();
          return inotify_add_watch(fd, directory, mask);
        }});
  fs::create_directories(dir_.File("a/b"));
  ExpectTold([&] { Listen(socket_); });
  EXPECT_THAT(log_.lines(), ElementsAre(HasSubstr("max_user_watches")));
  *used_up = false;
  added->AwaitMoreThan(0);
  ExpectTold([&] {
    fs::remove(socket_);
    Listen(socket_);
  });
  EXPECT_THAT(log_.lines(), ElementsAre(HasSubstr("max_user_watches"), HasSubstr("again")));
  // The next time is told like the first.
  *used_up = true;
  ExpectTold([&] {
    fs::remove(socket_);
    Listen(socket_);
  });
  EXPECT_THAT(log_.lines(), ElementsAre(HasSubstr("max_user_watches"), HasSubstr("again"),
                                        HasSubstr("max_user_watches")));
}

TEST(LookupsOfTest, FollowsLinksAndStopsAtWhatIsMissing) {
  const testing::TempDir dir;
  const std::string root = dir.path();
  const std::string name = root.substr(root.find_last_of('/') + 1);
  fs::create_directories(dir.File("run/c"));
  fs::create_directories(dir.File("var"));
  fs::create_symlink("../run", dir.File("var/run"));
  const std::vector<PathLookup> head = {{"/", "tmp"}, {"/tmp", name}};

  auto below = [&](const std::string& path) {
    const std::vector<PathLookup> lookups = LookupsOf(dir.File(path));
    EXPECT_THAT(std::vector<PathLookup>(lookups.begin(), lookups.begin() + 2),
                ::testing::ElementsAreArray(head));
    return std::vector<PathLookup>(lookups.begin() + 2, lookups.end());
  };
  EXPECT_THAT(below("var//run/./c/s"),
              ElementsAre(PathLookup{root, "var"}, PathLookup{root + "/var", "run"},
                          PathLookup{root, "run"}, PathLookup{root + "/run", "c"},
                          PathLookup{root + "/run/c", "s"}));
  EXPECT_THAT(below("none/c/s"), ElementsAre(PathLookup{root, "none"}));
  std::ofstream(dir.File("file")) << "x";
  EXPECT_THAT(below("file/s"), ElementsAre(PathLookup{root, "file"}));
  fs::create_symlink("loop", dir.File("loop"));
  EXPECT_THAT(below("loop/s"), ::testing::SizeIs(41));
  EXPECT_THAT(LookupsOf("/"), ElementsAre());
  EXPECT_THAT(LookupsOf("/../../nothing-here"), ElementsAre(PathLookup{"/", "nothing-here"}));
}

}  // namespace
}  // namespace runtime
