#include "runtime/host/prober.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/host/bundle_names.h"
#include "runtime/host/confinement.h"
#include "runtime/host/kernel_log.h"
#include "runtime/host/probe_wire.h"
#include "runtime/host/proc_file.h"

namespace runtime::host {
namespace {

constexpr char kThreadName[] = "pleg-probe";
constexpr char kChildName[] = "plegd-probe";
constexpr int kTickMs = 200;
constexpr int kSlowest = 10;  // times Options::give_up

void ReadKernelLog(KernelLog& log, pleg::HostEvidence& evidence) {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);  // as the kernel stamps its lines: suspended time is none
  std::vector<std::string> problems;
  evidence.kernel_log = log.Read(static_cast<double>(now.tv_sec), problems);
  for (std::string& problem : problems) {
    evidence.problems.push_back({.probe = "kernel log", .text = std::move(problem)});
  }
}

// What the child can do that plegd cannot: it sees kernel stacks, wait channels, other users'
// processes and the kernel's log.
std::vector<int> ProbeCapabilities() {
  return {CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH, CAP_SYSLOG};
}

// A child. Its first question that knows who listens also knows where the runtime has its files.
class Probe {
 public:
  Probe(int socket, HostPaths paths, EvidenceCodec codec)
      : socket_(socket),
        paths_(std::move(paths)),
        codec_(std::move(codec)),
        kernel_log_(paths_.kmsg) {}

  // Answers until the parent has gone.
  void Serve() {
    while (true) {
      const absl::StatusOr<std::string> request = ReceiveFrame(socket_);
      if (!request.ok()) return;
      const ProbeQuestion question = DecodeQuestion(*request);
      if (!Confine(question) || !Answer(question)) return;
    }
  }

 private:
  // False if it cannot answer, since it has given up what it needs, or could have by now: another
  // child can.
  bool Confine(const ProbeQuestion& question) {
    const bool confined = confined_to_.has_value();
    if (!confined && (!question.runtime_pid.has_value() || SeesIntoProcesses())) return true;
    // Of file systems that may hang. Without them what is in them is not read.
    std::vector<std::string> others;
    if (!IsOff(question, ProbePart::kConfinement)) {
      others = question.host.directories.task_roots;
      others.push_back(paths_.procfs + "/1/root/usr/lib");
    }
    if (confined) return *confined_to_ == others;
    Begin(question, ProbePart::kConfinement);
    std::vector<std::string> roots = {paths_.procfs, paths_.sysfs, paths_.cgroupfs, paths_.kmsg,
                                      "/proc"};
    roots.insert(roots.end(), others.begin(), others.end());
    if (ConfineReads(roots)) confined_to_ = std::move(others);
    return true;
  }

  static bool IsOff(const ProbeQuestion& question, ProbePart part) {
    return std::find(question.off.begin(), question.off.end(), part) != question.off.end();
  }

  bool Begin(const ProbeQuestion& question, ProbePart part) const {
    const bool off = IsOff(question, part);
    // If nobody is there any more, the answer finds out.
    if (!off) static_cast<void>(SendPart(socket_, part));
    return !off;
  }

  bool Answer(const ProbeQuestion& question) {
    const BeginPart begin = [&](ProbePart part) { return Begin(question, part); };
    const HostSample sample = TakeHostSample(paths_, question.host, tracker_.last(), begin);
    const std::optional<int> runtime =
        sample.listener > 0 ? std::optional(sample.listener) : std::nullopt;
    pleg::HostEvidence evidence = tracker_.Update(sample, question.watched, runtime);
    if (begin(ProbePart::kBundles)) {
      NameByBundles(question.host.directories.task_roots, evidence);
    }
    if (begin(ProbePart::kKernelLog)) ReadKernelLog(kernel_log_, evidence);
    return SendReply(socket_, ReplyKind::kEvidence, codec_.encode(evidence)).ok() &&
           SendReply(socket_, ReplyKind::kContainers, absl::StrJoin(sample.containers, "\n")).ok();
  }

