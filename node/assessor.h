// Makes the node's assessments and publishes them: one at a time, and at most one a second.
//
//   Assessor assessor([&] { return Gather(); }, clock);
//   std::shared_ptr<const Assessment> now = assessor.Read();

#ifndef PLEGD_NODE_ASSESSOR_H_
#define PLEGD_NODE_ASSESSOR_H_

#include <functional>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "node/assessment.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace node {

// Thread-safe. Whoever reads and finds nothing fresh makes the next one, on its own thread; there
// is one maker at a time, and nobody waits for it: others get what was published before.
class Assessor {
 public:
  // For so long what was made is what everybody gets.
  static constexpr absl::Duration kFreshFor = absl::Seconds(1);
  // Thread-safe, does not block; never null.
  using Maker = std::function<std::shared_ptr<const Assessment>()>;

  // Makes a first one at once, which does not count as fresh. `clock` outlives the assessor.
  Assessor(Maker make, const pleg::Clock& clock);

  // At most kFreshFor old, unless another thread is making the next; never null.
  std::shared_ptr<const Assessment> Read();
  // Whatever was made last; never null.
  std::shared_ptr<const Assessment> Last() const;

 private:
  const Maker make_;
  const pleg::Clock& clock_;
  mutable pleg::Mutex mu_;
  std::shared_ptr<const Assessment> last_ ABSL_GUARDED_BY(mu_);
  std::optional<pleg::MonoTime> begun_at_ ABSL_GUARDED_BY(mu_);  // when the last one was begun
  bool making_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace node

#endif  // PLEGD_NODE_ASSESSOR_H_
