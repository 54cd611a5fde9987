// Sampling without replacement, to the number: the same peers for the same seed and count of calls on every target (spec C §6.1).
#pragma once

#include <span>
#include <vector>

#include "bb/peer_id.h"

namespace bb::ops {

class Sampler {
 public:
  explicit Sampler(std::uint64_t seed) : seed_(seed) {}
  /// Moves min(n, pool size) chosen peers to the pool's front and returns them. Every call draws anew.
  std::span<PeerId> sample(std::span<PeerId> pool, std::uint64_t n);
  /// Calls so far: with the seed all there is to save.
  std::uint64_t calls() const { return counter_; }
  void set_calls(std::uint64_t calls) { counter_ = calls; }

 private:
  std::uint64_t seed_;
  std::uint64_t counter_ = 0;
};

/// Moves the n peers nearest to a key to the pool's front, nearest first, and returns them. Distance is the XOR of
/// SHA-256(peer's multihash) and SHA-256(key).
std::span<PeerId> nearest(std::span<PeerId> pool, Bytes key, std::uint64_t n);

}  // namespace bb::ops
