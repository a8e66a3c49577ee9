#include "cmd/plegctl/help.h"

namespace plegctl {

const char kSummary[] =
    "What hangs on this node, and when does it go NotReady: asks plegd over its socket.\n"
    "It reads only; nothing on the node is changed.";

const char kFooter[] = R"(Examples:
  plegctl status                 what hangs, and the countdown to NotReady
  plegctl status -w              the same, live
  plegctl explain                what is stuck, whose fault it is, and what to do
  plegctl calls                  calls to the runtime without an answer, and whose they are
  plegctl pod default/web-0      one pod; a beginning of its name, UID or of any id is enough
  plegctl check                  one line and an exit code, for node-problem-detector and Nagios
  plegctl status -o json         for programs

Exit codes:
  0  done; explain, check: all is well
  1  explain, check: a problem; pod: there is none of that name
  2  plegd did not answer, or did not know yet; an invalid command line

Environment:
  PLEGD_SOCKET   plegd's socket, when --socket is not given
  NO_COLOR       no colours, if it is set
)";

const CommandHelp kStatusHelp = {
    "status", "One screen: what hangs, when a kubelet goes NotReady, relists, calls, the node",
    R"(The first line says what hangs and what follows. Below it:
  the verdict of plegctl explain, if something is wrong, and the page about it
  Unanswered   targets that gave no answer for a second or more, over all tries
  Condition    what a kubelet posts in the node's Ready condition
  Kubelet      what a kubelet of each generation goes through meanwhile: plegd's model of its
               serial loop. They differ in how often a pod that fails is tried
  Relists      one mark each, the newest to the right; x failed. Heights: up to 10ms, 30ms,
               100ms, 300ms, 1s, 10s, 1m, longer
  Calls        what runs now
  Lists        sizes of the replies; a kubelet refuses one that is above its limit

Examples:
  plegctl status -w
  plegctl status --direct        without a daemon, as root
  plegctl status -o json | jq -r '.node.twins[] | [.generation, .seconds_to_not_ready] | @tsv'
)"};

const CommandHelp kCallsHelp = {
    "calls", "Calls to the runtime: unanswered, running, and the slowest of the last hour",
    R"(With -n, of pods of that namespace and of those that concern all pods.

Examples:
  plegctl calls
  plegctl calls -o wide          the ten slowest of each method
)"};

const CommandHelp kRelistsHelp = {"relists", "The relists of the last hour, the newest last",
                                  R"(Examples:
  plegctl relists
  plegctl relists --limit 0 -o json | jq '[.relists[].total_seconds] | max'
)"};

const CommandHelp kPodsHelp = {
    "pods", "The pods of this node, as the runtime last described them",
    R"(OBSERVED is how old that is; "changed since" means that a change waits for its inspection.

Examples:
  plegctl pods -n kube-system
  plegctl pods -o wide
)"};

const CommandHelp kPodHelp = {
    "pod", "One pod: containers, sandboxes, errors, and its calls that run or are unanswered",
    R"(A beginning is enough. If several pods match they are listed, and nothing else happens.

Examples:
  plegctl pod web-0
  plegctl pod kube-system/coredns
  plegctl pod 3f2a9b             of a container, a sandbox or the pod itself
  plegctl pod web-0 --fresh      after asking the runtime
)"};

const CommandHelp kExplainHelp = {
    "explain", "What is stuck, since when, whose fault it is, what is ruled out, what to do",
    R"(The first line alone says what to do. Below it: since when and how sure, what speaks for it and
against it, what is ruled out and by which figure, commands (none is ever run), and what else was
found, the page of the verdict, and the vital signs: what is bad, and how many are good.

Exit codes:
  0  HEALTHY, or what hurts neither pods nor the node: a warning
  1  what hurts pods or the node
  2  STARTING; plegd did not answer; a record that cannot be read

Examples:
  plegctl explain
  plegctl explain --direct       without a daemon, as root: takes up to --for to find the culprit
  plegctl explain --save hang.textproto
  plegctl explain --from hang.textproto --all      anywhere, later
  plegctl explain -o json | jq -r '.findings[0].code'
)"};

const CommandHelp kCheckHelp = {
    "check", "One line and an exit code, for node-problem-detector and Nagios",
    R"(A problem is a verdict that hurts pods or the node, of severity page, once it is older than
--patience or the node is NotReady. The first 80 bytes are the level, the verdict and the pod. With
--no-ages the line changes only when what is wrong does, as conditions of a node want it.

Exit codes:
  0  OK
  1  PROBLEM
  2  UNKNOWN: plegd did not answer within --timeout, or has only just started
)"};

const CommandHelp kVersionHelp = {"version", "Versions of plegctl, plegd and the runtime", ""};

const CommandHelp kCompletionHelp = {"completion", "Completion for a shell",
                                     R"(Examples:
  source <(plegctl completion bash)
  plegctl completion fish | source
)"};

}  // namespace plegctl
