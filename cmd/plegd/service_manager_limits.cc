#include "cmd/plegd/service_manager_limits.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace plegd {

rlim_t WantedSoftLimit(const rlimit& limit) {
  return std::max(limit.rlim_cur, std::min(limit.rlim_max, kWantedFiles));
}

FileLimit RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return {.warning = absl::StrCat("cannot read the limit of open files: ",
                                    std::generic_category().message(errno))};
  }
  FileLimit result{.soft = limit.rlim_cur, .hard = limit.rlim_max, .warning = {}};
  limit.rlim_cur = WantedSoftLimit(limit);
  if (limit.rlim_cur != result.soft) {
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
      result.soft = limit.rlim_cur;
    } else {
      result.warning =
          absl::StrCat("cannot raise the limit of open files from ", result.soft, " to ",
                       limit.rlim_cur, ": ", std::generic_category().message(errno));
    }
  }
  if (result.warning.empty() && result.soft < kNeededFiles) {
    result.warning = absl::StrCat("only ", result.soft, " files may be open, at least ",
                                  kNeededFiles, " are needed: raise LimitNOFILE=");
  }
  return result;
}

}  // namespace plegd
