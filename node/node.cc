#include "node/node.h"

#include <limits.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/gather.h"
#include "runtime/list_budget.h"
#include "runtime/memory_limit.h"

namespace node {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);
// A verdict that stands may end by time alone, without any event.
constexpr absl::Duration kJudgeAgain = absl::Seconds(5);

pleg::PlegOptions CoreOptions(const Options& options) {
  pleg::PlegOptions core{.relist_period = options.settings.relist_period,
                         .relist_threshold = options.settings.relist_threshold};
  if (options.serial_inspect) return core;
  core.inspect_window = options.inspect_concurrency;
  core.inspect_calls_per_pod = 16;
  core.inspect_large_pod_bytes = size_t{256} * 1024;
  core.inspect_slow_after = absl::Seconds(1);
  core.inspect_slow_start_calls = 100;
  core.retry_backoff = absl::Seconds(1);
  return core;
}

runtime::ListBudget Budget(const Options& options) {
  if (options.list_budget.has_value()) return runtime::BudgetOf(*options.list_budget);
  return runtime::BudgetFor(runtime::FindMemoryLimit().bytes);
}

runtime::CriOptions CriOptions(const Options& options) {
  return {.request_timeout = options.settings.runtime_request_timeout,
          .budget = Budget(options),
          .decode =
              options.typed_decode ? runtime::DecodeMode::kTyped : runtime::DecodeMode::kProjected,
          .list_streaming = options.list_streaming};
}

// In a pod the host's name is the pod's, unless it has the host's network.
std::string NodeName() {
  const char* const given = std::getenv("NODE_NAME");
  if (given != nullptr && *given != '\0') return given;
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

// Those of the observers that are there.
template <typename Observer>
std::vector<Observer*> Present(std::initializer_list<Observer*> observers) {
  std::vector<Observer*> present;
  for (Observer* observer : observers) {
    if (observer != nullptr) present.push_back(observer);
  }
  return present;
}

}  // namespace

Node::Node(Options options, const pleg::Clock& clock, pleg::Log& log,
           std::unique_ptr<runtime::host::Prober> prober, Observers observers)
    : options_(std::move(options)),
      name_(NodeName()),
      kubelets_(
          pleg::KubeletModels(options_.kubelet_version, options_.settings.kubelet_request_timeout)
              .value()),
      clock_(clock),
      log_(log),
      started_at_(clock.Now()),
      hub_(clock),
      cache_(loop_, Budget(options_).status_bytes),
      story_(clock, log),
      history_(clock),
      relists_(clock),
      loop_watch_(loop_, clock),
      pleg_observers_(Present<pleg::PlegObserver>({observers.pleg, &relists_, &changes_})),
      call_observers_(Present<pleg::CallObserver>({observers.calls, &history_, &changes_})),
      runtime_(CriOptions(options_), loop_, clock, call_observers_, log),
      poller_(runtime_, loop_, clock, state_,
              [this](const auto& conditions) {
                story_.OnStatus(conditions);
                if (state_.conditions() == conditions_) return;
                conditions_ = state_.conditions();
                changes_.Note();
              }),
      pleg_(CoreOptions(options_), {runtime_, clock, loop_, cache_, hub_, pleg_observers_, log}),
      sweep_({}, runtime_, loop_, clock, [this] { return pleg_.RunningContainers(); }),
      lookout_(options_.kubelet, *this, runtime_, clock, std::move(prober)),
      assessor_([this] { return MakeAssessment(); }, clock) {}

Node::~Node() { Stop(); }

void Node::Start(std::function<void()> tick) {
  tick_ = std::move(tick);
  started_ = true;
  TellBudget();
  ListenToRuntime();
  loop_.Post([this] {
    if (options_.sweep) {
      pleg_.OnRelistSent([this] { sweep_.Beside(); });
      sweep_.Start();
    }
    loop_watch_.Start();
    lookout_.Start();
    Tick();
  });
  loop_.Start();
}

void Node::TellBudget() {
  const runtime::MemoryLimit memory = runtime::FindMemoryLimit();
  log_.Write(pleg::LogLevel::kInfo, "takes lists up to a budget",
             {{"budget", runtime_.budget().ToString()},
              {"flag", options_.list_budget.has_value() ? "--list-budget" : "auto"},
              {"memory_limit", absl::StrCat(memory.bytes)},
              {"of", memory.source}});
}

void Node::ListenToRuntime() {
  auto connection = [this](bool connected, absl::string_view reason) {
    changes_.Note();
    story_.OnConnection(connected, reason);
    lookout_.OnConnection(connected, reason);
    if (!connected) return;
    pleg_.RelistNow();
    poller_.PollNow();
  };
  auto identity = [this](const absl::StatusOr<pleg::RuntimeVersion>& version) {
    changes_.Note();
    story_.OnIdentity(version);
  };
  runtime_.Listen({.connection = connection,
                   .identity = identity,
                   .list = [this](const auto& status) { story_.OnList(status); }});
}

