// Evidence as a text that people keep, send and judge again elsewhere: `plegctl explain --save`.
//
//   std::string record = PrintEvidence(evidence);
//   absl::StatusOr<plegd::v1::Evidence> evidence = ParseEvidence(record);

#ifndef PLEGD_API_EVIDENCE_RECORD_H_
#define PLEGD_API_EVIDENCE_RECORD_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "plegd/v1/evidence.pb.h"

namespace api {

// A record of plegd's own has some hundred kilobytes at most. What is in this limit takes a few
// seconds to read and to judge, whatever it is.
inline constexpr size_t kMaxRecordBytes = size_t{2} << 20;
// Messages within messages; evidence itself has five.
inline constexpr int kMaxRecordDepth = 32;

// Textproto, or JSON as the API and `plegctl explain -o json` write it. Fields that are not known,
// of a newer plegd, are left out, and so is a byte order mark of UTF-8. The text is taken for
// hostile.
//
// kInvalidArgument, with the line if it is textproto: neither of both, UTF-16, empty, without any
// field of evidence, larger than kMaxRecordBytes, or nested deeper than kMaxRecordDepth. The
// message is printable.
absl::StatusOr<plegd::v1::Evidence> ParseEvidence(const std::string& record);

// As textproto.
std::string PrintEvidence(const plegd::v1::Evidence& evidence);

}  // namespace api

#endif  // PLEGD_API_EVIDENCE_RECORD_H_
