// The host is looked at by a child process: what it reads may block for ever on a host that is
// sick, and nothing but the child is then lost. One that has died is replaced, and so is one that
// got stuck; what it got stuck in is left out for a while, so that one bad path does not blind the
// node. It and the process that forks it, itself forked before plegd has a thread, keep the
// capabilities that wait channels and kernel stacks need; whoever forked them gives them up
// afterwards.
//
//   absl::StatusOr<std::unique_ptr<Prober>> prober = Prober::Fork(options);  // first in main()
//   KeepCapabilities({});
//   (*prober)->Start([&] { return Question(); });
//   …  Prober::Reading reading = (*prober)->Latest();

#ifndef PLEGD_RUNTIME_HOST_PROBER_H_
#define PLEGD_RUNTIME_HOST_PROBER_H_

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/host_evidence.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"
#include "runtime/host/host_sample.h"
#include "runtime/host/host_tracker.h"
#include "runtime/host/part_switch.h"
#include "runtime/host/probe_parts.h"
#include "runtime/host/zygote.h"

namespace runtime::host {

// What the child is asked, from look to look.
struct ProbeQuestion {
  std::vector<ProbePart> off;  // what to leave out; the prober's own business
  std::vector<WatchedObject> watched;
  std::optional<int> runtime_pid;
  uint64_t runtime_start_ticks = 0;  // of that process; 0 if unknown
  HostQuestion host;
};

enum class ReplyKind : char;

// How evidence travels from the child. Both are pure.
struct EvidenceCodec {
  std::function<std::string(const pleg::HostEvidence&)> encode;
  // INVALID_ARGUMENT for bytes that are none.
  std::function<absl::StatusOr<pleg::HostEvidence>(absl::string_view)> decode;
};

// Thread-safe but for Fork, which is called before any thread is started.
class Prober {
 public:
  struct Options {
    HostPaths paths = {};
    EvidenceCodec codec = {};
    absl::Duration period = absl::Seconds(10);      // between two looks while all is well
    absl::Duration busy_period = absl::Seconds(5);  // and while it is not
    absl::Duration fresh_for = absl::Seconds(2);    // see LookNow
    // A look that takes longer is evidence itself.
    absl::Duration patience = absl::Seconds(5);
    // A child that has used no CPU for so long is stuck, and one that has read one part for ten
    // times as long, even if it has.
    absl::Duration give_up = absl::Seconds(20);
  };

  // What one look found. Immutable once shared.
  struct Sighting {
    pleg::HostEvidence evidence;  // its age not yet
    // Ids of containers and sandboxes that the host knows of.
    std::vector<std::string> containers;
  };
  // What is known at one moment.
  struct Reading {
    std::shared_ptr<const Sighting> sighting;        // null before the first has ended
    absl::Duration ago = {};                         // how long that is ago
    std::optional<pleg::ProbeProblem> problem = {};  // the child hangs or has died
    std::vector<pleg::ProbeProblem> off = {};        // parts that are left out

    // A copy of its evidence with its age and these problems; empty if there is none of it.
    std::optional<pleg::HostEvidence> Evidence() const;
  };

  // Whether a child is kept from what it has no need of; without either, it looks all the same.
  struct Confinement {
    bool system_calls = false;
    // By Landlock, which is left out on purpose for a child with CAP_SYS_PTRACE.
    bool files = false;
  };

  // INTERNAL if there can be no child.
  static absl::StatusOr<std::unique_ptr<Prober>> Fork(Options options, const pleg::Clock& clock);
  ~Prober();
  const Confinement& confinement() const { return confinement_; }

  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Begins to look, on a thread of its own; `question` is called there before each look.
  // `seen` is called there with the evidence of each look, and with none when a child has died or
  // is given up; it may be empty.
  void Start(std::function<ProbeQuestion()> question,
             std::function<void(const pleg::HostEvidence&)> seen = {});
  // Joins the thread, after which `question` and `seen` are not called; what was seen last stays.
  // Abandons the child, killed; never waits for it.
  void Stop();
  // Whether something is wrong, so that looks are worth their cost; begins with one at once.
  void SetBusy(bool busy);
  // Somebody wants to know: looks at once, unless it has within `fresh_for`.
  void LookNow();
  Reading Latest() const;

  // The one that looks at present.
  pid_t child() const;
  // The one that forks it; not after Stop.
  pid_t zygote() const { return zygote_->pid(); }

 private:
  Prober(Options options, const pleg::Clock& clock, std::unique_ptr<Zygote> zygote,
         Zygote::Child child);

  void Run(const std::stop_token& stop, const std::function<ProbeQuestion()>& question);
  // Waits until the next look is due; false at the end.
  bool WaitForNext(const std::stop_token& stop);
  // A child, if there is none.
  absl::Status StartMissing();
  // One look: asks and waits for the answer. DEADLINE_EXCEEDED for a child that is stuck.
  absl::Status Look(const std::stop_token& stop, ProbeQuestion question);
  absl::StatusOr<std::string> TakeAnswer(const std::stop_token& stop, const Zygote::Child& child,
                                         ReplyKind kind);
  // Until there is something to receive.
  absl::Status WaitForReply(const std::stop_token& stop, const Zygote::Child& child);
  // Another child, for one that has died or is stuck.
  void Replace(const absl::Status& why);
  // What the child was at when it came to nothing is left out, if that is to blame.
  void Blame(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  const pleg::Clock& clock_;
  const Confinement confinement_;
  std::unique_ptr<Zygote> zygote_;  // null once stopped

  mutable pleg::Mutex mu_;
  // Without a socket there is none. Changed by the thread, and by Stop after it.
  Zygote::Child child_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const Sighting> sighting_ ABSL_GUARDED_BY(mu_);
  pleg::MonoTime sampled_at_ ABSL_GUARDED_BY(mu_);
  std::optional<pleg::MonoTime> asked_at_ ABSL_GUARDED_BY(mu_);  // a look is out
  std::string gone_ ABSL_GUARDED_BY(mu_);  // that the last look came to nothing, and why
  PartSwitch parts_ ABSL_GUARDED_BY(mu_);
  std::optional<ProbePart> at_ ABSL_GUARDED_BY(mu_);  // what the child is reading
  pleg::MonoTime at_since_ ABSL_GUARDED_BY(mu_);

  // Of the thread.
  std::optional<ProbePart> died_at_;  // the last child, if it died by itself
  std::string lost_;                  // what became of it

  std::function<void(const pleg::HostEvidence&)> seen_;  // of the thread
  std::condition_variable_any wake_;
  bool busy_ ABSL_GUARDED_BY(mu_) = false;
  bool wanted_ ABSL_GUARDED_BY(mu_) = false;  // at once

  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PROBER_H_
