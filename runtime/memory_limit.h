// How much memory this process may have before the kernel ends it or slows it down.
//
//   const MemoryLimit limit = FindMemoryLimit();
//   // {134217728, "memory.max of /sys/fs/cgroup/system.slice/plegd.service"}

#ifndef PLEGD_RUNTIME_MEMORY_LIMIT_H_
#define PLEGD_RUNTIME_MEMORY_LIMIT_H_

#include <cstdint>
#include <string>

namespace runtime {

// Thread-compatible.
struct MemoryLimit {
  uint64_t bytes = 0;
  std::string source;  // for a person
};

// The least of: memory.max and memory.high (cgroup v2) or memory.limit_in_bytes (v1) of the cgroup
// of this process and of all above it that are visible; a quarter of the machine's memory, because
// a node is not there for plegd. As of now: a limit that changes later is not noticed. Files that
// cannot be read count as no limit. Reads a few small files; `root`: where /proc is, for tests.
MemoryLimit FindMemoryLimit(const std::string& root = "");

}  // namespace runtime

#endif  // PLEGD_RUNTIME_MEMORY_LIMIT_H_
