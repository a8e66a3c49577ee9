#include "runtime/sim/control_line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sim {
namespace {

using Words = std::vector<std::string>;

TEST(ControlLine, Splits) {
  EXPECT_EQ(*SplitCommand(""), Words{});
  EXPECT_EQ(*SplitCommand("  \t\r "), Words{});
  EXPECT_EQ(*SplitCommand("exit web/app 137\r"), (Words{"exit", "web/app", "137"}));
  EXPECT_EQ(*SplitCommand(R"(exit a message="two words" "")"),
            (Words{"exit", "a", "message=two words", ""}));
  EXPECT_EQ(*SplitCommand(R"("a \"b\" \\")"), (Words{"a \"b\" \\"}));
  EXPECT_TRUE(absl::IsInvalidArgument(SplitCommand("exit \"half").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(SplitCommand("exit \"half\\").status()));
}

TEST(ControlLine, JoinIsTheInverse) {
  for (const Words& words : {Words{}, Words{"stats"}, Words{"a b", "", "\"", "\\", "\\\""},
                             Words{"error=INTERNAL:no such thing"}, Words{"caf\xc3\xa9"}}) {
    EXPECT_EQ(*SplitCommand(JoinCommand(words)), words);
  }
  EXPECT_EQ(JoinCommand({"a\nb"}), "\"a b\"") << "a command is one line";
}

}  // namespace
}  // namespace sim
