// layer: base
// A seeded stream of random numbers, the same on every target. One seed a node, forked by purpose, so that one consumer's
// draws never shift another's.
#pragma once

#include <cstdint>
#include <string_view>

#include "bb/hash.h"

namespace bb {

/// xoshiro256**, seeded through splitmix64.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15ULL;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
      word = z ^ (z >> 31);
    }
  }
  /// An independent stream named by its purpose; drawing from it does not advance this one.
  RandomStream fork(std::string_view purpose) const {
    return RandomStream(state_[0] ^ fnv1a64(purpose, state_[3] ^ 0xcbf29ce484222325ULL));
  }
  std::uint64_t next_u64() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  /// Uniform in [0, bound), without modulo bias worth speaking of (64-bit multiply-high); 0 for a bound of 0.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next_u64()) * bound) >> 64);
  }
  /// Uniform in [0, 1) with 24 bits.
  float next_f32() { return static_cast<float>(next_u64() >> 40) * 0x1p-24f; }

 private:
  static constexpr std::uint64_t rotate(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  std::uint64_t state_[4];
};

}  // namespace bb
