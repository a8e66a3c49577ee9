#include "runtime/grpc_log.h"

#include <grpc/support/log.h>

#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"

namespace runtime {
namespace {

std::atomic<pleg::Log*> grpc_log{nullptr};

pleg::LogLevel ToLevel(gpr_log_severity severity) {
  switch (severity) {
    case GPR_LOG_SEVERITY_DEBUG:
      return pleg::LogLevel::kDebug;
    case GPR_LOG_SEVERITY_INFO:
      return pleg::LogLevel::kInfo;
    case GPR_LOG_SEVERITY_ERROR:
      break;
  }
  return pleg::LogLevel::kError;
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
