#include "node/assessor.h"

#include <utility>

namespace node {

Assessor::Assessor(Maker make, const pleg::Clock& clock)
    : make_(std::move(make)), clock_(clock), last_(make_()) {}

std::shared_ptr<const Assessment> Assessor::Read() {
  const pleg::MonoTime now = clock_.Now();
  {
    pleg::MutexLock lock(mu_);
    const bool fresh = begun_at_.has_value() && now - *begun_at_ < kFreshFor;
    if (fresh || making_) return last_;
    making_ = true;
    begun_at_ = now;
  }
  std::shared_ptr<const Assessment> made = make_();
  pleg::MutexLock lock(mu_);
  making_ = false;
  last_ = made;
  return made;
}

std::shared_ptr<const Assessment> Assessor::Last() const {
  pleg::MutexLock lock(mu_);
  return last_;
}

}  // namespace node
