// The components of simulated nodes: they calculate in whole numbers, so that every target gets the same bits, and refuse what does
// not carry its sender's mark, so that an aggregate can be told from the peers in it alone.
#pragma once

#include "bb/roles.h"

namespace bb::sim {

/// What peer `peer` contributes to a round: the bit of the peer in two halves, two numbers, and a mark that only the peer makes.
/// All are whole numbers whose sums over 32 peers are exact in f32.
inline constexpr std::uint32_t kContributionSize = 5;
void contribution(std::uint64_t peer, std::uint64_t round, float (&out)[kContributionSize]);

/// ŷ = x, and counts its calls.
class SimModel final : public Model {
 public:
  Outcome forward(OpContext& ctx) override;
  Status save(StateWriter& out) const override;
  Status load(StateReader& in, Memory& memory) override;

 private:
  std::uint64_t calls_ = 0;
};

/// Sums one contribution a peer and round. The params of an aggregate are the sums, its metadata are how many there were and the round.
class SimAggregator final : public Aggregator {
 public:
  Outcome contribute(OpContext& ctx) override;
  Outcome aggregate(OpContext& ctx) override;
  Status save(StateWriter& out) const override;
  Status load(StateReader& in, Memory& memory) override;

 private:
  static constexpr std::uint64_t kRoundsAhead = 4;
  struct Entry {
    std::uint64_t round = 0;
    std::uint64_t peer = 0;
  };
  std::uint64_t round_ = 0;
  std::vector<Entry> entries_;  // in the order they came
};

void add_components(Registry& registry);

}  // namespace bb::sim
