// Small files of /proc, /sys and the cgroup tree.
//
//   absl::StatusOr<std::string> text = ReadSmallFile("/proc/1/stat");

#ifndef PLEGD_RUNTIME_HOST_PROC_FILE_H_
#define PLEGD_RUNTIME_HOST_PROC_FILE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime::host {

inline constexpr size_t kSmallFile = size_t{64} * 1024;

// The file, cut at `limit` bytes. Regular and proc files only: INVALID_ARGUMENT for anything that
// could block. NOT_FOUND also for a process that ended between open and read; PERMISSION_DENIED.
// May block for as long as the kernel does: call it where that is allowed.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t limit = kSmallFile);

// Where a symbolic link points. Errors as above.
absl::StatusOr<std::string> ReadLink(const std::string& path);

// Names of the entries of a directory, without "." and "..", in no particular order; at most
// `limit`.
absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path,
                                                       size_t limit = size_t{1} << 20);

// The stat of each thread below /proc/PID/task, at most `limit` of them; empty if it cannot be
// listed. For processes with many threads cheaper than files one by one.
std::vector<std::string> ReadThreadStats(const std::string& task_directory, size_t limit);

// Whether `text` is a decimal number without sign.
bool IsNumber(absl::string_view text);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PROC_FILE_H_
