// What output goes to. Rendering takes it as a value, so that it can be tested without any
// terminal.

#ifndef PLEGD_CMD_PLEGCTL_TERMINAL_H_
#define PLEGD_CMD_PLEGCTL_TERMINAL_H_

#include <cstddef>

namespace plegctl {

struct Terminal {
  bool color = false;
  bool unicode = false;   // marks and ellipses beyond ASCII
  bool full_ids = false;  // --no-trunc: ids and names are never cut
  bool exact = false;     // -o wide: more columns, durations as they are
  size_t width = 0;       // columns; 0: not a terminal, lines are as long as they need
  size_t height = 0;      // lines; 0: as many as there are
};

// Of standard output. Colour and box drawing are for terminals only; NO_COLOR and TERM=dumb switch
// colour off. Sets the process's LC_CTYPE from the environment; call it before any thread starts.
Terminal StandardOutput(bool no_color);
// Reads the size again.
void Resize(Terminal& terminal);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_TERMINAL_H_
