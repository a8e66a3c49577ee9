#include "runtime/config_file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/testing/temp_dir.h"

namespace runtime {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ReadConfigFileTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.File(name), std::ios::binary) << text;
    return dir_.File(name);
  }
  // The one line that a person sees; it names the path.
  std::string Complaint(const std::string& path, absl::StatusCode code) {
    const absl::StatusOr<std::string> text = ReadConfigFile(path);
    EXPECT_EQ(text.status().code(), code) << text.status();
    std::string message(text.status().message());
    EXPECT_THAT(message, StartsWith(path + ": "));
    EXPECT_EQ(message.find('\n'), std::string::npos);
    return message;
  }

  testing::TempDir dir_;
};

TEST_F(ReadConfigFileTest, ReadsTheWholeFile) {
  const std::string text = "a: b\n" + std::string(40'000, 'x') + '\0' + "end";
  EXPECT_EQ(ReadConfigFile(Write("f", text)).value(), text);
  EXPECT_EQ(ReadConfigFile(Write("empty", "")).value(), "");
  EXPECT_EQ(ReadConfigFile(Write("full", std::string(kMaxConfigBytes, 'x'))).value().size(),
            kMaxConfigBytes);
}

TEST_F(ReadConfigFileTest, ReadsFilesThatHaveNoSizeAndLinks) {
  EXPECT_THAT(ReadConfigFile("/proc/self/status").value(), HasSubstr("Pid:"));
  ASSERT_EQ(symlink(Write("f", "text").c_str(), dir_.File("link").c_str()), 0);
  EXPECT_EQ(ReadConfigFile(dir_.File("link")).value(), "text");
}

TEST_F(ReadConfigFileTest, RefusesWhatIsNoRegularFile) {
  EXPECT_THAT(Complaint(dir_.path(), absl::StatusCode::kInvalidArgument),
              EndsWith("is a directory, not a file"));
  ASSERT_EQ(mkfifo(dir_.File("fifo").c_str(), 0600), 0);
  EXPECT_THAT(Complaint(dir_.File("fifo"), absl::StatusCode::kInvalidArgument),
              EndsWith("is a FIFO, not a file"));
  EXPECT_THAT(Complaint("/dev/zero", absl::StatusCode::kInvalidArgument),
              EndsWith("is a device, not a file"));
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, dir_.File("s").data(), dir_.File("s").size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  close(fd);
  EXPECT_THAT(Complaint(dir_.File("s"), absl::StatusCode::kInvalidArgument),
              EndsWith("is a socket, not a file"));
}

TEST_F(ReadConfigFileTest, RefusesWhatIsTooLarge) {
  const std::string gigabyte = Write("gigabyte", "");
  ASSERT_EQ(truncate(gigabyte.c_str(), off_t{1} << 30), 0);
  EXPECT_THAT(Complaint(gigabyte, absl::StatusCode::kInvalidArgument),
              HasSubstr("is larger than 65536 bytes"));
  Complaint(Write("one", std::string(kMaxConfigBytes + 1, 'x')),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ReadConfigFileTest, TellsMissingFromForbidden) {
  EXPECT_THAT(Complaint(dir_.File("none"), absl::StatusCode::kNotFound), EndsWith("no such file"));
  Complaint(Write("f", "") + "/below", absl::StatusCode::kNotFound);
  ASSERT_EQ(symlink("loop", dir_.File("loop").c_str()), 0);
  Complaint(dir_.File("loop"), absl::StatusCode::kUnavailable);
}

TEST_F(ReadConfigFileTest, PermissionDenied) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  const std::string path = Write("f", "secret");
  ASSERT_EQ(chmod(dir_.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  ASSERT_EQ(seteuid(65534), 0);
  const absl::StatusOr<std::string> text = ReadConfigFile(path);
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_EQ(text.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(text.status().message()),
              StartsWith(path + ": cannot open: Permission denied"));
}

TEST_F(ReadConfigFileTest, LeavesNoDescriptorOpen) {
  const std::string path = Write("f", "text");
  const int before = dup(0);
  close(before);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(ReadConfigFile(path).ok());
  const int after = dup(0);
  close(after);
  EXPECT_EQ(after, before);
}

// Nothing is "".
std::string Find(absl::string_view document, const std::string& key = "key") {
  const absl::StatusOr<std::optional<std::string>> found = FindYamlText(document, "/f", key);
  EXPECT_TRUE(found.ok()) << found.status() << " in " << document;
  return found.value_or(std::nullopt).value_or("");
}

TEST(FindYamlTextTest, FindsTheKey) {
  EXPECT_EQ(Find("key: value\n"), "value");
  EXPECT_EQ(Find("other: [1, {key: no}]\nkey: \"a b\"\nlast: x"), "a b");
  EXPECT_EQ(Find("# comment\n---\nkey: 'unix:///run/x.sock' # why\n...\n---\nkey: other"),
            "unix:///run/x.sock");
  EXPECT_EQ(Find("{\"other\": null,\n\t\"key\": \"json\"}"), "json");
  EXPECT_EQ(Find("key: 5"), "5");
  EXPECT_EQ(Find("\xef\xbb\xbfkey: after a byte order mark"), "after a byte order mark");
  EXPECT_EQ(Find("runtime-endpoint: unix:///a\nimage-endpoint: unix:///b", "runtime-endpoint"),
            "unix:///a");
}

TEST(FindYamlTextTest, MissingNullAndEmptyAreNothing) {
  for (const char* document : {"", "\n", "# x", "---", "null", "~", "other: x", "key:", "key: ~",
                               "key: \"\"", "other: key", "other: {key: x}", "? [key]\n: x"}) {
    EXPECT_EQ(Find(document), "") << document;
  }
}

TEST(FindYamlTextTest, OtherKeysMayHoldAnything) {
  EXPECT_EQ(Find("base: &b [1, 2]\ncopy: *b\n? {a: b}\n: [c]\n? [d]\n: e\n*b : f\nkey: v"), "v");
  EXPECT_EQ(Find("twice: 1\ntwice: 2\nkey: v"), "v");
  EXPECT_EQ(Find("key: v\nvalue: key\n? key2\n: x"), "v");
}

TEST(FindYamlTextTest, NamesFileAndLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a: b\nkey: [x]\n", "/f:2: key is a list, not a text"},
      {"\n\nkey:\n  x: y\n", "/f:4: key is a mapping, not a text"},
      {"a: &a x\nkey: *a\n", "/f:2: key is an alias, not a text"},
      {"key: a\nb: c\nkey: d\n", "/f:3: key is set twice"},
      {"- key: x\n", "/f:1: the top level is a list, not a mapping"},
      {"key\n", "/f:1: the top level is a text, not a mapping"},
      {"a: b\nkey: [x\n", "/f:3: not YAML: "},
      {"a: b\n\tkey: x: y\n", "/f:2: not YAML: "},
      {"key: *nothing\n", "/f:1: not YAML: "},
      {"key: @x\n", "/f:1: not YAML: "},
  };
  for (const auto& [document, message] : cases) {
    const auto found = FindYamlText(document, "/f", "key");
    EXPECT_EQ(found.status().code(), absl::StatusCode::kInvalidArgument) << document;
    EXPECT_THAT(std::string(found.status().message()), StartsWith(message)) << document;
    EXPECT_EQ(found.status().message().find('\n'), absl::string_view::npos);
  }
}

std::string Repeat(const std::string& piece) {
  std::string text;
  while (text.size() + piece.size() <= kMaxConfigBytes) text += piece;
  return text;
}

TEST(FindYamlTextTest, NestingIsLimited) {
  for (const char* piece : {"[", "{", "- ", "? ", "{a: ", "[&a "}) {
    const auto found = FindYamlText(Repeat(piece), "/f", "key");
    EXPECT_EQ(found.status().code(), absl::StatusCode::kInvalidArgument) << piece;
  }
  EXPECT_THAT(std::string(FindYamlText(Repeat("["), "/f", "key").status().message()),
              HasSubstr("nested too deeply"));
}

TEST(FindYamlTextTest, AliasesAreNotExpanded) {
  std::string bomb = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string alias = absl::StrCat("*l", i - 1);
    absl::StrAppend(&bomb, "l", i, ": &l", i, " [", alias);
    for (int j = 0; j < 9; ++j) absl::StrAppend(&bomb, ", ", alias);
    bomb += "]\n";
  }
  EXPECT_EQ(Find(bomb + "key: v\n"), "v");
}

TEST(FindYamlTextTest, TooMuchTextIsNotParsed) {
  EXPECT_EQ(FindYamlText(std::string(kMaxConfigBytes + 1, '\n'), "/f", "key").status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace runtime
