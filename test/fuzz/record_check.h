// A record of evidence that somebody sent, on its whole way through `plegctl explain --from`.

#ifndef PLEGD_TEST_FUZZ_RECORD_CHECK_H_
#define PLEGD_TEST_FUZZ_RECORD_CHECK_H_

#include <string>

namespace fuzz {

// Reads, judges and prints it. What is wrong with the outcome, empty if nothing: an error that
// cannot be printed; a record that does not come out as it went in; a text with control characters,
// without a verdict, or that differs from one run to the next.
std::string CheckRecord(const std::string& text);

}  // namespace fuzz

#endif  // PLEGD_TEST_FUZZ_RECORD_CHECK_H_
