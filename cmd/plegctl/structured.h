// Output for programs: the API's messages as JSON, and as YAML of the same.
//
// One object: "api_version", "kind", then the message's fields by their proto names, every field
// without presence included, as plegd's HTTP has them; what a newer plegd knows beyond this schema
// is left out. Fields are added within an api_version, never renamed or removed.

#ifndef PLEGD_CMD_PLEGCTL_STRUCTURED_H_
#define PLEGD_CMD_PLEGCTL_STRUCTURED_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "cmd/plegctl/snapshot.h"
#include "google/protobuf/message.h"

namespace plegctl {

inline constexpr absl::string_view kApiVersion = "plegd/v1";

enum class Structure { kJson, kJsonLine, kYaml };

// Ends with a newline. Nothing in it moves a terminal's cursor or hides itself.
std::string WriteMessage(absl::string_view kind, const google::protobuf::Message& message,
                         Structure structure);

// Kind "Status": health, node, calls, relists, diagnosis, as far as plegd told them; "missing" has
// the rest.
std::string WriteSnapshot(const Snapshot& snapshot, Structure structure);

// An object of texts and numbers that no message has, such as versions.
using Fields = std::vector<std::pair<std::string, std::string>>;
std::string WriteFields(absl::string_view kind, const Fields& fields, Structure structure);

// Any JSON as block YAML; names keep their order. Of what is no JSON, null.
std::string JsonToYaml(absl::string_view json);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_STRUCTURED_H_
