// The version of the systemd that a file system has, without asking it: its own library carries the
// number in its name.
//
//   SystemdVersion("/proc/1/root")   // "252"

#ifndef PLEGD_RUNTIME_HOST_SYSTEMD_VERSION_H_
#define PLEGD_RUNTIME_HOST_SYSTEMD_VERSION_H_

#include <string>

namespace runtime::host {

// By libsystemd-shared-NNN.so below `root`; of two, as after an upgrade, the newer. Empty without
// one. Lists a few directories and opens no file.
std::string SystemdVersion(const std::string& root);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_SYSTEMD_VERSION_H_
