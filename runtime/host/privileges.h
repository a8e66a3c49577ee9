// What a process gives up of root's rights. For good: nothing here can be undone.
//
//   KeepCapabilities({});   // still root by its number: opens what root owns, as its owner

#ifndef PLEGD_RUNTIME_HOST_PRIVILEGES_H_
#define PLEGD_RUNTIME_HOST_PRIVILEGES_H_

#include <cstdint>
#include <vector>

namespace runtime::host {

enum class Effect : uint8_t {
  kNow,    // what is kept is in force
  kLater,  // what is kept is not in force, but this process or its children can put it there
};

// Gives up all capabilities but those of `kept` that the calling thread has: effective, permitted,
// inheritable, ambient, and the bounding set where that is allowed. Threads that are started later
// inherit it, those that run already do not.
void KeepCapabilities(const std::vector<int>& kept, Effect effect = Effect::kNow);

// Nothing that is executed from here gets rights that its caller has not.
void ForbidNewPrivileges();

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PRIVILEGES_H_
