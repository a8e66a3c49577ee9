// One event as one line: the JSON of plegd.v1.Event (proto/plegd/v1/event.proto), with `seq` as a
// number.
//
//   AppendEventLine(buffer, event, boot_id);

#ifndef PLEGD_JOURNAL_EVENT_JSON_H_
#define PLEGD_JOURNAL_EVENT_JSON_H_

#include <string>

#include "absl/strings/string_view.h"
#include "pleg/event.h"

namespace journal {

// Appends the line with its line feed. All fields are present but exit_code, which is there
// whenever the event has one, also when it is 0.
void AppendEventLine(std::string& out, const pleg::Event& event, absl::string_view boot_id);

}  // namespace journal

#endif  // PLEGD_JOURNAL_EVENT_JSON_H_
