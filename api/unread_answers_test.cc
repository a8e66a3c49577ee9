#include "api/unread_answers.h"

#include <gtest/gtest.h>

namespace api {
namespace {

class UnreadAnswersTest : public ::testing::Test {
 protected:
  size_t all_ = 0;
  UnreadAnswers tcp_{100, all_};
  UnreadAnswers local_{100, all_};
};

TEST_F(UnreadAnswersTest, EachListenerHasItsPart) {
  tcp_.Add(60);
  EXPECT_FALSE(tcp_.MayWait(60));
  EXPECT_TRUE(tcp_.MayWait(40));
  EXPECT_TRUE(local_.MayWait(100));
  tcp_.Remove(60);
  EXPECT_TRUE(tcp_.MayWait(60));
}

TEST_F(UnreadAnswersTest, OneThatIsLargerThanAPartWaitsAtATime) {
  EXPECT_TRUE(tcp_.MayWait(900));
  tcp_.Add(900);
  EXPECT_TRUE(tcp_.Full());
  EXPECT_FALSE(tcp_.MayWait(1));
  EXPECT_FALSE(local_.Full());
  EXPECT_FALSE(local_.MayWait(900));
  EXPECT_TRUE(local_.MayWait(100));
  tcp_.Remove(900);
  EXPECT_TRUE(local_.MayWait(900));
}

}  // namespace
}  // namespace api
