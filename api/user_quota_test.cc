#include "api/user_quota.h"

#include <gtest/gtest.h>

namespace api {
namespace {

constexpr uid_t kRoot = 0;
constexpr UserQuota::Limits kLimits = {.total = 8, .per_user = 3, .for_root = 2};

TEST(UserQuotaTest, AUserHasSoManyAndOthersStillHaveTheirs) {
  UserQuota quota(kLimits);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(quota.Take(1000));
  EXPECT_FALSE(quota.Take(1000));
  EXPECT_TRUE(quota.Take(1001));
  quota.Return(1000);
  EXPECT_TRUE(quota.Take(1000));
  EXPECT_EQ(quota.taken(), 4u);
}

TEST(UserQuotaTest, SomeAreRootsAlone) {
  UserQuota quota(kLimits);
  for (uid_t uid = 1; uid <= 6; ++uid) EXPECT_TRUE(quota.Take(uid));
  EXPECT_FALSE(quota.Take(7));
  EXPECT_TRUE(quota.Take(kRoot));
  EXPECT_TRUE(quota.Take(kRoot));
  EXPECT_FALSE(quota.Take(kRoot)) << "no more than all";
  quota.Return(kRoot);
  EXPECT_FALSE(quota.Take(7));
  EXPECT_TRUE(quota.Take(kRoot));
}

TEST(UserQuotaTest, RootMayHaveAll) {
  UserQuota quota(kLimits);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(quota.Take(kRoot));
  EXPECT_FALSE(quota.Take(1000));
}

TEST(UserQuotaTest, WhoIsNotKnownSharesWhatIsNotRoots) {
  UserQuota quota(kLimits);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(quota.Take({}));
  EXPECT_FALSE(quota.Take({}));
  EXPECT_TRUE(quota.Take(kRoot));
  quota.Return({});
  EXPECT_TRUE(quota.Take(1000));
}

}  // namespace
}  // namespace api
