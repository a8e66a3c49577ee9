#include "api/debug_text.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "pleg/event.h"
#include "pleg/go_duration.h"
#include "pleg/model.h"

namespace api {
namespace {

#ifdef NDEBUG
constexpr absl::string_view kBuildType = "optimized";
#else
constexpr absl::string_view kBuildType = "with assertions";
#endif

// Of texts and labels of one object beside its fixed part, as real nodes have them.
constexpr size_t kTextBytes = 700;
// A node of a hash table or list and what the allocator adds.
constexpr size_t kNodeBytes = 64;

void AppendThreads(std::string& out, const DebugFacts& facts) {
  for (const DebugFacts::Thread& thread : facts.threads) {
    absl::StrAppendFormat(&out, "thread: %s id=%d cpu=%.2fs\n", absl::CHexEscape(thread.name),
                          thread.id, thread.cpu_seconds);
  }
}

void AppendQueues(std::string& out, const DebugFacts& facts) {
  absl::StrAppend(&out, "queue: core tasks=", facts.loop_queued,
                  " last_turn=", pleg::FormatGoDuration(facts.loop_age), " ago\n");
  absl::StrAppend(&out, "queue: subscribers=", facts.subscriber_queues.size(), " events=[",
                  absl::StrJoin(facts.subscriber_queues, " "), "]\n");
  absl::StrAppend(&out, "queue: log bytes=", facts.log_queued_bytes, "\n");
  for (const auto& [name, totals] : facts.writers) {
    absl::StrAppend(&out, "writer: ", name, " ", totals, "\n");
  }
}

void AppendLedger(std::string& out, const pleg::CallSnapshot& calls) {
  absl::StrAppend(&out, "ledger: in_flight=", calls.running.size(),
                  " unanswered=", calls.unanswered.size(), "\n");
  for (const pleg::RunningCall& call : calls.running) {
    absl::StrAppend(&out, "running: ", call.method, " ", absl::CHexEscape(call.target), " for ",
                    pleg::FormatGoDuration(calls.taken_at - call.started_at), "\n");
  }
  for (const pleg::UnansweredTarget& row : calls.unanswered) {
    absl::StrAppend(&out, "unanswered: ", row.method, " ", absl::CHexEscape(row.target), " for ",
                    pleg::FormatGoDuration(calls.taken_at - row.since), ", ", row.attempts,
                    " calls\n");
  }
}

size_t CacheBytes(const std::vector<pleg::CachedPod>& pods) {
  size_t bytes = 0;
  for (const pleg::CachedPod& pod : pods) {
    bytes += sizeof(pleg::CachedPod) + kNodeBytes + sizeof(pleg::PodStatus);
    if (pod.status == nullptr) continue;
    bytes += pod.status->sandbox_statuses.size() * (sizeof(pleg::SandboxStatus) + kTextBytes);
    bytes += pod.status->container_statuses.size() * (sizeof(pleg::ContainerStatus) + kTextBytes);
  }
  return bytes;
}

size_t RecordBytes(const pleg::PlegSnapshot& core) {
  const size_t containers = core.containers_created + core.containers_running +
                            core.containers_exited + core.containers_unknown;
  return core.sandboxes * (sizeof(pleg::SandboxInfo) + kTextBytes + kNodeBytes) +
         containers * (sizeof(pleg::ContainerInfo) + kTextBytes + kNodeBytes);
}

size_t ResidentBytes() {
  size_t pages = 0;
  size_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

void AppendMemory(std::string& out, const DebugFacts& facts) {
  size_t events = 0;
  for (const size_t pending : facts.subscriber_queues) events += pending;
  size_t replies = 0;
  for (const auto& list : facts.calls.list_sizes) replies += list.bytes;
  const size_t ledger =
      facts.calls.running.size() * (sizeof(pleg::RunningCall) + kNodeBytes) +
      facts.calls.unanswered.size() * (sizeof(pleg::UnansweredTarget) + kNodeBytes);
  absl::StrAppend(&out, "memory: records=", RecordBytes(facts.core), " (estimate)\n");
  absl::StrAppend(&out, "memory: cache=", CacheBytes(facts.pods), " (estimate)\n");
  absl::StrAppend(&out, "memory: ledger=", ledger, " (estimate)\n");
  absl::StrAppend(&out, "memory: events=", events * (sizeof(pleg::Event) + kTextBytes / 2),
                  " (estimate)\n");
  absl::StrAppend(&out, "memory: log=", facts.log_queued_bytes, "\n");
  absl::StrAppend(&out, "memory: last_lists=", replies, " (received, freed when decoded)\n");
#ifdef __GLIBC__
  const struct mallinfo2 heap = mallinfo2();
  absl::StrAppend(&out, "memory: malloc_in_use=", heap.uordblks + heap.hblkhd,
                  " malloc_from_system=", heap.arena + heap.hblkhd, "\n");
#endif
  absl::StrAppend(&out, "memory: resident=", ResidentBytes(), "\n");
}

}  // namespace

std::string DebugText(const DebugFacts& facts) {
  std::string out = absl::StrCat("build: plegd ", facts.version, ", ", kBuildType, ", compiler ",
                                 __VERSION__, "\n");
  for (absl::string_view flag : absl::StrSplit(facts.flags, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&out, "flag: ", absl::CHexEscape(flag), "\n");
  }
  absl::StrAppend(&out, "runtime: ", absl::CHexEscape(facts.endpoint), " ",
                  absl::CHexEscape(facts.connection), "\n");
  AppendThreads(out, facts);
  AppendQueues(out, facts);
  absl::StrAppend(&out, "core: pods=", facts.pods.size(), " sandboxes=", facts.core.sandboxes,
                  " running=", facts.core.containers_running,
                  " inspections=", facts.core.inspections_running,
                  " pending=", facts.core.pods_pending, "\n");
  AppendLedger(out, facts.calls);
  AppendMemory(out, facts);
  return out;
}

}  // namespace api
