// Assertions on absl::Status and absl::StatusOr.
//
//   ASSERT_OK(node.StartContainer(id));
//   ASSERT_OK_AND_ASSIGN(const std::string pod, node.RunPod(spec));

#ifndef PLEGD_TEST_PROCESS_STATUS_TESTING_H_
#define PLEGD_TEST_PROCESS_STATUS_TESTING_H_

#include <gtest/gtest.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace plegd_testing {

inline testing::AssertionResult IsOk(const absl::Status& status) {
  if (status.ok()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << status;
}
template <typename T>
testing::AssertionResult IsOk(const absl::StatusOr<T>& value) {
  return IsOk(value.status());
}

}  // namespace plegd_testing

#define ASSERT_OK(expression) ASSERT_TRUE(plegd_testing::IsOk(expression))
#define EXPECT_OK(expression) EXPECT_TRUE(plegd_testing::IsOk(expression))

#define PLEGD_CONCAT_INNER(a, b) a##b
#define PLEGD_CONCAT(a, b) PLEGD_CONCAT_INNER(a, b)
// NOLINTBEGIN(bugprone-macro-parentheses): names and declarations cannot stand in parentheses.
#define PLEGD_ASSERT_OK_AND_ASSIGN(temporary, target, expression) \
  auto temporary = (expression);                                  \
  ASSERT_TRUE(plegd_testing::IsOk(temporary));                    \
  target = *std::move(temporary)
// NOLINTEND(bugprone-macro-parentheses)
#define ASSERT_OK_AND_ASSIGN(target, expression) \
  PLEGD_ASSERT_OK_AND_ASSIGN(PLEGD_CONCAT(status_or_, __LINE__), target, expression)

#endif  // PLEGD_TEST_PROCESS_STATUS_TESTING_H_
