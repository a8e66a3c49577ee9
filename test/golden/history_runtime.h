// A pleg::RuntimeService that answers with a golden history.
//
//   HistoryRuntime runtime(executor, clock, history, Decoding::kBytes);
//   runtime.Apply(step);  …  runtime.Inspections();

#ifndef PLEGD_TEST_GOLDEN_HISTORY_RUNTIME_H_
#define PLEGD_TEST_GOLDEN_HISTORY_RUNTIME_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pleg/call_stats.h"
#include "pleg/executor.h"
#include "pleg/model.h"
#include "pleg/mono_time.h"
#include "pleg/runtime_service.h"
#include "runtime/list_decoder.h"
#include "test/golden/history.h"

namespace golden {

// How lists become listings.
enum class Decoding {
  kMessages,  // message by message, with new infos in each listing
  kBytes,     // through the list decoders, which keep one info per object
};

// Answers are posted to the executor. Statuses take the way through their bytes. Confined to the
// executor's thread.
class HistoryRuntime : public pleg::RuntimeService {
 public:
  // All outlive the runtime.
  HistoryRuntime(pleg::Executor& executor, const pleg::Clock& clock, const History& history,
                 Decoding decoding);

  // Moves on to `step`, which outlives the runtime, and counts anew.
  void Apply(const Step& step);

  // Since the last Apply: the lists of everything, and how often each pod was inspected. An
  // inspection asks for each of a pod's objects at most once.
  size_t lists() const { return lists_; }
  std::map<std::string, uint32_t> Inspections() const;
  // Items that a list decoder found fault with, ever. The histories have none.
  size_t invalid_items() const { return observer_.invalid_items; }

  void List(std::optional<pleg::PodUid> pod, ListCallback done) override;
  void GetSandboxStatus(const pleg::SandboxInfo& sandbox, SandboxStatusCallback done) override;
  void GetContainerStatus(const pleg::ContainerInfo& container,
                          ContainerStatusCallback done) override;
  void ProbeContainer(const pleg::ContainerInfo& container, pleg::Promptness promptness,
                      ProbeCallback done) override;

 private:
  struct Observer : pleg::CallObserver {
    void OnCallEnd(const pleg::CallRecord&) override {}
    void OnInvalidItem(absl::string_view, absl::string_view) override { ++invalid_items; }
    size_t invalid_items = 0;
  };

  absl::StatusOr<pleg::Listing> MakeListing(const std::optional<pleg::PodUid>& pod);

  pleg::Executor& executor_;
  const pleg::Clock& clock_;
  const Decoding decoding_;
  RuntimeState state_;
  Observer observer_;
  runtime::SandboxListDecoder sandbox_decoder_;
  runtime::ContainerListDecoder container_decoder_;
  size_t lists_ = 0;
  std::map<std::string, std::map<std::string, uint32_t>> asked_;  // by pod, then object
};

}  // namespace golden

#endif  // PLEGD_TEST_GOLDEN_HISTORY_RUNTIME_H_
