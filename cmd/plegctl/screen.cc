#include "cmd/plegctl/screen.h"

#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace plegctl {
namespace {

// The other screen, no cursor, no wrapping; and back.
constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr char kLeave[] = "\x1b[?7h\x1b[?25h\x1b[?1049l";

struct termios before;
struct termios keys;
bool typed = false;
volatile sig_atomic_t resized = 0;

void WriteAll(absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

// Safe in a signal handler.
void Leave() {
  [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, kLeave, sizeof(kLeave) - 1);
  if (typed) tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void End(int) {
  Leave();
  _exit(0);
}

// Until somebody lets it go on.
void Suspend(int) {
  Leave();
  raise(SIGSTOP);
  [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, kEnter, sizeof(kEnter) - 1);
  if (typed) tcsetattr(STDIN_FILENO, TCSANOW, &keys);
  resized = 1;
}

void Handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

// Keys one at a time and unseen, if somebody can type.
void ReadKeys() {
  if (isatty(STDIN_FILENO) == 0 || tcgetattr(STDIN_FILENO, &before) != 0) return;
  keys = before;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  typed = tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

}  // namespace

Screen::Screen() {
  ReadKeys();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) Handle(signal, End);
  Handle(SIGTSTP, Suspend);
  Handle(SIGWINCH, [](int) { resized = 1; });
  WriteAll(kEnter);
}

Screen::~Screen() { Leave(); }

void Screen::Draw(absl::string_view text, const Terminal& terminal) {
  std::string frame = "\x1b[H";
  size_t line_number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (terminal.height > 0 && line_number == terminal.height) break;
    absl::StrAppend(&frame, line_number > 0 ? "\r\n" : "", line, "\x1b[K");
    ++line_number;
  }
  WriteAll(absl::StrCat(frame, "\x1b[J"));
}

Screen::Event Screen::Wait(absl::Duration duration) {
  struct pollfd input = {.fd = typed ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
  sigset_t blocked;
  sigset_t open;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGWINCH);
  sigprocmask(SIG_BLOCK, &blocked, &open);
  const struct timespec wait = absl::ToTimespec(duration);
  const int ready = resized != 0 ? -1 : ppoll(&input, 1, &wait, &open);
  sigprocmask(SIG_SETMASK, &open, nullptr);
  if (resized != 0) {
    resized = 0;
    return Event::kResized;
  }
  char key = 0;
  if (ready > 0 && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q')) {
    return Event::kQuit;
  }
  return ready > 0 ? Event::kResized : Event::kTime;
}

}  // namespace plegctl
