// What --help says beside the flags.

#ifndef PLEGD_CMD_PLEGCTL_HELP_H_
#define PLEGD_CMD_PLEGCTL_HELP_H_

namespace plegctl {

struct CommandHelp {
  const char* name;
  const char* summary;
  const char* footer;
};

extern const char kSummary[];
extern const char kFooter[];

extern const CommandHelp kStatusHelp;
extern const CommandHelp kCallsHelp;
extern const CommandHelp kRelistsHelp;
extern const CommandHelp kPodsHelp;
extern const CommandHelp kPodHelp;
extern const CommandHelp kExplainHelp;
extern const CommandHelp kCheckHelp;
extern const CommandHelp kVersionHelp;
extern const CommandHelp kCompletionHelp;

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_HELP_H_
