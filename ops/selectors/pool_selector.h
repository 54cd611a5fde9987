// What selectors over a list of peers share: counts and modes are checked here, a selector only says who is in the pool.
#pragma once

#include "bb/roles.h"
#include "ops/selectors/sampler.h"

namespace bb::ops {

class PoolSelector : public PeerSelector {
 public:
  explicit PoolSelector(std::uint64_t seed) : sampler_(seed) {}

  Outcome sample(OpContext& ctx) final;
  Outcome current_view(OpContext& ctx) final;
  Outcome select(OpContext& ctx) final;
  Status save(StateWriter& out) const final;
  Status load(StateReader& in, Memory& memory) final;

 protected:
  /// Fills `pool` (empty, its capacity kept) with the candidates in a fixed order.
  virtual void collect(OpContext& ctx, std::vector<PeerId>& pool) const = 0;
  /// Why a random or near-key choice has nobody to choose from.
  virtual std::string_view empty_text() const = 0;

 private:
  enum class Mode : std::uint8_t { random, near_key, all };
  Outcome choose(OpContext& ctx, Mode mode, std::int64_t n, Bytes key);

  Sampler sampler_;
  std::vector<PeerId> pool_;
};

}  // namespace bb::ops
