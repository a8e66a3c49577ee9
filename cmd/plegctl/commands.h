// What plegctl's commands do: ask, render, print, and choose the exit code.

#ifndef PLEGD_CMD_PLEGCTL_COMMANDS_H_
#define PLEGD_CMD_PLEGCTL_COMMANDS_H_

#include <optional>
#include <string>

#include "cmd/plegctl/client.h"
#include "cmd/plegctl/flags.h"
#include "cmd/plegctl/terminal.h"

namespace plegctl {

// All that a command comes to.
struct Result {
  std::string out = {};
  std::string error = {};  // for standard error
  ExitCode code = kExitSuccess;
};

// Why `explain` cannot write the record that is to be kept: to be asked before it looks. Empty if
// it can, or need not.
std::optional<Result> CannotSave(const Flags& flags);

// Of `explain`, whoever gathered the evidence: writes it down if it is to be kept.
Result ShowDiagnosis(const Flags& flags, const plegd::v1::Diagnosis& diagnosis,
                     const Terminal& terminal);
Result ShowEvidence(const Flags& flags, const plegd::v1::Evidence& evidence,
                    const Terminal& terminal);

// Of `status`, whoever observed it.
Result ShowSnapshot(const Flags& flags, const Snapshot& snapshot, const Terminal& terminal);
// Relists that `status` shows.
inline constexpr uint32_t kRecentRelists = 60;

// Blocks for the time-out at most. Of Flags::watch it knows nothing.
Result Run(const Flags& flags, Client& client, const Terminal& terminal);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_COMMANDS_H_
