#include "runtime/host/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>

namespace runtime::host {
namespace {

using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

// The kernel has no more.
constexpr int kMostCapabilities = 64;

}  // namespace

void KeepCapabilities(const std::vector<int>& kept, Effect effect) {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // While that is allowed: it takes CAP_SETPCAP.
  for (int i = 0; i < kMostCapabilities && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; ++i) {
    if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0) break;
  }
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  Sets had = {};
  if (syscall(SYS_capget, &header, had.data()) != 0) return;
  Sets sets = {};
  for (const int capability : kept) {
    const auto word = static_cast<size_t>(capability / 32);
    sets[word].permitted |= had[word].permitted & (uint32_t{1} << (capability % 32));
  }
  if (effect == Effect::kNow) {
    for (__user_cap_data_struct& set : sets) set.effective = set.permitted;
  }
  syscall(SYS_capset, &header, sets.data());
}

void ForbidNewPrivileges() { prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

}  // namespace runtime::host
