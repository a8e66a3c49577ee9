// Every trial is answered as trials.textproto has it, except for those of expected_failures.txt,
// which are not: a trial that has become right has to leave that list.

#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "test/trials/trial.h"

namespace trials_test {
namespace {

const std::vector<Trial>& AllTrials() {
  static const auto& trials = *new absl::StatusOr<std::vector<Trial>>(LoadTrials(PLEGD_TRIALS));
  static const auto& none = *new std::vector<Trial>();
  return trials.ok() ? *trials : none;
}

// The trials of tests that a filter leaves out take no time.
std::vector<Trial> TrialsToRun() {
  std::set<std::string> names;
  const testing::UnitTest& unit = *testing::UnitTest::GetInstance();
  for (int s = 0; s < unit.total_test_suite_count(); ++s) {
    const testing::TestSuite& suite = *unit.GetTestSuite(s);
    for (int t = 0; t < suite.total_test_count(); ++t) {
      const testing::TestInfo& test = *suite.GetTestInfo(t);
      if (!test.should_run() || test.value_param() == nullptr) continue;
      names.insert(test.value_param());
    }
  }
  std::vector<Trial> trials;
  for (const Trial& trial : AllTrials()) {
    if (names.contains(trial.name())) trials.push_back(trial);
  }
  return trials;
}

const Answers& AnswersTo(const Trial& trial) {
  static const auto& all =
      *new std::map<std::string, Answers>(PlayAll(PLEGD_TRIALS, TrialsToRun()));
  return all.at(trial.name());
}

struct Param {
  Trial trial;
  friend void PrintTo(const Param& param, std::ostream* out) { *out << param.trial.name(); }
};

class TrialTest : public testing::TestWithParam<Param> {};

TEST_P(TrialTest, IsAnsweredRight) {
  const Trial& trial = GetParam().trial;
  const Answers& answers = AnswersTo(trial);
  const std::vector<std::string> wrong = WrongIn(trial, answers);
  const auto failures = LoadExpectedFailures(PLEGD_TRIALS);
  const auto expected = failures.find(trial.name());
  if (expected == failures.end()) {
    EXPECT_TRUE(wrong.empty()) << trial.story() << "\n" << absl::StrJoin(wrong, "\n");
    return;
  }
  EXPECT_EQ(answers.error, "");
  EXPECT_FALSE(wrong.empty()) << "This is right now: take " << trial.name()
                              << " out of expected_failures.txt.";
  std::cout << "expected to fail (" << expected->second << "):\n"
            << absl::StrJoin(wrong, "\n") << "\n";
}

std::vector<Param> Params() {
  std::vector<Param> params;
  for (const Trial& trial : AllTrials()) params.push_back({trial});
  return params;
}

INSTANTIATE_TEST_SUITE_P(Trials, TrialTest, testing::ValuesIn(Params()),
                         [](const testing::TestParamInfo<Param>& param) {
                           return param.param.trial.name();
                         });

TEST(TrialsTest, AreReadable) {
  const auto trials = LoadTrials(PLEGD_TRIALS);
  ASSERT_TRUE(trials.ok()) << trials.status();
  EXPECT_FALSE(trials->empty());
  for (const Trial& trial : *trials) {
    EXPECT_FALSE(trial.code().empty()) << trial.name();
    EXPECT_NE(trial.story(), "") << trial.name();
  }
}

TEST(TrialsTest, ExpectedFailuresAreTrials) {
  std::set<std::string> names;
  for (const Trial& trial : AllTrials()) names.insert(trial.name());
  for (const auto& [name, why] : LoadExpectedFailures(PLEGD_TRIALS)) {
    EXPECT_NE(why, "") << name;
    EXPECT_TRUE(names.contains(name)) << name << " is no trial";
  }
}

// A judge that finds nothing wrong finds nothing out.
TEST(TrialsTest, EachThingThatCanBeWrongIsFound) {
  Trial trial;
  trial.add_code("RUNTIME_ERRORS");
  trial.add_words("Status");
  trial.add_text("NotReady");
  trial.add_commands("restart");
  trial.add_never("Nothing to do");
  trial.add_pods("web-0 1/1");
  trial.set_explain_exit(1);
  trial.set_check_exit(1);
  Answers right;
  right.codes = {{absl::Seconds(1), "STARTING"}, {absl::Seconds(20), "RUNTIME_ERRORS"}};
  right.sentence = "Status fails";
  right.explain = "NotReady";
  right.commands = "systemctl restart containerd";
  right.pods = "shop web-0 1/1";
  right.explain_exit = right.check_exit = 1;
  EXPECT_EQ(WrongIn(trial, right).size(), 0u);
  const auto spoilt = [&](auto spoil) {
    Answers answers = right;
    spoil(answers);
    return WrongIn(trial, answers).size();
  };
  EXPECT_EQ(spoilt([](Answers& a) { a.codes.pop_back(); }), 1u);
  EXPECT_EQ(spoilt([](Answers& a) { a.codes[1].second = "HEALTHY"; }), 1u);
  EXPECT_EQ(spoilt([](Answers& a) { a.codes[0].first = kSettled; }), 2u);
  EXPECT_EQ(spoilt([](Answers& a) { a.sentence = "it fails"; }), 1u);
  EXPECT_EQ(spoilt([](Answers& a) { a.explain = ""; }), 1u);
  EXPECT_EQ(spoilt([](Answers& a) { a.explain += "Nothing to do"; }), 1u);
  EXPECT_EQ(spoilt([](Answers& a) { a.check = "Nothing to do"; }), 1u);
  EXPECT_EQ(spoilt([](Answers& a) { a.commands = ""; }), 1u);
  EXPECT_EQ(spoilt([](Answers& a) { a.pods = "shop web-0 0/1"; }), 1u);
  EXPECT_EQ(spoilt([](Answers& a) { a.explain_exit = 2; }), 1u);
  EXPECT_EQ(spoilt([](Answers& a) { a.check_exit = 2; }), 1u);
  EXPECT_EQ(spoilt([](Answers& a) { a.check_exit = 0; }), 2u);  // And they do not agree.
  EXPECT_EQ(spoilt([](Answers& a) { a.error = "no plegd"; }), 1u);
}

}  // namespace
}  // namespace trials_test
