#include "pleg/informer/delta_fifo.h"

namespace pleg {
namespace {

// In client-go's words, which readers of its logs know.
constexpr absl::string_view kClosed = "DeltaFIFO: manipulating with closed queue";

}  // namespace

absl::Status FifoClosedError() { return absl::FailedPreconditionError(kClosed); }

bool IsFifoClosed(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) && status.message() == kClosed;
}

}  // namespace pleg
