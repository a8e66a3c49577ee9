// As gtest_main, except that a machine that cannot run real pods skips the whole binary, with the
// reason and ctest's exit code for it, rather than passing it.

#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "test/containerd/containerd_fixture.h"

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  testing::InitGoogleTest(&argc, argv);
  const std::string reason = plegd_testing::Containerd::Unavailable();
  if (reason.empty()) return RUN_ALL_TESTS();
  std::cout << "SKIPPED: " << reason << std::endl;
  return kSkipped;
}
