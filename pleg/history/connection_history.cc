#include "pleg/history/connection_history.h"

#include <utility>

namespace pleg {

void ConnectionHistory::OnConnection(bool connected, absl::string_view reason) {
  const MonoTime now = clock_.Now();
  MutexLock lock(mu_);
  if (connected != connected_) since_ = now;
  if (connected && !connected_ && std::exchange(was_connected_, true)) {
    reconnects_.push_back(now);
    if (reconnects_.size() > kMaxKept) reconnects_.pop_front();
  }
  connected_ = connected;
  if (connected || !reason.empty()) reason_ = std::string(reason);
}

ConnectionHistory::View ConnectionHistory::Now() const {
  const MonoTime now = clock_.Now();
  MutexLock lock(mu_);
  View view;
  view.connected = connected_;
  view.reason = reason_;
  view.lasts = now - since_;
  for (auto at = reconnects_.rbegin(); at != reconnects_.rend() && now - *at <= kKept; ++at) {
    view.reconnects.push_back(now - *at);
  }
  return view;
}

}  // namespace pleg
