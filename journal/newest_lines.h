// Cuts a file of lines down to its newest ones.

#ifndef PLEGD_JOURNAL_NEWEST_LINES_H_
#define PLEGD_JOURNAL_NEWEST_LINES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace journal {

// Leaves of the regular file `name` in `directory` as many of its last lines as fit into `limit`
// bytes, by putting a copy of them in its place (with its permissions and, if possible, its owner
// and group; NAME.tmp until it is whole). A file that is no larger, is missing or is no regular
// file stays as it is. kFailedPrecondition for a file of neither root nor the caller's user. The
// message of an error names the file, which is then untouched.
absl::Status KeepNewestLines(int directory, const std::string& name, uint64_t limit);

}  // namespace journal

#endif  // PLEGD_JOURNAL_NEWEST_LINES_H_
