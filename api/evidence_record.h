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

// A record of plegd's own has some hundred kilobytes at most.
inline constexpr size_t kMaxRecordBytes = size_t{8} << 20;
// Messages within messages; evidence itself has five.
inline constexpr int kMaxRecordDepth = 32;

// Textproto, or JSON as the API and `plegctl explain -o json` write it. Fields that are not known,
// of a newer plegd, are left out. The text is taken for hostile.
//
// kInvalidArgument, with the line if it is textproto: neither of both, empty, without any field of
// evidence, larger than kMaxRecordBytes, or nested deeper than kMaxRecordDepth. The message is
// printable.
absl::StatusOr<plegd::v1::Evidence> ParseEvidence(const std::string& text);

// As textproto.
std::string PrintEvidence(const plegd::v1::Evidence& evidence);

}  // namespace api

#endif  // PLEGD_API_EVIDENCE_RECORD_H_
