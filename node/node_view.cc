#include "node/node_view.h"

#include "absl/strings/str_cat.h"

namespace node {

std::string RuntimeView::Identity() const {
  if (!version.ok()) return std::string(version.status().message());
  return absl::StrCat(version->name, " ", version->version);
}

}  // namespace node
