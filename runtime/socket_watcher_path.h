// What the kernel looks at when it resolves a path: each name, and the directory it stands in.

#ifndef PLEGD_RUNTIME_SOCKET_WATCHER_PATH_H_
#define PLEGD_RUNTIME_SOCKET_WATCHER_PATH_H_

#include <string>
#include <vector>

namespace runtime {

// Thread-compatible.
struct PathLookup {
  std::string directory;  // absolute, without symbolic links
  std::string name;       // what is looked up in it

  friend bool operator==(const PathLookup&, const PathLookup&) = default;
};

// The lookups of an absolute path in order, symbolic links followed, up to the first that fails and
// with it. For /var/run/x.sock, where /var/run is a link to /run: "var" in /, "run" in /var, "run"
// in /, "x.sock" in /run. As long as none of these changes, the path leads to the same thing
// (mounts aside). At most 40 links are followed, as in the kernel. Thread-safe.
std::vector<PathLookup> LookupsOf(const std::string& path);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_SOCKET_WATCHER_PATH_H_
