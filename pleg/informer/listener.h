// One handler of a SharedInformer: what it has still to be told, folded when it falls behind, and
// telling it. Private to the informer.

#ifndef PLEGD_PLEG_INFORMER_LISTENER_H_
#define PLEGD_PLEG_INFORMER_LISTENER_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "pleg/executor.h"
#include "pleg/informer/event_handler.h"
#include "pleg/log.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace pleg {

// What a handler is added with.
template <typename T>
struct HandlerOptions {
  // For log lines.
  std::string name;
  // Where the handler runs. Outlives the informer. Null: the informer's own, where a handler that
  // blocks delays all others of it, and the informer.
  Executor* executor = nullptr;
  // Only objects that pass; an update that crosses the filter becomes an add or a delete. Pure.
  // Null: all pass.
  std::function<bool(const T&)> filter;
  // How often the handler wants to be told of everything anew; zero: never. See SharedInformer.
  absl::Duration resync_period;
  // Notifications held before those of one object are folded; at least 1.
  size_t capacity = 1024;
};

// What happened to an object, as one handler is told.
template <typename T>
struct Notification {
  enum class Type : uint8_t { kAdd, kUpdate, kDelete };

  Type type = Type::kAdd;
  std::shared_ptr<const T> before;  // what was stored; null for an add
  std::shared_ptr<const T> object;
  bool initial = false;              // of an add
  bool final_state_unknown = false;  // of a delete
};

struct HandlerStats {
  size_t pending = 0;
  uint64_t folded = 0;  // notifications that went into another one
  uint64_t failed = 0;  // calls that threw
};

// Thread-safe. `Notify` is called by the informer; the handler runs on its executor.
template <typename T, typename Key>
class Listener : public std::enable_shared_from_this<Listener<T, Key>> {
 public:
  using Type = typename Notification<T>::Type;

  // A handler that has thrown gets a pause, as in client-go.
  static constexpr absl::Duration kPauseAfterFailure = absl::Seconds(1);
  // client-go's limits for its trace of a slow handler.
  static constexpr absl::Duration kSlow = absl::Milliseconds(100);
  static constexpr size_t kSlowDepth = 10;

  Listener(std::shared_ptr<EventHandler<T>> handler, HandlerOptions<T> options, Executor& executor,
           const Clock& clock, Log& log)
      : handler_(std::move(handler)),
        options_(std::move(options)),
        executor_(executor),
        clock_(clock),
        log_(log) {}

  const HandlerOptions<T>& options() const { return options_; }

  // Never blocks for longer than a queue operation takes.
  void Notify(const Key& key, Notification<T> notification) {
    bool first_fold = false;
    bool wake = false;
    {
      MutexLock lock(mu_);
      if (removed_) return;
      const auto last = last_.find(key);
      if (pending_.size() >= options_.capacity && last != last_.end()) {
        first_fold = stats_.folded++ == 0;
        Fold(last->second, std::move(notification));
      } else {
        if (notification.initial) ++initial_;
        last_[key] = pending_.insert(pending_.end(), {key, std::move(notification)});
      }
      wake = !std::exchange(awake_, true);
    }
    if (wake) executor_.Post([self = this->shared_from_this()] { self->DeliverOne(); });
    if (first_fold) {
      log_.Write(LogLevel::kWarning, "a handler falls behind: its notifications are folded",
                 {{"handler", options_.name, true}, {"pending", absl::StrCat(options_.capacity)}});
    }
  }

  // Whether all that was initial has been delivered. Never again once one of those calls has
  // thrown.
  bool DeliveredInitial() const {
    MutexLock lock(mu_);
    return initial_ == 0 && !initial_failed_;
  }
  HandlerStats stats() const {
    MutexLock lock(mu_);
    HandlerStats stats = stats_;
    stats.pending = pending_.size();
    return stats;
  }

  // Nothing more is delivered, but for a call that is under way.
  void Remove() {
    MutexLock lock(mu_);
    removed_ = true;
    pending_.clear();
    last_.clear();
  }
  // The same, and waits for that call. FAILED_PRECONDITION from within it.
  absl::Status ShutDown() {
    if (Current() == this) {
      return absl::FailedPreconditionError(
          absl::StrCat("handler ", options_.name, " cannot wait for its own end"));
    }
    Remove();
    MutexLock lock(mu_);
    while (calling_) idle_.wait(mu_);
    return absl::OkStatus();
  }

 private:
  struct Entry {
    Key key;
    Notification<T> what;
  };
  using Entries = std::list<Entry>;

  // Whose handler this thread is calling; null for none.
  static const Listener*& Current() {
    static thread_local const Listener* current = nullptr;
    return current;
  }

