// Numbers that are the same on every platform for the same seed: the standard library's
// distributions are not. Not for secrets.
//
//   Random random(42);  random.Below(6);  random.Hex(64);

#ifndef PLEGD_RUNTIME_SIM_RANDOM_H_
#define PLEGD_RUNTIME_SIM_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sim {

// SplitMix64. Thread-compatible.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // In [0, bound); bound > 0. The bias of the modulo does not matter for a simulation.
  uint64_t Below(uint64_t bound) { return Next() % bound; }
  // In [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

  // That many lower-case hexadecimal digits.
  std::string Hex(size_t digits) {
    std::string out;
    while (out.size() < digits) absl::StrAppend(&out, absl::Hex(Next(), absl::kZeroPad16));
    out.resize(digits);
    return out;
  }
  // The form of a pod's UID, RFC 4122 version 4.
  std::string Uuid() {
    const std::string hex = Hex(30);
    return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-4", hex.substr(12, 3), "-a",
                        hex.substr(15, 3), "-", hex.substr(18, 12));
  }

  template <typename T>
  void Shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[Below(i)]);
  }

 private:
  uint64_t state_;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_RANDOM_H_
