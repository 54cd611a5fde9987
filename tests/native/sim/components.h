// The components of simulated nodes. An aggregator tells a ledger outside of its node what was given to it, in order: what comes out
// is held against that, and not against what the node says of itself.
#pragma once

#include "bb/roles.h"
#include "sim/ledger.h"

namespace bb::sim {

/// A contribution begins with the mark of its peer; the other numbers are such that the order of a sum shows in its bits.
inline constexpr std::uint32_t kContributionSize = 5;
using Contribution = std::array<float, kContributionSize>;
Contribution draw_contribution(std::uint64_t peer, Chance& chance);

/// ŷ = x, and counts its calls.
class SimModel final : public Model {
 public:
  Outcome forward(OpContext& ctx) override;
  Status save(StateWriter& out) const override;
  Status load(StateReader& in, Memory& memory) override;

 private:
  std::uint64_t calls_ = 0;
};

/// Sums the contributions of a round in the order they came. Of what is given, the metadata's `samples` are the sender's own number of
/// it; the params of an aggregate are the sums, its metadata are how many there were and the round.
class SimAggregator final : public Aggregator {
 public:
  Outcome contribute(OpContext& ctx) override;
  Outcome aggregate(OpContext& ctx) override;
  Status save(StateWriter& out) const override;
  Status load(StateReader& in, Memory& memory) override;
  Ledger* ledger = nullptr;

 private:
  static constexpr std::uint64_t kRoundsAhead = 4;
  static constexpr std::size_t kEntriesMax = 4'096;
  struct Entry {
    std::uint64_t round = 0;
    Contribution data{};
  };
  std::uint64_t round_ = 0;
  std::vector<Entry> entries_;  // in the order they came
};

void add_components(Registry& registry);

}  // namespace bb::sim
