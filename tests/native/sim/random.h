// Chance in a simulation: every draw comes from the seed, and is the same on every target.
#pragma once

#include "bb/random.h"

namespace bb::sim {

inline std::uint64_t mix(std::uint64_t x) {
  x = (x + 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 29)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 32);
}

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : stream_(seed) {}
  std::uint64_t next() { return stream_.next_u64(); }
  std::uint64_t below(std::uint64_t bound) { return stream_.below(bound); }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + stream_.below(high - low + 1); }
  /// `parts` in a million.
  bool happens(std::uint64_t parts) { return parts > 0 && stream_.below(1'000'000) < parts; }
  bool flip() { return (stream_.next_u64() >> 63) != 0; }
  /// Between, with every power of two as likely as the next.
  std::uint64_t magnitude(std::uint64_t low, std::uint64_t high) {
    std::uint64_t doublings = 0;
    while ((low << doublings) < high && doublings < 62) ++doublings;
    const std::uint64_t from = low << below(doublings + 1);
    const std::uint64_t drawn = between(from, from * 2);
    return drawn > high ? high : drawn;
  }

 private:
  RandomStream stream_;
};

}  // namespace bb::sim
