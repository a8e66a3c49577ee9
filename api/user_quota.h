// How much each user may have of what is bounded, so that no user but root can take it from the
// others.
//
//   if (!quota.Take(user)) return …503…;   …   quota.Return(user);

#ifndef PLEGD_API_USER_QUOTA_H_
#define PLEGD_API_USER_QUOTA_H_

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <optional>

namespace api {

// Thread-compatible.
class UserQuota {
 public:
  struct Limits {
    size_t total = 0;     // at once
    size_t per_user = 0;  // of each user but root
    size_t for_root = 0;  // of the total, root's alone
  };
  // As the kernel says who connected (SO_PEERCRED); empty where it cannot, over TCP: they share
  // what is not root's.
  using User = std::optional<uid_t>;

  explicit UserQuota(const Limits& limits) : limits_(limits) {}

  // Whether `user` gets one more.
  bool Take(const User& user);
  // One that was taken.
  void Return(const User& user);
  // Taken and not returned.
  size_t taken() const { return roots_ + others_; }

 private:
  static bool IsRoot(const User& user) { return user.has_value() && *user == 0; }

  const Limits limits_;
  size_t roots_ = 0;
  size_t others_ = 0;
  std::map<uid_t, size_t> by_user_;  // who is known, but for root
};

}  // namespace api

#endif  // PLEGD_API_USER_QUOTA_H_
