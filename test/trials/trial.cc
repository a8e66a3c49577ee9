#include "test/trials/trial.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "test/process/subprocess.h"

namespace trials_test {
namespace {

class FirstMistake : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber, const std::string& what) override {
    if (text_.empty()) text_ = absl::StrCat(line + 1, ": ", what);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class Wrongs {
 public:
  // Of `what`, the words that `text` lacks.
  void Lacks(absl::string_view what, const std::string& text,
             const google::protobuf::RepeatedPtrField<std::string>& words) {
    for (const std::string& word : words) {
      if (!absl::StrContains(text, word)) Add(absl::StrCat(what, " lacks \"", word, "\": ", text));
    }
  }
  void Add(std::string wrong) { list_.push_back(std::move(wrong)); }
  std::vector<std::string> Take() && { return std::move(list_); }

 private:
  std::vector<std::string> list_;
};

void JudgeCodes(const Trial& trial, const Answers& answers, Wrongs& wrongs) {
  const absl::Duration settles = trial.has_settles() ? absl::Seconds(trial.settles()) : kSettled;
  std::set<std::string> settled;
  for (const auto& [when, code] : answers.codes) {
    if (when >= settles) settled.insert(code);
  }
  if (settled.size() != 1) {
    wrongs.Add(absl::StrCat("there is not one code from ", absl::FormatDuration(settles),
                            " on but ", absl::StrJoin(settled, ", ")));
  }
  for (const std::string& code : settled) {
    const bool right =
        std::find(trial.code().begin(), trial.code().end(), code) != trial.code().end();
    if (!right) {
      wrongs.Add(absl::StrCat(code, " is said instead of ", absl::StrJoin(trial.code(), " or "),
                              ": ", answers.explain));
    }
  }
}

void JudgeExits(const Trial& trial, const Answers& answers, Wrongs& wrongs) {
  if (trial.has_explain_exit() && answers.explain_exit != trial.explain_exit()) {
    wrongs.Add(absl::StrCat("explain exits with ", answers.explain_exit));
  }
  if (trial.node_case() == Trial::kRecord) return;
  if (trial.has_check_exit() && answers.check_exit != trial.check_exit()) {
    wrongs.Add(absl::StrCat("check exits with ", answers.check_exit, ": ", answers.check));
  }
  if ((answers.explain_exit == 0) != (answers.check_exit == 0)) {
    wrongs.Add(absl::StrCat("explain exits with ", answers.explain_exit, " and check with ",
                            answers.check_exit));
  }
}

}  // namespace

absl::StatusOr<std::vector<Trial>> LoadTrials(const std::string& directory) {
  const std::string path = directory + "/trials.textproto";
  plegd::test::Trials trials;
  google::protobuf::TextFormat::Parser parser;
  FirstMistake mistake;
  parser.RecordErrorsTo(&mistake);
  if (!parser.ParseFromString(plegd_testing::ReadFile(path), &trials)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", mistake.text()));
  }
  return std::vector<Trial>(trials.trial().begin(), trials.trial().end());
}

std::map<std::string, std::string> LoadExpectedFailures(const std::string& directory) {
  std::map<std::string, std::string> failures;
  const std::string text = plegd_testing::ReadFile(directory + "/expected_failures.txt");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line.empty() || line[0] == '#') continue;
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    failures.insert(parts);
  }
  return failures;
}

std::vector<std::string> WrongIn(const Trial& trial, const Answers& answers) {
  Wrongs wrongs;
  if (!answers.error.empty()) wrongs.Add(answers.error);
  JudgeCodes(trial, answers, wrongs);
  wrongs.Lacks("the sentence", answers.sentence, trial.words());
  wrongs.Lacks("explain", answers.explain, trial.text());
  wrongs.Lacks("what to do", answers.commands, trial.commands());
  wrongs.Lacks("pods", answers.pods, trial.pods());
  for (const std::string& word : trial.never()) {
    if (absl::StrContains(answers.explain, word) || absl::StrContains(answers.check, word)) {
      wrongs.Add(absl::StrCat("\"", word, "\" is said: ", answers.explain, answers.check));
    }
  }
  JudgeExits(trial, answers, wrongs);
  return std::move(wrongs).Take();
}

}  // namespace trials_test
