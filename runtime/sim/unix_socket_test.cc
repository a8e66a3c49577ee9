#include "runtime/sim/unix_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "runtime/sim/testing/temp_dir.h"

namespace sim {
namespace {

using ::testing::HasSubstr;

TEST(ListenSocket, ServesOnlyItsOwnerAndCleansUp) {
  TempDir dir;
  const std::string path = dir.File("s");
  {
    const auto socket = ListenSocket::Open(path);
    ASSERT_TRUE(socket.ok()) << socket.status();
    struct stat info = {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    EXPECT_TRUE(ConnectUnix(path).ok());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(absl::IsUnavailable(ConnectUnix(path).status()));
}

TEST(ListenSocket, RefusesALiveOneAndReplacesADeadOne) {
  TempDir dir;
  const std::string path = dir.File("s"), moved = dir.File("moved");
  {
    const auto first = ListenSocket::Open(path);
    ASSERT_TRUE(first.ok());
    const auto second = ListenSocket::Open(path);
    EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
    EXPECT_THAT(std::string(second.status().message()), HasSubstr(path));
    std::filesystem::rename(path, moved);  // What a killed process leaves behind.
  }
  ASSERT_TRUE(std::filesystem::exists(moved));
  EXPECT_TRUE(ListenSocket::Open(moved).ok());
}

TEST(ListenSocket, LeavesTheSocketOfASuccessor) {
  TempDir dir;
  const std::string path = dir.File("s");
  auto first = ListenSocket::Open(path);
  ASSERT_TRUE(first.ok());
  std::filesystem::remove(path);
  const auto second = ListenSocket::Open(path);
  ASSERT_TRUE(second.ok());
  { const ListenSocket gone = *std::move(first); }
  EXPECT_TRUE(ConnectUnix(path).ok());
}

TEST(ListenSocket, BadPaths) {
  TempDir dir;
  std::ofstream(dir.File("file")) << "precious";
  EXPECT_TRUE(absl::IsFailedPrecondition(ListenSocket::Open(dir.File("file")).status()));
  EXPECT_TRUE(std::filesystem::exists(dir.File("file")));
  EXPECT_TRUE(absl::IsInvalidArgument(ListenSocket::Open(std::string(108, 'x')).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ListenSocket::Open("").status()));
  const auto missing = ListenSocket::Open(dir.File("no/such/dir"));
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr(dir.File("no/such/dir")));
}

}  // namespace
}  // namespace sim
