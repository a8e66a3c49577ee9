// Trials: nodes as people reported them, played to plegd, and what has to be said about each.
//
//   const std::vector<Trial> trials = *LoadTrials(directory);
//   const std::map<std::string, Answers> answers = PlayAll(directory, trials);
//   for (const std::string& wrong : WrongIn(trials[0], answers.at(trials[0].name()))) …

#ifndef PLEGD_TEST_TRIALS_TRIAL_H_
#define PLEGD_TEST_TRIALS_TRIAL_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "test/trials/trial.pb.h"

namespace trials_test {

using plegd::test::Trial;

// A live node is watched for so long and asked about twice a second; from the settled time on there
// is one code.
inline constexpr absl::Duration kWatched = absl::Seconds(60);
inline constexpr absl::Duration kAsked = absl::Milliseconds(500);
inline constexpr absl::Duration kSettled = absl::Seconds(15);

// What was said of a node.
struct Answers {
  std::string error;  // why it could not be played; else empty
  std::vector<std::pair<absl::Duration, std::string>> codes;  // of first findings, by time
  std::string sentence;                                       // of the first finding, at the end
  std::string commands;                                       // of all findings
  std::string explain;                                        // `plegctl explain --all`
  std::string pods;                                           // `plegctl pods`
  int explain_exit = -1;
  std::string check;  // `plegctl check`
  int check_exit = -1;
};

// trials.textproto of the directory. kInvalidArgument names the place of a mistake.
absl::StatusOr<std::vector<Trial>> LoadTrials(const std::string& directory);

// expected_failures.txt of the directory: "NAME: what plegd says today", a line each; # begins a
// comment. By name.
std::map<std::string, std::string> LoadExpectedFailures(const std::string& directory);

// By name. Blocks for as long as one trial takes: all live nodes are watched at the same time.
std::map<std::string, Answers> PlayAll(const std::string& directory,
                                       const std::vector<Trial>& trials);

// A line for each thing that is not as the trial has it; empty if all is right.
std::vector<std::string> WrongIn(const Trial& trial, const Answers& answers);

}  // namespace trials_test

#endif  // PLEGD_TEST_TRIALS_TRIAL_H_
