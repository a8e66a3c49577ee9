#include "pleg/diagnosis/evidence.h"

namespace pleg {

// Those three are what gRPC itself calls an end without an answer.
bool MethodEvidence::Failure::of_runtime() const {
  return answered.value_or(code != "UNAVAILABLE" && code != "DEADLINE_EXCEEDED" &&
                           code != "CANCELLED");
}

absl::string_view LastingName(Lasting lasting) {
  switch (lasting) {
    case Lasting::kCreated:
      return "created";
    case Lasting::kUnknown:
      return "unknown";
    case Lasting::kNotReady:
      return "notready";
    case Lasting::kReadyTwice:
      return "ready_twice";
    case Lasting::kRunningTwice:
      return "running_twice";
    case Lasting::kAttemptOrder:
      return "attempt_order";
    case Lasting::kNoUid:
      return "no_uid";
    case Lasting::kNotInspected:
      return "not_inspected";
  }
  return "";
}

}  // namespace pleg
