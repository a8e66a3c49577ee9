// client-go's shared informer: one queue and one indexed store of a source's objects, and any
// number of handlers that are told of every change (tools/cache/shared_informer.go).
//
//   SharedInformer<Pod, PodUid> informer({.key = …, .executor = executor, .clock = clock});
//   auto handle = informer.AddEventHandler(handler, {.name = "ipam", .executor = &its_own});
//   informer.Start();
//   informer.Replace(pods);  informer.Update(pod);  …   // the source
//   informer.store().ByIndex("namespace", "shop");    // anybody, at any time

#ifndef PLEGD_PLEG_INFORMER_SHARED_INFORMER_H_
#define PLEGD_PLEG_INFORMER_SHARED_INFORMER_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pleg/informer/event_handler.h"
#include "pleg/informer/indexed_store.h"
#include "pleg/informer/informer_core.h"
#include "pleg/informer/listener.h"

namespace pleg {

// Thread-safe. What is queued is stored and handed to the handlers on `executor`; each handler runs
// on its own.
template <typename T, typename Key = std::string>
class SharedInformer {
  using Core = InformerCore<T, Key>;

 public:
  using Object = std::shared_ptr<const T>;
  using Store = IndexedStore<T, Key>;
  using Options = InformerOptions<T, Key>;

  // One handler that was added.
  class Handle {
   public:
    // Whether the informer has synced, and the handler was told of all that was there then.
    bool HasSynced() const { return core_->queue().HasSynced() && listener_->DeliveredInitial(); }
    HandlerStats stats() const { return listener_->stats(); }
    // The handler is told no more, but for a call that is under way. Idempotent.
    void Remove() {
      core_->Forget(listener_);
      listener_->Remove();
    }
    // The same, and waits until no call is under way. FAILED_PRECONDITION from within a call of
    // this handler: it would wait for itself.
    absl::Status ShutDown() {
      core_->Forget(listener_);
      return listener_->ShutDown();
    }

   private:
    friend class SharedInformer;
    Handle(std::shared_ptr<Core> core, std::shared_ptr<Listener<T, Key>> listener)
        : core_(std::move(core)), listener_(std::move(listener)) {}

    std::shared_ptr<Core> core_;
    std::shared_ptr<Listener<T, Key>> listener_;
  };

  explicit SharedInformer(Options options) : core_(std::make_shared<Core>(std::move(options))) {}
  ~SharedInformer() { Stop(); }
  SharedInformer(const SharedInformer&) = delete;
  SharedInformer& operator=(const SharedInformer&) = delete;

  // The source: what it lists, and what it sees change. As the methods of DeltaFifo. A list also
  // restarts the time until the next resync check.
  absl::Status Replace(const std::vector<Object>& list) {
    core_->RestartResync();
    return core_->queue().Replace(list);
  }
  absl::Status Add(Object object) { return core_->queue().Add(std::move(object)); }
  absl::Status Update(Object object) { return core_->queue().Update(std::move(object)); }
  absl::Status Delete(Object object) { return core_->queue().Delete(std::move(object)); }

  // What was popped so far.
  const Store& store() const { return core_->store(); }
  // As IndexedStore::AddIndex; at any time.
  absl::Status AddIndex(absl::string_view name, typename Store::IndexFunction function) {
    return core_->store().AddIndex(name, std::move(function));
  }

  // Begins to take what is queued. A second call does nothing.
  void Start() { core_->Start(); }
  // Takes no more, and tells handlers no more but for calls under way. For good; idempotent.
  void Stop() { core_->Stop(); }
  // Whether the first list is in the store, and handed to the handlers.
  bool HasSynced() const { return core_->queue().HasSynced(); }

  // Adds a handler, at any time. It is told of all that is stored, as initial, before anything
  // later. FAILED_PRECONDITION once the informer has stopped. One handler added twice is told
  // twice.
  absl::StatusOr<Handle> AddEventHandler(std::shared_ptr<EventHandler<T>> handler,
                                         HandlerOptions<T> options) {
    absl::StatusOr<std::shared_ptr<Listener<T, Key>>> listener =
        core_->Add(std::move(handler), std::move(options));
    if (!listener.ok()) return listener.status();
    return Handle(core_, *std::move(listener));
  }

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_INFORMER_SHARED_INFORMER_H_
