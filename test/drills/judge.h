// Whether plegd is right about an incident: what every drill has to pass.
//
//   const Judgement judgement = Judge(drill, ground);
//   EXPECT_EQ(judgement.problem, "") << judgement.log;

#ifndef PLEGD_TEST_DRILLS_JUDGE_H_
#define PLEGD_TEST_DRILLS_JUDGE_H_

#include <ostream>
#include <string>
#include <vector>

#include "test/drills/drill.h"

namespace plegd_testing {

struct Judgement {
  std::string problem;  // empty if all was right
  std::string log;      // what plegd said, and when
};

// Plays it; blocks. A plegd that runs before, or that is started only when it is broken, has to
// tell the code and blame every victim within 15 s, with one of them and the incident's words in
// the sentence, and to stay with it; afterwards all has to be well again.
Judgement Judge(const Drill& drill, DrillGround& ground);

// Those that take no minutes; all of them if the environment has PLEGD_SLOW_DRILLS.
std::vector<Drill> Selected(const std::vector<Drill>& drills);

// For the names of tests.
void PrintTo(const Drill& drill, std::ostream* out);

}  // namespace plegd_testing

#endif  // PLEGD_TEST_DRILLS_JUDGE_H_
