// `plegctl explain`: a diagnosis for people, for programs, and from a record.
//
//   plegctl explain --save hang.textproto        on the node
//   plegctl explain --from hang.textproto        anywhere, later

#ifndef PLEGD_CMD_PLEGCTL_EXPLAIN_H_
#define PLEGD_CMD_PLEGCTL_EXPLAIN_H_

#include <string>

#include "absl/time/time.h"
#include "cmd/plegctl/terminal.h"
#include "cmd/plegctl/text.h"
#include "plegd/v1/diagnosis.pb.h"
#include "plegd/v1/evidence.pb.h"

namespace plegctl {

struct RenderOptions {
  bool all = false;       // the other findings are told as fully as the first
  bool recorded = false;  // see pleg::ExplainTextOptions
  absl::TimeZone zone = absl::UTCTimeZone();
};

// The first line is the code and the sentence, behind when and where it was recorded, if it was. On
// a terminal lines are broken to its width, but for commands, which are to be copied.
std::string RenderDiagnosis(const plegd::v1::Diagnosis& diagnosis, const RenderOptions& options,
                            const Terminal& terminal);

// Of the first finding's severity.
Style DiagnosisStyle(const plegd::v1::Diagnosis& diagnosis);

// 1 if what was found first hurts pods or the node, 2 if it is too early to say, else 0.
int DiagnosisExitCode(const plegd::v1::Diagnosis& diagnosis);

// The same verdict that plegd comes to.
plegd::v1::Diagnosis DiagnoseEvidence(const plegd::v1::Evidence& evidence);

// Whether looking on would hardly tell more: something is wrong, for sure, and who is to blame is
// known, as far as the verdict has somebody to blame.
bool IsSettled(const plegd::v1::Diagnosis& diagnosis);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_EXPLAIN_H_
