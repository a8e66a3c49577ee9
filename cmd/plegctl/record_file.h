// The files of `plegctl explain --save` and `--from`.

#ifndef PLEGD_CMD_PLEGCTL_RECORD_FILE_H_
#define PLEGD_CMD_PLEGCTL_RECORD_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace plegctl {

// "-" is standard input. Reads no more than a little beyond api::kMaxRecordBytes, so that a device
// without end is read as too large. The error names the file. Blocks.
absl::StatusOr<std::string> ReadRecord(const std::string& path);

// Whether WriteRecord can begin there, with its error: to be told before a look that takes long.
// Leaves nothing behind. What only shows in writing, such as a full disk, is not found. Blocks.
absl::Status CheckRecordPath(const std::string& path);

// "-" is standard output. Else a new file of mode 0600 takes the place of `path` once all of `text`
// is on disk: nobody ever reads half of it, and on failure what was there stays. A symbolic link
// there is not followed: kFailedPrecondition, as for a directory and whatever else is no regular
// file. The error names the file. Blocks.
absl::Status WriteRecord(const std::string& path, const std::string& text);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_RECORD_FILE_H_
