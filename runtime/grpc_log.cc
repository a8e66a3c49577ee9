#include "runtime/grpc_log.h"

#include <grpc/support/log.h>

#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"

namespace runtime {
namespace {

std::atomic<pleg::Log*> grpc_log{nullptr};

// What gRPC calls information is of use only to who debugs it.
pleg::LogLevel ToLevel(gpr_log_severity severity) {
  return severity == GPR_LOG_SEVERITY_ERROR ? pleg::LogLevel::kError : pleg::LogLevel::kDebug;
}

void OnLine(gpr_log_func_args* line) {
  pleg::Log* log = grpc_log.load(std::memory_order_acquire);
  if (log == nullptr || !log->Enabled(ToLevel(line->severity))) return;
  log->Write(ToLevel(line->severity), "gRPC",
             {{"text", line->message}, {"at", absl::StrCat(line->file, ":", line->line), true}});
}

}  // namespace

void RouteGrpcLog(pleg::Log* log) {
  grpc_log.store(log, std::memory_order_release);
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_INFO);
  gpr_set_log_function(&OnLine);
}

}  // namespace runtime
