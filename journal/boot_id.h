// The name of one run of plegd. With an event's sequence number it is a position that a reader can
// resume at.

#ifndef PLEGD_JOURNAL_BOOT_ID_H_
#define PLEGD_JOURNAL_BOOT_ID_H_

#include <string>

namespace journal {

// A new random UUID (RFC 4122, version 4) in its text form.
std::string NewBootId();

}  // namespace journal

#endif  // PLEGD_JOURNAL_BOOT_ID_H_
