// A terminal's screen for output that is shown again and again: drawn over, without flicker, and
// given back as it was, however plegctl ends.

#ifndef PLEGD_CMD_PLEGCTL_SCREEN_H_
#define PLEGD_CMD_PLEGCTL_SCREEN_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cmd/plegctl/terminal.h"

namespace plegctl {

// At most one, of the main thread. SIGINT, SIGTERM and SIGHUP end the process with 0, at once,
// also while a call waits;
// SIGTSTP gives the screen back until SIGCONT.
class Screen {
 public:
  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // In one write. Lines below the screen and columns beside it are left out.
  void Draw(absl::string_view text, const Terminal& terminal);

  enum class Event { kTime, kResized, kQuit };
  // Blocks until then, or until the terminal changes its size or `q` is typed.
  Event Wait(absl::Duration duration);
};

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_SCREEN_H_