void Node::SetEndpoint(std::string url, std::string reason) {
  pleg::MutexLock lock(mu_);
  endpoint_ = {std::move(url), std::move(reason)};
}

void Node::Connect(const runtime::Endpoint& endpoint, std::string reason) {
  SetEndpoint(endpoint.Url(), std::move(reason));
  loop_.Post([this, endpoint] {
    changes_.Note();
    story_.OnEndpoint(endpoint.Url());
    lookout_.OnEndpoint(endpoint.Url());
    runtime_.Connect(endpoint);
    // Not sooner: a relist without anybody to ask is none.
    pleg_.Start();
    poller_.Start();
  });
  watcher_.emplace(
      runtime::SocketWatcher::Options{.path = endpoint.path()},
      [this] { loop_.Post([this] { runtime_.ResetConnectionBackoff(); }); }, log_);
}

void Node::Stop() {
  watcher_.reset();
  if (!std::exchange(started_, false)) return;
  loop_.Stop();
  poller_.Stop();
  sweep_.Stop();
  loop_watch_.Stop();
  lookout_.Stop();
  pleg_.Stop();
  runtime_.Shutdown();
}

void Node::Tick() {
  const pleg::Verdict verdict = pleg_.Healthy();
  story_.Tick({.verdict = verdict,
               .node = state_.Ready(verdict, clock_.Now()),
               .calls = runtime_.Snapshot()});
  // Inspections that are stuck leave the view of the pods behind.
  pleg_.PublishPods();
  lookout_.Tick();
  if (HasChanged()) assessor_.Read();
  if (tick_) tick_();
  loop_.PostAt(clock_.Now() + kTick, [this] { Tick(); });
}

bool Node::HasChanged() {
  // So early there is nothing to think of that is not about to change.
  const pleg::MonoTime now = clock_.Now();
  if (now - started_at_ < kTick) return false;
  const std::pair<uint64_t, uint64_t> seen = {changes_.count(), lookout_.news()};
  if (std::exchange(seen_, seen) != seen || lookout_.busy()) return true;
  const std::shared_ptr<const Assessment> last = assessor_.Last();
  return last->diagnosis.findings.front().code != pleg::VerdictCode::kHealthy &&
         now - last->made_at >= kJudgeAgain;
}

Node::Endpoint Node::LastEndpoint() const {
  pleg::MutexLock lock(mu_);
  return endpoint_;
}

RuntimeView Node::Runtime() const {
  const pleg::Verdict verdict = pleg_.Healthy();
  const pleg::MonoTime now = clock_.Now();
  Endpoint endpoint = LastEndpoint();
  return {.endpoint = std::move(endpoint.url),
          .endpoint_reason = std::move(endpoint.reason),
          .connection = story_.Connection(),
          .version = runtime_.Identity(),
          .runtime_errors = state_.RuntimeErrors(verdict, now),
          .network_errors = state_.NetworkErrors(),
          .node_ready = state_.Ready(verdict, now)};
}

pleg::TwinFacts Node::ReadTwinFacts() const {
  pleg::TwinFacts facts = {.now = pleg::MonoTime(), .started_at = started_at_};
  facts.calls = runtime_.Snapshot();
  facts.core = pleg_.Snapshot();
  facts.pods = pleg_.Pods();
  facts.last_sandbox_list = history_.Last("ListPodSandbox");
  facts.last_container_list = history_.Last("ListContainers");
  facts.last_status = history_.Last("Status");
  facts.sandbox_status = history_.Usual("PodSandboxStatus");
  facts.container_status = history_.Usual("ContainerStatus");
  facts.last_status_ok = state_.last_sync();
  facts.conditions = state_.conditions();
  facts.now = clock_.Now();  // after all of them: no age is negative
  return facts;
}

std::shared_ptr<const Assessment> Node::MakeAssessment() const {
  auto made = std::make_shared<Assessment>();
  pleg::GatherFacts facts;
  facts.twin = ReadTwinFacts();
  made->made_at = facts.twin.now;
  made->twins = pleg::PredictKubelets(kubelets_, facts.twin);
  facts.reports = made->twins;
  facts.endpoint = LastEndpoint().url;
  facts.runtime = runtime_.Identity();
  facts.relists = relists_.Newest(0);
  facts.clock_step = relists_.LastClockStep();
  facts.relist_period = options_.settings.relist_period;
  facts.relist_threshold = options_.settings.relist_threshold;
  facts.self = {options_.settings.version, loop_watch_.Worst(), lookout_.scheduling_delay(), name_};
  facts.wall_now = clock_.WallNow();
  lookout_.Describe(facts);
  made->evidence = pleg::GatherEvidence(std::move(facts), history_);
  made->diagnosis = pleg::Diagnose(made->evidence, made->made_at, memory_);
  return made;
}

}  // namespace node
