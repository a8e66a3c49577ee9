// Strong types for the identifiers of the field, so that a pod's UID is never taken for a
// container's ID.
//
//   PodUid uid("0f3c…");  absl::flat_hash_map<PodUid, Record> records;

#ifndef PLEGD_PLEG_IDS_H_
#define PLEGD_PLEG_IDS_H_

#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace pleg {

// A string that is an identifier of one kind. Any bytes are allowed: the runtime chooses them.
// Thread-compatible.
template <typename Tag>
class StringId {
 public:
  StringId() = default;
  explicit StringId(std::string value) : value_(std::move(value)) {}
  explicit StringId(absl::string_view value) : value_(value) {}
  explicit StringId(const char* value) : value_(value) {}

  const std::string& value() const { return value_; }
  bool empty() const { return value_.empty(); }

  friend bool operator==(const StringId&, const StringId&) = default;
  friend auto operator<=>(const StringId&, const StringId&) = default;

  template <typename H>
  friend H AbslHashValue(H h, const StringId& id) {
    return H::combine(std::move(h), id.value_);
  }
  friend std::ostream& operator<<(std::ostream& os, const StringId& id) { return os << id.value_; }

 private:
  std::string value_;
};

// metadata.uid of a pod sandbox, label io.kubernetes.pod.uid of a container.
using PodUid = StringId<struct PodUidTag>;
// ID of a container or of a sandbox, without a runtime prefix. One type for both, as in the kubelet
// (kubecontainer.ContainerID): PLEG treats sandboxes exactly like containers.
using ContainerId = StringId<struct ContainerIdTag>;

}  // namespace pleg

#endif  // PLEGD_PLEG_IDS_H_
