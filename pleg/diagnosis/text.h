// Evidence as text: names and messages are whatever bytes the runtime, the kernel or a file sends.
// What comes out is printable UTF-8 without line breaks.

#ifndef PLEGD_PLEG_DIAGNOSIS_TEXT_H_
#define PLEGD_PLEG_DIAGNOSIS_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/host_evidence.h"

namespace pleg {

// Control characters, line separators and marks that change the direction of text become escapes
// ("\n", "\x1b", "\u202e"); ill-formed UTF-8 becomes U+FFFD.
std::string Printable(absl::string_view text);

// At most `bytes` of it, cut between characters; "…" (3 bytes) stands for what was cut. With
// `middle` that is in the middle: the ends of a pod's name tell most.
std::string Shorten(absl::string_view text, size_t bytes, bool middle = false);

// The telling end of an error that wraps others, "outer: inner": so much of it from the inner one
// on that `bytes` hold it.
std::string Innermost(absl::string_view error, size_t bytes);

// "0.4s", "12s", "2m3s", "3h5m", "2d4h"; "forever" when infinite; negative is "0s".
std::string FormatAge(absl::Duration age);
// "3 ms", "1.2s": how long a call takes.
std::string FormatLatency(absl::Duration duration);
// "12.5 %"; "?" if it is no number.
std::string FormatPercent(double percent);
// A number of unknown origin as a count: negative and not-a-number are 0.
uint64_t WholeNumber(double number);
// "15.2 MiB".
std::string FormatBytes(uint64_t bytes);

// "shop/web-0/app", or "the sandbox of shop/web-0", with the start of the id; the id alone if no
// name is known. Each part is shortened: at most 110 bytes.
std::string ObjectName(const ObjectRef& object);
// "runc update (pid 4711)".
std::string ProcessName(const ProcessEvidence& process);
// ", in D for 2m3s (wait function: futex_wait)".
std::string ProcessState(const ProcessEvidence& process);

// As one word for a POSIX shell. Empty if that cannot be done so that a person sees what is run: an
// empty or unprintable text, or one that would be read as an option.
std::string ShellWord(absl::string_view text);

// Whether a command is about something that only this moment has, on this machine: a process by its
// pid, a FUSE connection by its number. At another time they are others.
bool NamesTheMoment(absl::string_view command);

// Joins the parts that say what is wrong, what that means and what to do. If that is too long for a
// Finding, the meaning is left out, then the first part is shortened: what to do remains.
std::string Sentence(absl::string_view what, absl::string_view meaning, absl::string_view advice);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_TEXT_H_
