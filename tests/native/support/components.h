// The small components that scenarios bind: a loader with a fixed batch, models that do one visible thing, a counting sink.
#pragma once

#include "bb/roles.h"

namespace bb::test {

/// batch f32 [1,3] = 1,2,3 (or `batch`), labels empty.
class StubLoader : public Stateless<DataSource> {
 public:
  explicit StubLoader(std::vector<float> batch) : batch_(std::move(batch)) {}
  Outcome next_batch(OpContext& ctx) override;

 private:
  std::vector<float> batch_;
};

/// ŷ = x.
class IdentityModel : public Stateless<Model> {
 public:
  Outcome forward(OpContext& ctx) override;
};

/// forward w·x; load w = p; params [w]; keeps the order of its calls.
class ScalarModel : public Model {
 public:
  Outcome forward(OpContext& ctx) override;
  Outcome load_parameters(OpContext& ctx) override;
  Outcome params(OpContext& ctx) override;
  Status save(StateWriter& out) const override;
  Status load(StateReader& in, Memory& memory) override;
  std::vector<std::string> calls;
  float weight = 0;
};

/// Remembers contributions and their sources; its metadata is the unit type.
class CountingAggregator : public Aggregator {
 public:
  Outcome contribute(OpContext& ctx) override;
  Outcome aggregate(OpContext& ctx) override;
  Status save(StateWriter& out) const override;
  Status load(StateReader& in, Memory& memory) override;
  struct Contribution {
    PeerId source;
    std::vector<float> data;
  };
  std::vector<Contribution> contributions;
};

/// Adds StubLoader, IdentityModel, ScalarModel, CountingAggregator.
void add_test_components(Registry& registry);

}  // namespace bb::test
