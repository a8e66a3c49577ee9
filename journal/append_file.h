// The one seam between plegd's writers and the disk: tests put a file there that hangs, tears or
// fails.
//
//   journal::FileOpener open = [] { return journal::OpenAppend("/var/log/plegd/events.jsonl"); };

#ifndef PLEGD_JOURNAL_APPEND_FILE_H_
#define PLEGD_JOURNAL_APPEND_FILE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace journal {

// An open file that grows at its end. Confined to one thread at a time; may block for ever.
class AppendFile {
 public:
  virtual ~AppendFile() = default;
  // Whether the file was opened with content whose last line is not finished.
  virtual bool EndsMidLine() const = 0;
  // Returns how many bytes of `data` were written: at least one, perhaps not all. On a disk that is
  // full a regular file is left at the end of a line.
  // kResourceExhausted when the disk is full; the message says what failed.
  virtual absl::StatusOr<size_t> Write(absl::string_view data) = 0;
};

// Opens the file anew. Called on a writer's thread; may block for ever.
using FileOpener = std::function<absl::StatusOr<std::unique_ptr<AppendFile>>()>;

// Opens `path` for appending, close-on-exec; created with mode 0640 if it does not exist. The
// message names the path.
absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path);

// Writes to a descriptor that stays the caller's: standard output or error. `name` is for messages.
std::unique_ptr<AppendFile> BorrowDescriptor(int fd, std::string name);

// OpenAppend of `path`, or standard output if it is "-".
FileOpener OpenerFor(const std::string& path);

}  // namespace journal

#endif  // PLEGD_JOURNAL_APPEND_FILE_H_
