// Whether plegd is right about an incident: the test that all drills pass.
//
//   Judge(drill, ground);   // fails the test that runs

#ifndef PLEGD_TEST_DRILLS_JUDGE_H_
#define PLEGD_TEST_DRILLS_JUDGE_H_

#include <ostream>

#include "test/drills/drill.h"

namespace plegd_testing {

// Plays it. A plegd that runs before, or that is started only when it is broken, has to tell the
// code and blame every victim within 15 s, with one of them in the sentence; afterwards all has to
// be well again.
void Judge(const Drill& drill, DrillGround& ground);

// For the names of tests.
void PrintTo(const Drill& drill, std::ostream* out);

}  // namespace plegd_testing

#endif  // PLEGD_TEST_DRILLS_JUDGE_H_
