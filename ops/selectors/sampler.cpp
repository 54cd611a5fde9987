// A partial shuffle driven by xorshift64.
#include "ops/selectors/sampler.h"

#include <algorithm>
#include <utility>

#include "base/heap_sort.h"
#include "bb/hash.h"

namespace bb::ops {

std::span<PeerId> Sampler::sample(std::span<PeerId> pool, std::uint64_t n) {
  const std::uint64_t take = std::min<std::uint64_t>(n, pool.size());
  ++counter_;
  std::uint64_t state = seed_ * 0x9E3779B97F4A7C15ULL + counter_;
  for (std::uint64_t i = 0; i < take; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    const std::uint64_t j = i + state % (pool.size() - i);
    std::swap(pool[static_cast<std::size_t>(i)], pool[static_cast<std::size_t>(j)]);
  }
  return pool.first(static_cast<std::size_t>(take));
}

std::span<PeerId> nearest(std::span<PeerId> pool, Bytes key, std::uint64_t n) {
  using Distance = std::array<std::uint8_t, 32>;
  const Distance target = sha256(key);
  std::vector<std::pair<Distance, PeerId>> ranked;
  ranked.reserve(pool.size());
  for (const PeerId& peer : pool) {
    std::uint8_t bytes[PeerId::kBytesMax];
    Distance distance = sha256({bytes, peer.write(bytes)});
    for (std::size_t i = 0; i < distance.size(); ++i) distance[i] ^= target[i];
    ranked.emplace_back(distance, peer);
  }
  heap_sort(ranked.begin(), ranked.end());
  for (std::size_t i = 0; i < pool.size(); ++i) pool[i] = ranked[i].second;
  return pool.first(static_cast<std::size_t>(std::min<std::uint64_t>(n, pool.size())));
}

}  // namespace bb::ops