  const int socket_;
  const HostPaths paths_;
  const EvidenceCodec codec_;
  HostTracker tracker_;
  KernelLog kernel_log_;
  std::optional<std::vector<std::string>> confined_to_;
};

// A child that stops amid an answer is as good as gone.
void LimitReceiving(int socket, absl::Duration limit) {
  const timeval timeout = absl::ToTimeval(limit);
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

// How long a process has run and waited for a CPU; the same text while it does neither.
std::string CpuUse(pid_t pid) {
  return ReadSmallFile(absl::StrCat("/proc/", pid, "/schedstat")).value_or("");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Prober>> Prober::Fork(Options options, const pleg::Clock& clock) {
  absl::StatusOr<std::unique_ptr<Zygote>> zygote =
      Zygote::Fork({.child =
                        [paths = options.paths, codec = options.codec](int socket) {
                          prctl(PR_SET_NAME, kChildName);
                          FilterSyscalls(Process::kProbe);
                          Probe(socket, paths, codec).Serve();
                        },
                    .capabilities = ProbeCapabilities()});
  if (!zygote.ok()) return zygote.status();
  const absl::StatusOr<Zygote::Child> child = (*zygote)->Spawn();
  if (!child.ok()) return child.status();
  LimitReceiving(child->socket, options.give_up);
  return std::unique_ptr<Prober>(new Prober(std::move(options), clock, *std::move(zygote), *child));
}

Prober::Prober(Options options, const pleg::Clock& clock, std::unique_ptr<Zygote> zygote,
               Zygote::Child child)
    : options_(std::move(options)),
      clock_(clock),
      confinement_({child.filtered, SeesIntoProcesses() || HasLandlock()}),
      zygote_(std::move(zygote)),
      child_(child) {}

Prober::~Prober() { Stop(); }

void Prober::Stop() {
  thread_.request_stop();
  {
    pleg::MutexLock lock(mu_);
    if (child_.socket >= 0) shutdown(child_.socket, SHUT_RDWR);
  }
  if (thread_.joinable()) thread_.join();
  // In uninterruptible sleep it dies later, when nobody waits for it.
  zygote_ = nullptr;
  pleg::MutexLock lock(mu_);
  if (child_.socket >= 0) close(std::exchange(child_.socket, -1));
}

pid_t Prober::child() const {
  pleg::MutexLock lock(mu_);
  return child_.pid;
}

void Prober::Start(std::function<ProbeQuestion()> question,
                   std::function<void(const pleg::HostEvidence&)> seen) {
  seen_ = std::move(seen);
  thread_ = std::jthread([this, question = std::move(question)](const std::stop_token& stop) {
    prctl(PR_SET_NAME, kThreadName);
    Run(stop, question);
  });
}

void Prober::Run(const std::stop_token& stop, const std::function<ProbeQuestion()>& question) {
  do {
    absl::Status status = StartMissing();
    if (status.ok()) status = Look(stop, question());
    if (!status.ok() && !stop.stop_requested()) Replace(status);
  } while (WaitForNext(stop));
}

absl::Status Prober::StartMissing() {
  {
    pleg::MutexLock lock(mu_);
    if (child_.socket >= 0) return absl::OkStatus();
  }
  const absl::StatusOr<Zygote::Child> child = zygote_->Spawn();
  if (!child.ok()) return child.status();
  LimitReceiving(child->socket, options_.give_up);
  pleg::MutexLock lock(mu_);
  child_ = *child;
  return absl::OkStatus();
}

void Prober::Replace(const absl::Status& why) {
  bool lost = false;
  {
    pleg::MutexLock lock(mu_);
    asked_at_.reset();
    lost = child_.socket >= 0;
    if (lost) {
      Blame(why);
      // One that sends nonsense still lives, and ends by this; the zygote kills it in any case.
      close(std::exchange(child_.socket, -1));
    }
  }
  if (lost && seen_) seen_({});
  const absl::Status started = StartMissing();
  pleg::MutexLock lock(mu_);
  const absl::string_view end = absl::IsDeadlineExceeded(why) ? "got stuck" : "has ended";
  if (lost) lost_ = absl::StrCat("the host probe ", end, ": ", why.message());
  gone_ = started.ok() ? absl::StrCat(lost_, "; it is started anew")
                       : absl::StrCat(lost_, "; no other one yet: ", started.message());
  // Whoever waits for it has waited long enough.
  if (started.ok() && absl::IsDeadlineExceeded(why)) wanted_ = true;
}

// A single death may be anything: of the machine's want of memory, or an operator's hand.
void Prober::Blame(const absl::Status& why) {
  const std::optional<ProbePart> at = std::exchange(at_, std::nullopt);
  const bool again = at.has_value() && died_at_ == at;
  if (at.has_value() && (absl::IsDeadlineExceeded(why) || again)) {
    parts_.TurnOff(*at, clock_.Now());
    died_at_.reset();
  } else {
    died_at_ = at;
  }
}

bool Prober::WaitForNext(const std::stop_token& stop) {
  pleg::MutexLock lock(mu_);
  const bool was_busy = busy_;
  wake_.wait_for(
      mu_, stop, absl::ToChronoMilliseconds(was_busy ? options_.busy_period : options_.period),
      [this, was_busy]()
          ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return wanted_ || (busy_ && !was_busy); });
  wanted_ = false;
  return !stop.stop_requested();
}

void Prober::SetBusy(bool busy) {
  pleg::MutexLock lock(mu_);
  if (busy == busy_) return;
  busy_ = busy;
  wake_.notify_all();
}

void Prober::LookNow() {
  const pleg::MonoTime now = clock_.Now();
  pleg::MutexLock lock(mu_);
  const bool fresh = sighting_ != nullptr && now - sampled_at_ < options_.fresh_for;
  if (fresh || asked_at_.has_value()) return;
  wanted_ = true;
  wake_.notify_all();
}

absl::Status Prober::Look(const std::stop_token& stop, ProbeQuestion question) {
  Zygote::Child child;
  {
    pleg::MutexLock lock(mu_);
    asked_at_ = clock_.Now();
    at_.reset();
    at_since_ = *asked_at_;
    question.off = parts_.Off(*asked_at_);
    child = child_;
  }
  if (absl::Status status = SendFrame(child.socket, EncodeQuestion(question)); !status.ok()) {
    return status;
  }
  const absl::StatusOr<std::string> reply = TakeAnswer(stop, child, ReplyKind::kEvidence);
  if (!reply.ok()) return reply.status();
  const absl::StatusOr<std::string> containers = TakeAnswer(stop, child, ReplyKind::kContainers);
  if (!containers.ok()) return containers.status();
  absl::StatusOr<pleg::HostEvidence> evidence = options_.codec.decode(*reply);
  if (!evidence.ok()) return evidence.status();
  auto sighting = std::make_shared<const Sighting>(
      Sighting{*std::move(evidence), absl::StrSplit(*containers, '\n', absl::SkipEmpty())});
  if (seen_) seen_(sighting->evidence);
  died_at_.reset();
  pleg::MutexLock lock(mu_);
  sighting_ = std::move(sighting);
  sampled_at_ = clock_.Now();
  asked_at_.reset();
  at_.reset();
  gone_.clear();
  parts_.OnLook(question.off);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Prober::TakeAnswer(const std::stop_token& stop,
                                               const Zygote::Child& child, ReplyKind kind) {
  while (true) {
    if (absl::Status status = WaitForReply(stop, child); !status.ok()) return status;
    absl::StatusOr<ProbeReply> reply = ReceiveReply(child.socket);
    if (!reply.ok()) return reply.status();
    if (reply->kind == kind) return std::move(reply->payload);
    if (reply->kind != ReplyKind::kPart) return absl::InvalidArgumentError("it sent nonsense");
    pleg::MutexLock lock(mu_);
    at_ = reply->part;
    at_since_ = clock_.Now();
  }
}

absl::Status Prober::WaitForReply(const std::stop_token& stop, const Zygote::Child& child) {
  pollfd poller = {.fd = child.socket, .events = POLLIN, .revents = 0};
  std::string use = CpuUse(child.pid);
  pleg::MonoTime moved = clock_.Now();
  while (!stop.stop_requested()) {
    if (poll(&poller, 1, kTickMs) > 0) return absl::OkStatus();
    const pleg::MonoTime now = clock_.Now();
    std::string use_now = CpuUse(child.pid);
    if (use_now != use) moved = now;
    use = std::move(use_now);
    pleg::MutexLock lock(mu_);
    if (now - moved > options_.give_up || now - at_since_ > kSlowest * options_.give_up) {
      return absl::DeadlineExceededError(at_.has_value() ? absl::StrCat("reading ", NameOf(*at_))
                                                         : "before it read anything");
    }
  }
  return absl::CancelledError("the host probe is stopped");
}

Prober::Reading Prober::Latest() const {
  const pleg::MonoTime now = clock_.Now();
  pleg::MutexLock lock(mu_);
  Reading reading = {.sighting = sighting_};
  if (sighting_ != nullptr) reading.ago = now - sampled_at_;
  const absl::Duration asked_for = asked_at_.has_value() ? now - *asked_at_ : absl::ZeroDuration();
  reading.off = parts_.Problems(now);
  if (asked_for > options_.patience) {
    reading.problem = {
        .probe = "all",
        .text = absl::StrCat("the host probe does not answer: what it reads",
                             at_.has_value() ? absl::StrCat(" (", NameOf(*at_), ")") : "",
                             " is stuck in the kernel"),
        .hangs = true,
        .hangs_for = asked_for};
  } else if (!gone_.empty()) {
    reading.problem = {.probe = "all", .text = gone_};
  }
  return reading;
}

std::optional<pleg::HostEvidence> Prober::Reading::Evidence() const {
  if (sighting == nullptr && !problem.has_value() && off.empty()) return std::nullopt;
  pleg::HostEvidence evidence = sighting != nullptr ? sighting->evidence : pleg::HostEvidence();
  if (sighting != nullptr) evidence.sampled_ago = ago;
  // First, since they are why the rest is missing.
  evidence.problems.insert(evidence.problems.begin(), off.begin(), off.end());
  if (problem.has_value()) evidence.problems.push_back(*problem);
  return evidence;
}

}  // namespace runtime::host
