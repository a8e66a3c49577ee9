// `plegctl explain`: a diagnosis for people, for programs, and from a record.
//
//   plegctl explain --save hang.textproto        on the node
//   plegctl explain --from hang.textproto        anywhere, later

#ifndef PLEGD_CMD_PLEGCTL_EXPLAIN_H_
#define PLEGD_CMD_PLEGCTL_EXPLAIN_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cmd/plegctl/terminal.h"
#include "plegd/v1/diagnosis.pb.h"
#include "plegd/v1/evidence.pb.h"

namespace plegctl {

// The first line is the code and the sentence. On a terminal lines are broken to its width, but for
// commands, which are to be copied. With `all` the other findings are told as fully as the first.
std::string RenderDiagnosis(const plegd::v1::Diagnosis& diagnosis, bool all, absl::TimeZone zone,
                            const Terminal& terminal);

// 0 healthy, 1 a problem, 2 too early to say.
int DiagnosisExitCode(const plegd::v1::Diagnosis& diagnosis);

// The same verdict that plegd comes to.
plegd::v1::Diagnosis DiagnoseEvidence(const plegd::v1::Evidence& evidence);

// A record: textproto, or JSON as the API and `-o json` write it. INVALID_ARGUMENT with the line
// for what is neither. Fields that are not known, of a newer plegd, are left out.
absl::StatusOr<plegd::v1::Evidence> ParseEvidence(const std::string& text);
// As textproto.
std::string PrintEvidence(const plegd::v1::Evidence& evidence);

// Files, "-" for standard input or output. Errors say which file. Block.
absl::StatusOr<std::string> ReadRecord(const std::string& path);
absl::Status WriteRecord(const std::string& path, const std::string& text);

// Whether looking on would hardly tell more: something is wrong, for sure, and who is to blame is
// known, as far as the verdict has somebody to blame.
bool IsSettled(const plegd::v1::Diagnosis& diagnosis);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_EXPLAIN_H_
