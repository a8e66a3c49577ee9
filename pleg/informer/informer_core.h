// What a SharedInformer is made of: it pops, stores and tells its handlers. Private to the
// informer.

#ifndef PLEGD_PLEG_INFORMER_INFORMER_CORE_H_
#define PLEGD_PLEG_INFORMER_INFORMER_CORE_H_

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "pleg/executor.h"
#include "pleg/informer/delta_fifo.h"
#include "pleg/informer/event_handler.h"
#include "pleg/informer/indexed_store.h"
#include "pleg/informer/listener.h"
#include "pleg/log.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace pleg {

template <typename T, typename Key>
struct InformerOptions {
  absl::AnyInvocable<absl::StatusOr<Key>(const T&) const> key;  // as DeltaFifo::Options::key
  absl::AnyInvocable<absl::StatusOr<std::shared_ptr<const T>>(std::shared_ptr<const T>) const>
      transform;  // the same
  // Whether nothing changed between two objects of one key, so that only handlers that are due for
  // a resync are told. Pure. Null: they are the same object.
  std::function<bool(const T&, const T&)> same_version;
  // How often it is checked whether a handler is due for a resync; zero: never, and no handler
  // resyncs. A handler that is added before the start may shorten it, a later one not.
  absl::Duration resync_check_period;
  Executor& executor;  // these outlive the informer, and every task posted
  const Clock& clock;
  Log& log = NullLog();
};

// Thread-safe. Kept alive by handles and posted tasks.
template <typename T, typename Key>
class InformerCore : public std::enable_shared_from_this<InformerCore<T, Key>> {
 public:
  using Object = std::shared_ptr<const T>;
  using Fifo = DeltaFifo<T, Key>;
  using ListenerPtr = std::shared_ptr<Listener<T, Key>>;

  // The least resync period, as in client-go; a shorter one is this.
  static constexpr absl::Duration kMinResyncPeriod = absl::Seconds(1);

  explicit InformerCore(InformerOptions<T, Key> options)
      : options_(std::move(options)),
        check_period_(options_.resync_check_period),
        queue_(FifoOptions()) {}

  Fifo& queue() { return queue_; }
  IndexedStore<T, Key>& store() { return store_; }

  void Start() {
    {
      MutexLock lock(mu_);
      if (std::exchange(started_, true) || stopped_) return;
      ArmResync();
    }
    Wake();
  }
  void Stop();

  // FAILED_PRECONDITION once stopped.
  absl::StatusOr<ListenerPtr> Add(std::shared_ptr<EventHandler<T>> handler,
                                  HandlerOptions<T> options);
  // It is told nothing from now on; what it has pending is its own affair.
  void Forget(const ListenerPtr& listener) {
    MutexLock lock(mu_);
    std::erase_if(members_, [&](const Member& member) { return member.listener == listener; });
  }
  // The next check is a whole period away.
  void RestartResync() {
    MutexLock lock(mu_);
    if (!started_ || stopped_) return;
    options_.executor.Cancel(timer_);
    ArmResync();
  }

 private:
  // A handler, and when it is due for a resync.
  struct Member {
    ListenerPtr listener;
    absl::Duration requested;  // what it asked for, as far as that is allowed
    absl::Duration period;     // zero for never
    MonoTime next;
    // It is told even of what did not change. Until the first check everybody is.
    bool syncing = true;
  };

  typename Fifo::Options FifoOptions() {
    typename Fifo::Options options;
    options.key = std::move(options_.key);
    options.transform = std::move(options_.transform);
    options.known_objects = &store_;
    options.on_ready = [this] { Wake(); };
    return options;
  }

  // Posts that a key is to be taken, unless that is posted or nobody wants it.
  void Wake();
  void TakeOne();
  void Apply(const Key& key, const Delta<T>& delta, bool initial)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  absl::Duration PeriodOf(absl::Duration requested) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const bool never = requested == absl::ZeroDuration() || check_period_ == absl::ZeroDuration();
    return never ? absl::ZeroDuration() : std::max(requested, check_period_);
  }
  // What a handler may ask for; before the start it may shorten the check period.
  absl::Duration Clamp(absl::Duration asked) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ArmResync() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CheckResync();

  InformerOptions<T, Key> options_;
  IndexedStore<T, Key> store_;
  Mutex mu_;  // also keeps what is stored in step with what handlers are told
  std::vector<Member> members_ ABSL_GUARDED_BY(mu_);
  absl::Duration check_period_ ABSL_GUARDED_BY(mu_);
  Executor::TimerId timer_ ABSL_GUARDED_BY(mu_) = 0;
  bool started_ ABSL_GUARDED_BY(mu_) = false;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  bool awake_ ABSL_GUARDED_BY(mu_) = false;  // TakeOne is posted
  Fifo queue_;                               // last: it uses the store, and wakes
};

