// gRPC's own log lines, as lines of ours: structured, escaped and rate-limited.

#ifndef PLEGD_RUNTIME_GRPC_LOG_H_
#define PLEGD_RUNTIME_GRPC_LOG_H_

#include "pleg/log.h"

namespace runtime {

// From now on gRPC logs to `log`, which outlives the process' use of gRPC; null restores silence.
// Thread-safe.
void RouteGrpcLog(pleg::Log* log);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_GRPC_LOG_H_
