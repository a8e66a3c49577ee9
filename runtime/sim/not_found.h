// How a runtime words that there is no such object.

#ifndef PLEGD_RUNTIME_SIM_NOT_FOUND_H_
#define PLEGD_RUNTIME_SIM_NOT_FOUND_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "pleg/ids.h"

namespace sim {

// kNotFound. `kind` is "sandbox" or "container".
inline absl::Status CriNotFound(absl::string_view kind, bool crio, const pleg::ContainerId& id) {
  if (!crio) {
    return absl::NotFoundError(absl::StrCat("an error occurred when try to find ", kind, ": \"",
                                            id.value(), "\": not found"));
  }
  const bool sandbox = kind == "sandbox";
  return absl::NotFoundError(absl::StrCat("could not find ", sandbox ? "pod" : kind, " \"",
                                          id.value(), "\": ", sandbox ? "PodSandbox" : kind,
                                          " with ID starting with ", id.value(),
                                          " not found: ID does not exist"));
}

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_NOT_FOUND_H_
