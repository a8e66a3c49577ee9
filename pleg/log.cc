#include "pleg/log.h"

namespace pleg {
namespace {

class DiscardingLog : public Log {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void Write(LogLevel, absl::string_view, std::initializer_list<LogField>) override {}
};

}  // namespace

Log& NullLog() {
  static DiscardingLog log;
  return log;
}

}  // namespace pleg
