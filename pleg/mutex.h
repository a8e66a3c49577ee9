// std::mutex with Clang's thread-safety annotations. absl::Mutex is not used: Debian's library is
// not instrumented, so ThreadSanitizer sees false races under it.
//
//   MutexLock lock(mu_);

#ifndef PLEGD_PLEG_MUTEX_H_
#define PLEGD_PLEG_MUTEX_H_

#include <mutex>

#include "absl/base/thread_annotations.h"

namespace pleg {

// Thread-safe.
class ABSL_LOCKABLE Mutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mu_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }

  // For std::condition_variable_any, which wants a BasicLockable.
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mu_.lock(); }
  void unlock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }

 private:
  std::mutex mu_;
};

// Holds a Mutex for a scope. Confined to the thread that made it.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) { mu_.Lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mu_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_MUTEX_H_
