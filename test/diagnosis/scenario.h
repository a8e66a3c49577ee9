// Records of evidence beside what a diagnosis of them has to say: scenarios/CODE/NAME.textproto,
// each whole or a difference to another one, and scenarios/CODE/expected.textproto.

#ifndef PLEGD_TEST_DIAGNOSIS_SCENARIO_H_
#define PLEGD_TEST_DIAGNOSIS_SCENARIO_H_

#include <ostream>
#include <string>
#include <vector>

#include "pleg/diagnosis/evidence.h"
#include "test/diagnosis/expectation.pb.h"

namespace diagnosis_test {

struct Scenario {
  std::string code;   // the folder's name
  std::string name;   // the record's
  std::string error;  // why it could not be read; empty if it was
  pleg::Evidence evidence;
  plegd::test::Expectation expected;  // without a name if nothing is expected of the record

  friend std::ostream& operator<<(std::ostream& os, const Scenario& scenario) {
    return os << scenario.code << "/" << scenario.name;
  }
};

// All of them, by code and name; also an expectation without a record, with an error.
std::vector<Scenario> LoadScenarios(const std::string& directory);

}  // namespace diagnosis_test

#endif  // PLEGD_TEST_DIAGNOSIS_SCENARIO_H_
