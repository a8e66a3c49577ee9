#include "pleg/diagnosis/waits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pleg {
namespace {

using ::testing::HasSubstr;

TEST(Waits, WhosePageItIsTellsMoreThanThatItIsAPage) {
  const Wait wait = WaitOf("folio_wait_bit_common",
                           {"folio_wait_bit_common", "filemap_get_pages", "nfs_file_read"});
  EXPECT_THAT(wait.reason, HasSubstr("NFS"));
  EXPECT_FALSE(wait.killable);
  EXPECT_EQ(WaitOf("folio_wait_bit_common", {"folio_wait_bit_common", "ext4_file_read"}).reason,
            "the disk");
}

TEST(Waits, AnAnswerIsWaitedForOfAFuseServer) {
  EXPECT_TRUE(WaitOf("request_wait_answer").fuse);
  EXPECT_THAT(WaitReason("request_wait_answer"), HasSubstr("FUSE"));
  EXPECT_FALSE(WaitOf("io_schedule").fuse);
}

TEST(Waits, SaysWhereAKillHelps) {
  EXPECT_TRUE(WaitOf("rpc_wait_bit_killable").killable);
  EXPECT_TRUE(WaitOf("rwsem_down_read_slowpath", {"rwsem_down_read_slowpath", "down_read_killable"})
                  .killable);
  EXPECT_FALSE(WaitOf("nfs_wait_on_request").killable);
}

TEST(Waits, AnotherProcessIsWaitedFor) {
  EXPECT_THAT(std::string(WaitReason("wait_for_partner")), HasSubstr("FIFO"));
  EXPECT_THAT(std::string(WaitReason("locks_lock_inode_wait")), HasSubstr("file lock"));
  EXPECT_THAT(std::string(WaitOf("schedule_timeout", {"unix_stream_data_wait"}).reason),
              HasSubstr("socket"));
}

TEST(Waits, NothingIsSaidOfWhatIsNotKnown) {
  EXPECT_EQ(WaitReason(""), "");
  EXPECT_EQ(WaitReason("futex_wait_queue"), "");
}

TEST(FunctionNameTest, SaysThatThereIsNone) {
  EXPECT_EQ(FunctionName("nfs_wait"), "nfs_wait");
  EXPECT_EQ(FunctionName(""), "a function that may not be read");
}

}  // namespace
}  // namespace pleg
