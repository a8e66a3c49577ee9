// The one seam between plegd's writers and the disk: tests put a file there that hangs, tears or
// fails.
//
//   journal::FileOpener open = journal::OpenerFor("/var/log/plegd/events.jsonl");

#ifndef PLEGD_JOURNAL_APPEND_FILE_H_
#define PLEGD_JOURNAL_APPEND_FILE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace journal {

// An open file that grows at its end. Confined to one thread at a time; every method may block for
// ever.
class AppendFile {
 public:
  // Where what was written last is now.
  enum class Place {
    kAtItsPath,  // also standard output, which has no path
    kMoved,      // the path is another file, or none; what was written is kept elsewhere
    kDeleted,    // nobody can find it any more
  };

  virtual ~AppendFile() = default;
  // Whether the file was opened with content whose last line is not finished.
  virtual bool EndsMidLine() const = 0;
  // Returns how many bytes of `data` were written: at least one, perhaps not all. On a disk that is
  // full a regular file is left at the end of a line.
  // kResourceExhausted when the disk is full; the message says what failed.
  virtual absl::StatusOr<size_t> Write(absl::string_view data) = 0;
  virtual Place Locate() const = 0;
};

// Opens the file anew. Called on a writer's thread; may block for ever.
using FileOpener = std::function<absl::StatusOr<std::unique_ptr<AppendFile>>()>;

struct AppendOptions {
  // What the file and its predecessor may take together, in bytes; 0: no limit. Of a limit each may
  // have half: a file that would outgrow that becomes its own predecessor, PATH.old, in place of
  // the one before. Whichever is larger when it is opened is cut down to its newest lines. A single
  // line that is longer than half the limit is kInvalidArgument.
  uint64_t max_bytes = 0;
};

// The least limit that leaves room for any event: 64 KiB.
inline constexpr uint64_t kLeastMaxBytes = uint64_t{64} << 10;

// Opens `path` for appending, close-on-exec; created with mode 0640 if it does not exist. The path
// may be a FIFO or a device. The message of an error names the path.
//
// Nobody but root and the caller's own user may redirect what is written: kFailedPrecondition if
// the path itself is a symbolic link, or if anything on the way to it (a directory, a symbolic
// link) or the file belongs to somebody else.
absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path,
                                                       const AppendOptions& options = {});

// Writes to a descriptor that stays the caller's: standard output or error. `name` is for messages.
std::unique_ptr<AppendFile> BorrowDescriptor(int fd, std::string name);

// OpenAppend of `path`, or standard output if it is "-".
FileOpener OpenerFor(const std::string& path, const AppendOptions& options = {});

}  // namespace journal

#endif  // PLEGD_JOURNAL_APPEND_FILE_H_
