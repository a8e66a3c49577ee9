// whole_records FOLDER INTO: writes every record below FOLDER into INTO as `plegctl explain --from`
// reads it.

#include <google/protobuf/text_format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "test/records/record.h"

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  if (argc != 3) {
    std::cerr << "usage: whole_records FOLDER INTO\n";
    return 2;
  }
  const fs::path from = argv[1];
  for (const std::string& path : plegd_testing::RecordsBelow(from)) {
    const absl::StatusOr<plegd::v1::Evidence> evidence = plegd_testing::LoadRecord(path);
    std::string text;
    if (!evidence.ok() || !google::protobuf::TextFormat::PrintToString(*evidence, &text)) {
      std::cerr << "whole_records: " << evidence.status() << '\n';
      return 1;
    }
    const fs::path into = argv[2] / fs::relative(path, from);
    fs::create_directories(into.parent_path());
    std::ofstream file(into, std::ios::binary);
    file << "# proto-file: proto/plegd/v1/evidence.proto\n# proto-message: plegd.v1.Evidence\n\n"
         << text;
    if (!file.flush()) {
      std::cerr << "whole_records: cannot write " << into << '\n';
      return 1;
    }
  }
  return 0;
}
