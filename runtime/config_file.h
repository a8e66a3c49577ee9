// Small configuration files that somebody else wrote: crictl's, the kubelet's. Whatever stands at
// the path, reading it ends soon, and what is wrong is said in one line that names the file.
//
//   absl::StatusOr<std::string> text = ReadConfigFile("/etc/crictl.yaml");
//   auto endpoint = FindYamlText(*text, "/etc/crictl.yaml", "runtime-endpoint");

#ifndef PLEGD_RUNTIME_CONFIG_FILE_H_
#define PLEGD_RUNTIME_CONFIG_FILE_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime {

// Bytes that a configuration file may have. Real ones have a few thousand; of a hostile one the
// YAML parser makes up to 250 bytes of tokens a byte before it gives up.
inline constexpr size_t kMaxConfigBytes = size_t{1} << 16;

// The whole of a regular file. Nothing else is ever opened, because opening alone may block (a
// FIFO) or act (/dev/watchdog); of what is not there at once, as in /proc/kmsg, nothing is awaited.
// Only a file on a dead network mount can still block. kNotFound; kPermissionDenied;
// kInvalidArgument: no regular file, or over kMaxConfigBytes; kUnavailable: reading failed. Each
// message begins with the path. Thread-safe.
absl::StatusOr<std::string> ReadConfigFile(const std::string& path);

// The text of `key` directly below the top of a YAML or JSON document, every other key ignored;
// nothing if it is missing, null or empty. Only the first document counts. The document is read as
// a stream of events, so that no tree is built and no alias is expanded; the parser limits the
// depth. kInvalidArgument names `path` and the line: not YAML, no mapping at the top, the key
// twice, or a value that is no text; also for more than kMaxConfigBytes. Thread-safe.
absl::StatusOr<std::optional<std::string>> FindYamlText(absl::string_view document,
                                                        absl::string_view path,
                                                        absl::string_view key);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_CONFIG_FILE_H_
