// What a task waits for in the kernel, by the names of the functions it is in. Private to the
// diagnosis.
//
//   WaitOf("folio_wait_bit_common", {"folio_wait_bit_common", "nfs_file_read"}).reason
//       -> "network storage (NFS) that does not answer"

#ifndef PLEGD_PLEG_DIAGNOSIS_WAITS_H_
#define PLEGD_PLEG_DIAGNOSIS_WAITS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace pleg {

struct Wait {
  absl::string_view reason;  // "the disk"; empty if the functions say nothing
  bool fuse = false;
  // SIGKILL ends it, though the task is in state D.
  bool killable = false;
};

// Of the wait function and the kernel stack; either may be empty.
Wait WaitOf(absl::string_view function, const std::vector<std::string>& stack = {});

// The same of a function alone.
absl::string_view WaitReason(absl::string_view function);

// The function by name; of none, which is all that may be known without CAP_SYS_PTRACE, that.
absl::string_view FunctionName(absl::string_view function);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_WAITS_H_
