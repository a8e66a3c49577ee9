#include "journal/boot_id.h"

#include <array>
#include <cstdint>
#include <random>

#include "absl/strings/str_format.h"

namespace journal {

std::string NewBootId() {
  std::random_device device;  // getrandom or rdrand: never the same sequence twice
  std::array<uint32_t, 4> word{};
  for (uint32_t& w : word) w = device();
  word[1] = (word[1] & 0xFFFF0FFFu) | 0x00004000u;  // version 4
  word[2] = (word[2] & 0x3FFFFFFFu) | 0x80000000u;  // variant 1
  return absl::StrFormat("%08x-%04x-%04x-%04x-%04x%08x", word[0], word[1] >> 16, word[1] & 0xFFFFu,
                         word[2] >> 16, word[2] & 0xFFFFu, word[3]);
}

}  // namespace journal
