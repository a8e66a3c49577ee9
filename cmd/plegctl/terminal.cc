#include "cmd/plegctl/terminal.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace plegctl {
namespace {

constexpr size_t kUsualWidth = 80;

absl::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Terminal StandardOutput(bool no_color) {
  Terminal terminal;
  if (isatty(STDOUT_FILENO) == 0) return terminal;
  std::setlocale(LC_CTYPE, "");
  terminal.unicode = absl::string_view(nl_langinfo(CODESET)) == "UTF-8";
  terminal.color = !no_color && Environment("NO_COLOR").empty() && Environment("TERM") != "dumb";
  Resize(terminal);
  return terminal;
}

void Resize(Terminal& terminal) {
  if (isatty(STDOUT_FILENO) == 0) return;
  struct winsize size = {};
  terminal.width = kUsualWidth;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = size.ws_col;
    terminal.height = size.ws_row;
  }
  // A pseudo-terminal without a size of its own, such as that of `kubectl exec`.
  size_t columns = 0;
  if (size.ws_col == 0 && absl::SimpleAtoi(Environment("COLUMNS"), &columns) && columns > 0) {
    terminal.width = columns;
  }
}

}  // namespace plegctl
