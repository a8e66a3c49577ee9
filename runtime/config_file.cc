#include "runtime/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <cerrno>
#include <exception>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace runtime {
namespace {

absl::Status FileError(absl::StatusCode code, absl::string_view path, absl::string_view what) {
  return absl::Status(code, absl::StrCat(path, ": ", what));
}

absl::Status FromErrno(const std::string& path, absl::string_view attempt, int error) {
  const std::string what =
      absl::StrCat("cannot ", attempt, ": ", std::generic_category().message(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return FileError(absl::StatusCode::kNotFound, path, "no such file");
    case EACCES:
    case EPERM:
      return FileError(absl::StatusCode::kPermissionDenied, path, what);
    default:
      return FileError(absl::StatusCode::kUnavailable, path, what);
  }
}

absl::string_view KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a directory";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    case S_IFBLK:
    case S_IFCHR:
      return "a device";
    default:
      return "something else";
  }
}

absl::Status TooBig(absl::string_view path) {
  return FileError(absl::StatusCode::kInvalidArgument, path,
                   absl::StrCat("is larger than ", kMaxConfigBytes,
                                " bytes, too large for a configuration file"));
}

absl::Status CheckKind(const std::string& path, const struct stat& info) {
  if (!S_ISREG(info.st_mode)) {
    return FileError(absl::StatusCode::kInvalidArgument, path,
                     absl::StrCat("is ", KindOf(info.st_mode), ", not a file"));
  }
  return info.st_size > static_cast<off_t>(kMaxConfigBytes) ? TooBig(path) : absl::OkStatus();
}

// The size of a file in /proc is 0, so only the end of the data counts.
absl::StatusOr<std::string> ReadAll(const std::string& path, int fd) {
  std::string text;
  char chunk[16384];
  for (;;) {
    const ssize_t got = read(fd, chunk, sizeof(chunk));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FromErrno(path, "read", errno);
    if (got == 0) return text;
    text.append(chunk, static_cast<size_t>(got));
    if (text.size() > kMaxConfigBytes) return TooBig(path);
  }
}

absl::Status YamlError(absl::string_view path, const YAML::Mark& mark, absl::string_view what) {
  const std::string line = mark.is_null() ? "" : absl::StrCat(":", mark.line + 1);
  return absl::InvalidArgumentError(absl::StrCat(path, line, ": ", what));
}

// Keeps the value of one key at depth 1 and the first complaint.
class KeyFinder : public YAML::EventHandler {
 public:
  KeyFinder(absl::string_view path, absl::string_view key) : path_(path), key_(key) {}

  absl::StatusOr<std::optional<std::string>> Result() && {
    if (!error_.ok()) return error_;
    if (value_.has_value() && value_->empty()) value_.reset();
    return std::move(value_);
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (depth_ > 0) Leaf(mark, "");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { NoText(mark, "an alias"); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string& value) override {
    Leaf(mark, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    NoText(mark, "a list");
    ++depth_;
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    if (depth_ > 0) NoText(mark, "a mapping");
    ++depth_;
  }
  void OnMapEnd() override { --depth_; }

 private:
  void Complain(const YAML::Mark& mark, absl::string_view what) {
    if (error_.ok()) error_ = YamlError(path_, mark, what);
  }

  // Keys and values alternate; whatever stands at depth 1 is one of them.
  void Leaf(const YAML::Mark& mark, const std::string& text) {
    if (depth_ == 0) Complain(mark, "the top level is a text, not a mapping");
    if (depth_ != 1) return;
    if (std::exchange(at_key_, !at_key_)) {
      wanted_ = text == key_;
      return;
    }
    if (!wanted_) return;
    if (value_.has_value()) Complain(mark, absl::StrCat(key_, " is set twice"));
    value_ = text;
  }

  void NoText(const YAML::Mark& mark, absl::string_view kind) {
    if (depth_ == 0) Complain(mark, absl::StrCat("the top level is ", kind, ", not a mapping"));
    if (depth_ != 1) return;
    if (std::exchange(at_key_, !at_key_)) {
      wanted_ = false;
      return;
    }
    if (wanted_) Complain(mark, absl::StrCat(key_, " is ", kind, ", not a text"));
  }

  const absl::string_view path_;
  const absl::string_view key_;
  size_t depth_ = 0;
  bool at_key_ = true;
  bool wanted_ = false;  // the value that follows is that of the key
  std::optional<std::string> value_;
  absl::Status error_;
};

}  // namespace

absl::StatusOr<std::string> ReadConfigFile(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return FromErrno(path, "look at it", errno);
  if (absl::Status kind = CheckKind(path, info); !kind.ok()) return kind;
  const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return FromErrno(path, "open", errno);
  const absl::Cleanup close_fd = [fd] { close(fd); };
  // Another file may have taken the place of the first.
  if (fstat(fd, &info) != 0) return FromErrno(path, "look at it", errno);
  if (absl::Status kind = CheckKind(path, info); !kind.ok()) return kind;
  return ReadAll(path, fd);
}

absl::StatusOr<std::optional<std::string>> FindYamlText(absl::string_view document,
                                                        absl::string_view path,
                                                        absl::string_view key) {
  if (document.size() > kMaxConfigBytes) return TooBig(path);
  KeyFinder finder(path, key);
  try {
    std::istringstream stream{std::string(document)};
    YAML::Parser parser(stream);
    parser.HandleNextDocument(finder);
  } catch (const YAML::DeepRecursion& error) {
    return YamlError(path, error.mark, "not YAML: nested too deeply");
  } catch (const YAML::Exception& error) {
    return YamlError(path, error.mark, absl::StrCat("not YAML: ", absl::CHexEscape(error.msg)));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be parsed: ", error.what()));
  }
  return std::move(finder).Result();
}

}  // namespace runtime
