// Who is told what happens to the objects of a SharedInformer (client-go: ResourceEventHandler).

#ifndef PLEGD_PLEG_INFORMER_EVENT_HANDLER_H_
#define PLEGD_PLEG_INFORMER_EVENT_HANDLER_H_

#include <memory>

namespace pleg {

// Its methods run one at a time, on the executor that it was added with, in the order of the
// changes of each object. They may block for long and throw: that delays and costs this handler
// alone.
template <typename T>
class EventHandler {
 public:
  using Object = std::shared_ptr<const T>;

  virtual ~EventHandler() = default;

  // `is_in_initial_list`: it was there when the handler was added, or the informer started.
  virtual void OnAdd(const Object& object, bool is_in_initial_list) = 0;
  // The same object twice, or two of the same version: nothing changed, a resync or another list.
  virtual void OnUpdate(const Object& before, const Object& object) = 0;
  // `last`: its last state, or with `final_state_unknown` the last one that was seen: nobody saw it
  // go.
  virtual void OnDelete(const Object& last, bool final_state_unknown) = 0;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_INFORMER_EVENT_HANDLER_H_
