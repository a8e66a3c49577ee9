// A pleg::RuntimeService that answers with a golden history.
//
//   HistoryRuntime runtime(executor, clock, history);
//   runtime.Apply(step);  …  runtime.Inspections();

#ifndef PLEGD_TEST_GOLDEN_HISTORY_RUNTIME_H_
#define PLEGD_TEST_GOLDEN_HISTORY_RUNTIME_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "pleg/executor.h"
#include "pleg/mono_time.h"
#include "pleg/runtime_service.h"
#include "test/golden/history.h"

namespace golden {

// Answers are posted to the executor. Confined to its thread.
class HistoryRuntime : public pleg::RuntimeService {
 public:
  // All outlive the runtime.
  HistoryRuntime(pleg::Executor& executor, const pleg::Clock& clock, const History& history)
      : executor_(executor), clock_(clock), state_(history) {}

  // Moves on to `step`, which outlives the runtime, and counts anew.
  void Apply(const Step& step);

  // Since the last Apply: the lists of everything, and how often each pod was inspected. An
  // inspection asks for each of a pod's objects at most once.
  size_t lists() const { return lists_; }
  std::map<std::string, uint32_t> Inspections() const;

  void List(std::optional<pleg::PodUid> pod, ListCallback done) override;
  void GetSandboxStatus(const pleg::SandboxInfo& sandbox, SandboxStatusCallback done) override;
  void GetContainerStatus(const pleg::ContainerInfo& container,
                          ContainerStatusCallback done) override;

 private:
  pleg::Executor& executor_;
  const pleg::Clock& clock_;
  RuntimeState state_;
  size_t lists_ = 0;
  std::map<std::string, std::map<std::string, uint32_t>> asked_;  // by pod, then object
};

}  // namespace golden

#endif  // PLEGD_TEST_GOLDEN_HISTORY_RUNTIME_H_
