// Small files at paths that the administrator or the kernel chose. Whatever a tenant may have a
// hand in is read through host_tree.h.
//
//   absl::StatusOr<std::string> text = ReadSmallFile("/proc/self/schedstat");

#ifndef PLEGD_RUNTIME_HOST_PROC_FILE_H_
#define PLEGD_RUNTIME_HOST_PROC_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime::host {

inline constexpr size_t kSmallFile = size_t{64} * 1024;

// The file, cut at `limit` bytes. Regular and proc files only: INVALID_ARGUMENT for anything that
// could block. NOT_FOUND; PERMISSION_DENIED. May block for as long as the kernel does: call it
// where that is allowed.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t limit = kSmallFile);

// What can be read of `fd`, cut at `limit` bytes, into `text`. 0, or errno.
int ReadAll(int fd, size_t limit, std::string& text);

// Whether `text` is a decimal number without sign.
bool IsNumber(absl::string_view text);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PROC_FILE_H_