template <typename T, typename Key>
void InformerCore<T, Key>::Stop() {
  queue_.Close();
  std::vector<Member> leaving;
  {
    MutexLock lock(mu_);
    stopped_ = true;
    leaving.swap(members_);
    options_.executor.Cancel(std::exchange(timer_, 0));
  }
  for (const Member& member : leaving) member.listener->Remove();
}

template <typename T, typename Key>
void InformerCore<T, Key>::Wake() {
  {
    MutexLock lock(mu_);
    if (!started_ || stopped_ || std::exchange(awake_, true)) return;
  }
  options_.executor.Post([core = this->shared_from_this()] { core->TakeOne(); });
}

template <typename T, typename Key>
void InformerCore<T, Key>::TakeOne() {
  {
    MutexLock lock(mu_);
    awake_ = false;
    if (stopped_) return;
  }
  queue_.TryPop([this](const Key& key, const Deltas<T>& deltas, bool initial) -> ProcessResult {
    MutexLock lock(mu_);
    for (const Delta<T>& delta : deltas) Apply(key, delta, initial);
    return absl::OkStatus();
  });
  if (queue_.size() > 0) Wake();
}

template <typename T, typename Key>
void InformerCore<T, Key>::Apply(const Key& key, const Delta<T>& delta, bool initial) {
  using Type = typename Notification<T>::Type;
  Notification<T> what;
  bool unchanged = false;
  if (delta.type == DeltaType::kDeleted) {
    const Object stored = store_.Erase(key);
    if (stored == nullptr) return;  // nobody was told of it, or of its end already
    what = {Type::kDelete, stored, delta.object == nullptr ? stored : delta.object, false,
            delta.final_state_unknown};
  } else {
    const Object before = store_.Put(key, delta.object);
    const bool is_new = before == nullptr;
    what = {is_new ? Type::kAdd : Type::kUpdate, before, delta.object, is_new && initial, false};
    unchanged =
        !is_new && (before == delta.object || (options_.same_version != nullptr &&
                                               options_.same_version(*before, *delta.object)));
  }
  for (const Member& member : members_) {
    if (!unchanged || member.syncing) member.listener->Notify(key, what);
  }
}

template <typename T, typename Key>
absl::Duration InformerCore<T, Key>::Clamp(absl::Duration asked) {
  if (asked <= absl::ZeroDuration()) return absl::ZeroDuration();
  asked = std::max(asked, kMinResyncPeriod);
  if (asked >= check_period_) return asked;
  if (started_) return check_period_;
  check_period_ = asked;
  for (Member& member : members_) member.period = PeriodOf(member.requested);
  return asked;
}

template <typename T, typename Key>
auto InformerCore<T, Key>::Add(std::shared_ptr<EventHandler<T>> handler, HandlerOptions<T> options)
    -> absl::StatusOr<ListenerPtr> {
  MutexLock lock(mu_);
  if (stopped_) {
    return absl::FailedPreconditionError(
        absl::StrCat("handler ", options.name,
                     " was not added to shared informer because it has stopped already"));
  }
  Member member;
  member.requested = Clamp(options.resync_period);
  member.period = PeriodOf(member.requested);
  member.next = options_.clock.Now() + member.period;
  Executor& executor = options.executor == nullptr ? options_.executor : *options.executor;
  member.listener = std::make_shared<Listener<T, Key>>(std::move(handler), std::move(options),
                                                       executor, options_.clock, options_.log);
  for (const auto& [key, object] : *store_.Snapshot()) {
    member.listener->Notify(key, {Notification<T>::Type::kAdd, nullptr, object, true, false});
  }
  members_.push_back(member);
  return member.listener;
}

template <typename T, typename Key>
void InformerCore<T, Key>::ArmResync() {
  if (check_period_ == absl::ZeroDuration()) return;
  timer_ = options_.executor.PostAt(options_.clock.Now() + check_period_,
                                    [core = this->weak_from_this()] {
                                      if (const auto alive = core.lock()) alive->CheckResync();
                                    });
}

template <typename T, typename Key>
void InformerCore<T, Key>::CheckResync() {
  bool due = false;
  {
    MutexLock lock(mu_);
    if (stopped_) return;
    const MonoTime now = options_.clock.Now();
    for (Member& member : members_) {
      member.syncing = member.period > absl::ZeroDuration() && now >= member.next;
      if (member.syncing) member.next = now + member.period;
      due |= member.syncing;
    }
    ArmResync();
  }
  if (due) queue_.Resync();
}

}  // namespace pleg

#endif  // PLEGD_PLEG_INFORMER_INFORMER_CORE_H_
