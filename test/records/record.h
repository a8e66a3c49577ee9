// Records of evidence in files: a plegd.v1.Evidence whole, as `plegctl explain --save` writes it,
// or a plegd.test.Difference to another record.
//
//   const absl::StatusOr<plegd::v1::Evidence> evidence =
//   LoadRecord("scenarios/HEALTHY/clear.textproto");

#ifndef PLEGD_TEST_RECORDS_RECORD_H_
#define PLEGD_TEST_RECORDS_RECORD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "plegd/v1/evidence.pb.h"
#include "test/records/difference.pb.h"

namespace plegd_testing {

// Whole, whichever it is. Errors name the file.
absl::StatusOr<plegd::v1::Evidence> LoadRecord(const std::string& path);

// All records below a folder, by path; the files beside them named "expected" are none.
std::vector<std::string> RecordsBelow(const std::string& folder);

// Makes what is different of its base. INVALID_ARGUMENT for a path that is not there.
absl::Status Apply(const plegd::test::Difference& difference, plegd::v1::Evidence& evidence);

}  // namespace plegd_testing

#endif  // PLEGD_TEST_RECORDS_RECORD_H_
