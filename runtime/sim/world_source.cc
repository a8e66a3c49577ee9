#include "runtime/sim/world_source.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/sim/json_text.h"
#include "runtime/sim/world_dump.h"
#include "runtime/sim/world_file.h"

namespace sim {
namespace {

bool IsDirectory(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

// By name.
std::vector<std::string> FilesOf(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename();
    if (!absl::StartsWith(name, ".") && !it->is_directory(error)) files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> Files(const std::string& path) {
  return IsDirectory(path) ? FilesOf(path) : std::vector<std::string>{path};
}

// Differs when one of the files was written or replaced.
std::string Fingerprint(const std::string& path) {
  std::string print;
  for (const std::string& file : Files(path)) {
    struct stat info = {};
    const int error = ::stat(file.c_str(), &info) == 0 ? 0 : errno;
    absl::StrAppend(&print, file, " ", error, " ", info.st_dev, " ", info.st_ino, " ", info.st_size,
                    " ", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, "\n");
  }
  return print;
}

absl::StatusOr<std::string> Content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string content(std::istreambuf_iterator<char>(in), {});
  if (!in.is_open() || in.bad()) {
    return absl::ErrnoToStatus(errno, absl::StrCat("reading ", file));
  }
  return content;
}

absl::StatusOr<FixedWorld> ReadFile(const std::string& path, absl::Time origin) {
  absl::StatusOr<std::string> content = Content(path);
  if (!content.ok()) return content.status();
  const absl::StatusOr<JsonText> text = JsonText::Parse(path, *std::move(content));
  if (!text.ok()) return text.status();
  return ReadWorldFile(*text, origin);
}

absl::StatusOr<FixedWorld> ReadDirectory(const std::string& path) {
  const std::vector<std::string> files = FilesOf(path);
  if (files.empty()) {
    return absl::NotFoundError(absl::StrCat("there is no file of crictl's output in ", path));
  }
  WorldDump dump;
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> content = Content(file);
    if (!content.ok()) return content.status();
    if (absl::Status added = dump.Add(file, *content); !added.ok()) return added;
  }
  return std::move(dump).Take();
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorldSource>> WorldSource::Open(std::string path,
                                                               WorldDefaults defaults) {
  std::unique_ptr<WorldSource> source(new WorldSource(std::move(path), std::move(defaults)));
  if (absl::Status read = source->Read(); !read.ok()) return read;
  return source;
}

std::shared_ptr<const FixedWorld> WorldSource::Current() const {
  pleg::MutexLock lock(mu_);
  return current_;
}

absl::Status WorldSource::Refusal() const {
  pleg::MutexLock lock(mu_);
  return refusal_;
}

absl::StatusOr<bool> WorldSource::Poll() {
  const std::string now = Fingerprint(path_);
  pleg::MutexLock lock(mu_);
  const bool rests = std::exchange(polled_, now) == now;
  if (now == read_ || !rests) return false;
  if (absl::Status read = ReadLocked(); !read.ok()) return read;
  return true;
}

absl::Status WorldSource::Read() {
  pleg::MutexLock lock(mu_);
  return ReadLocked();
}

absl::Status WorldSource::ReadLocked() {
  read_ = Fingerprint(path_);  // Before: what is written meanwhile is read again.
  absl::StatusOr<FixedWorld> world =
      IsDirectory(path_) ? ReadDirectory(path_) : ReadFile(path_, defaults_.origin);
  refusal_ = world.status();
  if (!world.ok()) return refusal_;
  if (world->runtime_name.empty()) world->runtime_name = defaults_.runtime_name;
  if (world->runtime_version.empty()) world->runtime_version = defaults_.runtime_version;
  current_ = std::make_shared<const FixedWorld>(*std::move(world));
  return absl::OkStatus();
}

}  // namespace sim
