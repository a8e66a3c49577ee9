// The descriptors 0 to 2 of a program: whoever starts it may have closed them, and the first files
// and sockets that it opens would take their numbers, and get what it prints.
//
//   int main(…) { if (!cmd::HasStandardStreams()) return EXIT_FAILURE; …

#ifndef PLEGD_CMD_STANDARD_STREAMS_H_
#define PLEGD_CMD_STANDARD_STREAMS_H_

namespace cmd {

// Linked into a program, this opens /dev/null for each of the three that is closed, before any
// constructor runs: gRPC's open descriptors. False if /dev/null could not be opened: then there is
// no place to complain either.
bool HasStandardStreams();

}  // namespace cmd

#endif  // PLEGD_CMD_STANDARD_STREAMS_H_
