// What plegctl prints for people: pure functions of the API's messages and of the terminal. Every
// text ends with a newline. All that comes from the node is made visible first (text.h).

#ifndef PLEGD_CMD_PLEGCTL_RENDER_H_
#define PLEGD_CMD_PLEGCTL_RENDER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cmd/plegctl/snapshot.h"
#include "cmd/plegctl/terminal.h"
#include "cmd/plegctl/text.h"
#include "plegd/v1/calls.pb.h"
#include "plegd/v1/node.pb.h"
#include "plegd/v1/pod.pb.h"
#include "plegd/v1/relists.pb.h"

namespace plegctl {

// One screen: the headline, what does not answer, what a kubelet goes through, relists, calls, the
// node. Tables are cut so that the screen fits the terminal's height, and say so.
std::string RenderStatus(const Snapshot& snapshot, const Terminal& terminal);

// Which tables RenderCalls shows is up to what there is; the history only with -o wide.
std::string RenderCalls(const plegd::v1::Calls& calls, const Terminal& terminal);

// The newest `rows`, oldest first; all with 0.
std::string RenderRelists(const plegd::v1::Relists& relists, size_t rows, const Terminal& terminal);

// In the order given. `now` is for ages.
std::string RenderPods(const std::vector<const plegd::v1::PodStatus*>& pods, absl::Time now,
                       const Terminal& terminal);

// One pod in full; of its calls those that run or are unanswered.
std::string RenderPod(const plegd::v1::PodStatus& pod, const plegd::v1::Calls* calls,
                      absl::Time now, const Terminal& terminal);

// Rows of a table of unanswered targets or running calls, oldest first, at most `most`; how many
// were left out is in the last line.
std::vector<std::string> UnansweredLines(const plegd::v1::Calls& calls, size_t most, size_t indent,
                                         const Terminal& terminal);
std::vector<std::string> RunningLines(const plegd::v1::Calls& calls, size_t most, size_t indent,
                                      const Terminal& terminal);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_RENDER_H_
