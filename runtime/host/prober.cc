#include "runtime/host/prober.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/host/bundle_names.h"
#include "runtime/host/kernel_log.h"
#include "runtime/host/probe_wire.h"

namespace runtime::host {
namespace {

constexpr char kThreadName[] = "pleg-probe";
constexpr char kChildName[] = "plegd-probe";
constexpr int kTickMs = 200;

void ReadKernelLog(KernelLog& log, pleg::HostEvidence& evidence) {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);  // as the kernel stamps its lines: suspended time is none
  std::vector<std::string> problems;
  evidence.kernel_log = log.Read(static_cast<double>(now.tv_sec), problems);
  for (std::string& problem : problems) {
    evidence.problems.push_back({.probe = "kernel log", .text = std::move(problem)});
  }
}

// The child's whole life: answers until the parent has gone.
void Serve(int socket, const HostPaths& paths, const EvidenceCodec& codec) {
  prctl(PR_SET_NAME, kChildName);
  HostTracker tracker;
  KernelLog kernel_log(paths.kmsg);
  while (true) {
    const absl::StatusOr<std::string> request = ReceiveFrame(socket);
    if (!request.ok()) return;
    const ProbeQuestion question = DecodeQuestion(*request);
    const HostSample sample = TakeHostSample(paths, question.host, tracker.last());
    pleg::HostEvidence evidence = tracker.Update(sample, question.watched, question.runtime_pid);
    NameByBundles(question.host.directories.task_roots, evidence);
    ReadKernelLog(kernel_log, evidence);
    if (!SendFrame(socket, codec.encode(evidence)).ok() ||
        !SendFrame(socket, absl::StrJoin(sample.containers, "\n")).ok()) {
      return;
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Prober>> Prober::Fork(Options options, const pleg::Clock& clock) {
  absl::StatusOr<std::unique_ptr<Zygote>> zygote = Zygote::Fork(
      [paths = options.paths, codec = options.codec](int socket) { Serve(socket, paths, codec); });
  if (!zygote.ok()) return zygote.status();
  const absl::StatusOr<Zygote::Child> child = (*zygote)->Spawn();
  if (!child.ok()) return child.status();
  return std::unique_ptr<Prober>(new Prober(std::move(options), clock, *std::move(zygote), *child));
}

Prober::Prober(Options options, const pleg::Clock& clock, std::unique_ptr<Zygote> zygote,
               Zygote::Child child)
    : options_(std::move(options)), clock_(clock), zygote_(std::move(zygote)), child_(child) {}

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
    const absl::Status status = Look(stop, question());
    if (!status.ok() && !Replace(stop, status)) return;
  } while (WaitForNext(stop));
}

bool Prober::Replace(const std::stop_token& stop, const absl::Status& why) {
  if (stop.stop_requested()) return false;
  if (seen_) seen_({});
  const absl::StatusOr<Zygote::Child> child = zygote_->Spawn();
  pleg::MutexLock lock(mu_);
  gone_ = child.ok() ? absl::StrCat("the host probe has ended and is started anew: ", why.message())
                     : absl::StrCat("the host probe has ended: ", why.message(), ", and ",
                                    child.status().message());
  asked_at_.reset();
  if (!child.ok() || stop.stop_requested()) {
    if (child.ok()) close(child->socket);
    return false;
  }
  close(child_.socket);  // one that sends nonsense still lives, and ends by this
  child_ = *child;
  return true;
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

absl::Status Prober::Look(const std::stop_token& stop, const ProbeQuestion& question) {
  int socket = -1;
  {
    pleg::MutexLock lock(mu_);
    asked_at_ = clock_.Now();
    socket = child_.socket;
  }
  if (absl::Status status = SendFrame(socket, EncodeQuestion(question)); !status.ok()) {
    return status;
  }
  pollfd poller = {.fd = socket, .events = POLLIN, .revents = 0};
  while (!stop.stop_requested() && poll(&poller, 1, kTickMs) == 0) {
  }
  if (stop.stop_requested()) return absl::CancelledError("the host probe is stopped");
  const absl::StatusOr<std::string> reply = ReceiveFrame(socket);
  if (!reply.ok()) return reply.status();
  const absl::StatusOr<std::string> containers = ReceiveFrame(socket);
  if (!containers.ok()) return containers.status();
  absl::StatusOr<pleg::HostEvidence> evidence = options_.codec.decode(*reply);
  if (!evidence.ok()) return evidence.status();
  auto sighting = std::make_shared<const Sighting>(
      Sighting{*std::move(evidence), absl::StrSplit(*containers, '\n', absl::SkipEmpty())});
  if (seen_) seen_(sighting->evidence);
  pleg::MutexLock lock(mu_);
  sighting_ = std::move(sighting);
  sampled_at_ = clock_.Now();
  asked_at_.reset();
  gone_.clear();
  return absl::OkStatus();
}

Prober::Reading Prober::Latest() const {
  const pleg::MonoTime now = clock_.Now();
  pleg::MutexLock lock(mu_);
  Reading reading = {.sighting = sighting_};
  if (sighting_ != nullptr) reading.ago = now - sampled_at_;
  const absl::Duration asked_for = asked_at_.has_value() ? now - *asked_at_ : absl::ZeroDuration();
  if (asked_for > options_.patience) {
    reading.problem = {
        .probe = "all",
        .text = "the host probe does not answer: what it reads is stuck in the kernel",
        .hangs = true,
        .hangs_for = asked_for};
  } else if (!gone_.empty()) {
    reading.problem = {.probe = "all", .text = gone_};
  }
  return reading;
}

std::optional<pleg::HostEvidence> Prober::Reading::Evidence() const {
  if (sighting == nullptr && !problem.has_value()) return std::nullopt;
  pleg::HostEvidence evidence = sighting != nullptr ? sighting->evidence : pleg::HostEvidence();
  if (sighting != nullptr) evidence.sampled_ago = ago;
  if (problem.has_value()) evidence.problems.push_back(*problem);
  return evidence;
}

}  // namespace runtime::host
