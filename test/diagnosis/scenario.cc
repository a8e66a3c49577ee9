#include "test/diagnosis/scenario.h"

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <tuple>

#include "api/evidence_proto.h"
#include "plegd/v1/evidence.pb.h"
#include "test/records/record.h"

namespace diagnosis_test {
namespace {

namespace fs = std::filesystem;

bool Load(const fs::path& path, plegd::test::Expectations& expectations) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  return in && google::protobuf::TextFormat::ParseFromString(text, &expectations);
}

Scenario LoadRecord(const fs::path& path, const plegd::test::Expectations& expectations) {
  Scenario scenario;
  scenario.code = path.parent_path().filename().string();
  scenario.name = path.stem().string();
  const absl::StatusOr<plegd::v1::Evidence> evidence = plegd_testing::LoadRecord(path);
  if (!evidence.ok()) scenario.error = std::string(evidence.status().message());
  scenario.evidence = api::EvidenceFromProto(evidence.value_or(plegd::v1::Evidence()));
  for (const plegd::test::Expectation& record : expectations.record()) {
    if (record.name() == scenario.name) scenario.expected = record;
  }
  if (scenario.expected.name().empty()) {
    scenario.error = path.string() + ": has no entry in expected.textproto";
  }
  return scenario;
}

void LoadFolder(const fs::path& folder, std::vector<Scenario>& scenarios) {
  plegd::test::Expectations expectations;
  std::set<std::string> missing;
  if (!Load(folder / "expected.textproto", expectations)) missing.insert("expected");
  for (const plegd::test::Expectation& record : expectations.record())
    missing.insert(record.name());
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (path.extension() != ".textproto" || path.stem() == "expected") continue;
    scenarios.push_back(LoadRecord(path, expectations));
    missing.erase(scenarios.back().name);
  }
  for (const std::string& name : missing) {
    Scenario& scenario = scenarios.emplace_back();
    scenario.code = folder.filename().string();
    scenario.name = name;
    scenario.error = (folder / name).string() + ".textproto: is missing or malformed";
  }
}

}  // namespace

std::vector<Scenario> LoadScenarios(const std::string& directory) {
  std::vector<Scenario> scenarios;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.is_directory()) LoadFolder(entry.path(), scenarios);
  }
  std::sort(scenarios.begin(), scenarios.end(), [](const Scenario& a, const Scenario& b) {
    return std::tie(a.code, a.name) < std::tie(b.code, b.name);
  });
  return scenarios;
}

}  // namespace diagnosis_test
