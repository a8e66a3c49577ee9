#include "runtime/grpc_log.h"

#include <grpc/support/log.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;

class LinesLog : public pleg::Log {
 public:
  bool Enabled(pleg::LogLevel) const override { return true; }
  void Write(pleg::LogLevel level, absl::string_view message,
             std::initializer_list<pleg::LogField> fields) override {
    std::string line(message);
    line += level == pleg::LogLevel::kError   ? " error"
            : level == pleg::LogLevel::kDebug ? " debug"
                                              : " ?";
    for (const pleg::LogField& field : fields) {
      if (!field.is_object) line += " " + field.value;
    }
    lines.push_back(line);
  }
  std::vector<std::string> lines;
};

TEST(GrpcLogTest, LinesBecomeOursByTheirSeverity) {
  LinesLog log;
  RouteGrpcLog(&log);
  gpr_log_message("x.cc", 7, GPR_LOG_SEVERITY_ERROR, "broken");
  gpr_log_message("x.cc", 8, GPR_LOG_SEVERITY_INFO, "told");
  gpr_log_message("x.cc", 9, GPR_LOG_SEVERITY_DEBUG, "detail");
  RouteGrpcLog(nullptr);
  gpr_log_message("x.cc", 7, GPR_LOG_SEVERITY_ERROR, "after");
  EXPECT_THAT(log.lines, ElementsAre("gRPC error broken", "gRPC debug told"));
}

}  // namespace
}  // namespace runtime
