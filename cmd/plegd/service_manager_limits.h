// How many files plegd may have open. Without a free descriptor it can serve neither a scrape nor
// the operator who looks for the reason.
//
//   const FileLimit limit = RaiseFileLimit();
//   if (!limit.warning.empty()) log.Write(…, limit.warning, {});

#ifndef PLEGD_CMD_PLEGD_SERVICE_MANAGER_LIMITS_H_
#define PLEGD_CMD_PLEGD_SERVICE_MANAGER_LIMITS_H_

#include <sys/resource.h>

#include <string>

namespace plegd {

// What plegd asks for, and what it must have to work without a warning.
inline constexpr rlim_t kWantedFiles = 4096;
inline constexpr rlim_t kNeededFiles = 1024;

// Thread-compatible.
struct FileLimit {
  rlim_t soft = 0;  // now
  rlim_t hard = 0;
  std::string warning;  // for people: too few, or the limit could not be raised; else empty
};

// The soft limit that these limits should have: kWantedFiles or what the hard limit allows, and
// never less than it is.
rlim_t WantedSoftLimit(const rlimit& limit);

// Raises the soft limit of this process to WantedSoftLimit, once, at the start.
FileLimit RaiseFileLimit();

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_SERVICE_MANAGER_LIMITS_H_