  // Makes one of two notifications of an object: what remains leads to the same state.
  void Fold(typename Entries::iterator at, Notification<T> newer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Notification<T>& older = at->what;
    if (newer.type == Type::kDelete && older.type == Type::kAdd) {
      if (older.initial) --initial_;
      last_.erase(at->key);
      pending_.erase(at);
      return;
    }
    // `before` stays: it is what the handler has.
    if (newer.type == Type::kDelete) {
      older.type = Type::kDelete;
      older.final_state_unknown = newer.final_state_unknown;
    } else if (older.type == Type::kDelete) {  // it went and came back
      older.type = Type::kUpdate;
    }
    older.object = std::move(newer.object);
  }

  // One task a notification: whatever else runs on the executor has its turn.
  void DeliverOne() {
    Notification<T> what;
    size_t waiting = 0;
    if (!TakeFirst(what, waiting)) return;
    const MonoTime began = clock_.Now();
    const bool failed = !Call(what);
    const MonoTime ended = clock_.Now();
    if (waiting > kSlowDepth && ended - began > kSlow) {
      log_.Write(LogLevel::kWarning, "a handler is slow",
                 {{"handler", options_.name, true},
                  {"took", absl::FormatDuration(ended - began)},
                  {"waiting", absl::StrCat(waiting)}});
    }
    if (!EndCall(what, failed)) return;
    Executor::Task next = [self = this->shared_from_this()] { self->DeliverOne(); };
    if (failed) {
      executor_.PostAt(ended + kPauseAfterFailure, std::move(next));
    } else {
      executor_.Post(std::move(next));
    }
  }

  // False if nothing is pending.
  bool TakeFirst(Notification<T>& what, size_t& waiting) {
    MutexLock lock(mu_);
    if (pending_.empty()) {
      awake_ = false;
      return false;
    }
    Entry& first = pending_.front();
    const auto last = last_.find(first.key);
    if (last != last_.end() && last->second == pending_.begin()) last_.erase(last);
    what = std::move(first.what);
    pending_.pop_front();
    waiting = pending_.size();
    calling_ = true;
    return true;
  }

  // Whether another task is due.
  bool EndCall(const Notification<T>& what, bool failed) {
    MutexLock lock(mu_);
    calling_ = false;
    idle_.notify_all();
    if (what.initial) {
      --initial_;
      initial_failed_ |= failed;
    }
    if (failed) ++stats_.failed;
    awake_ = failed || !pending_.empty();
    return awake_;
  }

  // False if the handler threw.
  bool Call(const Notification<T>& what) {
    Current() = this;
    std::string error;
    try {
      Tell(what);
    } catch (const std::exception& exception) {
      error = exception.what();
      if (error.empty()) error = "an exception";
    } catch (...) {
      error = "an exception";
    }
    Current() = nullptr;
    if (error.empty()) return true;
    log_.Write(LogLevel::kError, "a handler failed: it has lost this notification",
               {{"handler", options_.name, true}, {"error", error}});
    return false;
  }

  void Tell(const Notification<T>& what) {
    const bool passes = Passes(*what.object);
    switch (what.type) {
      case Type::kAdd:
        if (passes) handler_->OnAdd(what.object, what.initial);
        return;
      case Type::kDelete:
        if (passes) handler_->OnDelete(what.object, what.final_state_unknown);
        return;
      case Type::kUpdate:
        break;
    }
    const bool passed = Passes(*what.before);
    if (passed && passes) {
      handler_->OnUpdate(what.before, what.object);
    } else if (passes) {
      handler_->OnAdd(what.object, false);
    } else if (passed) {
      handler_->OnDelete(what.before, false);
    }
  }
  bool Passes(const T& object) const {
    return options_.filter == nullptr || options_.filter(object);
  }

  const std::shared_ptr<EventHandler<T>> handler_;
  const HandlerOptions<T> options_;
  Executor& executor_;
  const Clock& clock_;
  Log& log_;

  mutable Mutex mu_;
  std::condition_variable_any idle_;
  Entries pending_ ABSL_GUARDED_BY(mu_);
  // The last pending one of each object.
  absl::flat_hash_map<Key, typename Entries::iterator> last_ ABSL_GUARDED_BY(mu_);
  HandlerStats stats_ ABSL_GUARDED_BY(mu_);
  size_t initial_ ABSL_GUARDED_BY(mu_) = 0;  // initial adds not delivered yet
  bool initial_failed_ ABSL_GUARDED_BY(mu_) = false;
  bool removed_ ABSL_GUARDED_BY(mu_) = false;
  bool awake_ ABSL_GUARDED_BY(mu_) = false;  // a task is posted, or running
  bool calling_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_INFORMER_LISTENER_H_
