// The size of a list and what makes it large, as evidence and as a message.

#ifndef PLEGD_API_LIST_SIZE_PROTO_H_
#define PLEGD_API_LIST_SIZE_PROTO_H_

#include "pleg/diagnosis/evidence.h"
#include "plegd/v1/evidence.pb.h"

namespace api {

// Text that is not UTF-8 is repaired (U+FFFD). Pure.
void ListSizeToProto(const pleg::ListSizeEvidence& list, plegd::v1::ListSizeEvidence& out);
pleg::ListSizeEvidence ListSizeFromProto(const plegd::v1::ListSizeEvidence& message);

}  // namespace api

#endif  // PLEGD_API_LIST_SIZE_PROTO_H_
