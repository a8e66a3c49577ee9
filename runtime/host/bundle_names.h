// Names of containers that no listing has told: the runtime writes them into the OCI bundle, in a
// directory by the container's id that root owns. Thus they are known also on a node that hung
// before plegd started. Where the runtime's directories are elsewhere, or not mounted, they stay
// without: what a process says of itself, such as its working directory, names nothing.
//
//   NameByBundles(question.task_roots, evidence);

#ifndef PLEGD_RUNTIME_HOST_BUNDLE_NAMES_H_
#define PLEGD_RUNTIME_HOST_BUNDLE_NAMES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "pleg/diagnosis/host_evidence.h"

namespace runtime::host {

// Gives the shims' objects that have an id alone their names, a few at most, and frozen cgroups
// those of their containers. What cannot be read stays without. Reads from the state directory of
// the runtime, so that it may block as the kernel does.
void NameByBundles(const std::vector<std::string>& task_roots, pleg::HostEvidence& host);

// Whose bundle it is. CRI-O copies the annotations of pods into it, so that containerd's keys there
// are whatever the pod's author likes.
enum class BundleOf : uint8_t { kContainerd, kCrio };

// Adds what the annotations of a bundle's config.json tell that are the runtime's own. Text that is
// no such file tells nothing.
void NameByConfig(absl::string_view config, BundleOf runtime, pleg::ObjectRef& object);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_BUNDLE_NAMES_H_
