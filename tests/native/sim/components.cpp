// The components of simulated nodes.
#include "sim/components.h"

#include <algorithm>

#include "sim/random.h"

namespace bb::sim {

void contribution(std::uint64_t peer, std::uint64_t round, float (&out)[kContributionSize]) {
  const std::uint64_t drawn = mix(peer * 0x10001 + round);
  const std::uint64_t bit = peer >= 1 && peer <= 32 ? std::uint64_t{1} << (peer - 1) : 0;
  out[0] = static_cast<float>(bit & 0xffff);
  out[1] = static_cast<float>(bit >> 16);
  out[2] = static_cast<float>(drawn & 0x3ffff);
  out[3] = static_cast<float>((drawn >> 18) & 0x3ffff);
  out[4] = static_cast<float>((drawn >> 36) & 0x3ffff);
}

Outcome SimModel::forward(OpContext& ctx) {
  ++calls_;
  ctx.output(0, ctx.take(0));
  return Outcome::done;
}

Status SimModel::save(StateWriter& out) const {
  out.number(calls_);
  return {};
}

Status SimModel::load(StateReader& in, Memory&) {
  calls_ = in.number();
  return in.status();
}

Outcome SimAggregator::contribute(OpContext& ctx) {
  const Value& source = ctx.input(2);
  const PeerId& id = source.present() ? source.as_peer() : ctx.inbound() ? ctx.inbound()->source.as_peer() : ctx.self();
  const std::uint64_t peer = id.as_identity_u64().value_or(UINT64_MAX);
  // A hostile peer may send one half of a contribution.
  if (!ctx.input(0).is_f32_tensor() || !ctx.input(1).present()) return ctx.fail(OpErrorKind::bad_input, "half_a_contribution", {});
  const std::uint64_t round = ctx.input(1).as_fed_avg_meta().round;
  const auto data = ctx.input(0).as_tensor().f32();
  float expected[kContributionSize];
  contribution(peer, round, expected);
  if (!std::ranges::equal(data, expected)) return ctx.fail(OpErrorKind::bad_input, "forged_contribution", {});
  if (round < round_) return ctx.fail(OpErrorKind::bad_input, "stale_round", {});
  if (round > round_ + kRoundsAhead) {
    entries_.clear();
    round_ = round;
  }
  const auto same = [&](const Entry& entry) { return entry.round == round && entry.peer == peer; };
  if (std::ranges::none_of(entries_, same)) entries_.push_back({round, peer});
  ctx.output(0, Value::trigger());
  return Outcome::done;
}

Outcome SimAggregator::aggregate(OpContext& ctx) {
  float sums[kContributionSize] = {};
  std::uint64_t count = 0;
  for (const Entry& entry : entries_) {
    if (entry.round != round_) continue;
    float one[kContributionSize];
    contribution(entry.peer, entry.round, one);
    for (std::uint32_t i = 0; i < kContributionSize; ++i) sums[i] += one[i];
    ++count;
  }
  if (count == 0) return ctx.fail(OpErrorKind::cooldown, "no_contributions", {});
  const std::uint64_t shape[] = {kContributionSize};
  auto params = Value::tensor_f32(ctx.memory(), shape, sums);
  auto metadata = Value::fed_avg_meta(ctx.memory(), {count, round_});
  if (!params || !metadata) return ctx.fail(fail(Code::no_memory).error(), "aggregate");
  std::erase_if(entries_, [&](const Entry& entry) { return entry.round == round_; });
  ++round_;
  ctx.output(0, std::move(*params));
  ctx.output(1, std::move(*metadata));
  return Outcome::done;
}

Status SimAggregator::save(StateWriter& out) const {
  out.number(round_);
  out.number(entries_.size());
  for (const Entry& entry : entries_) {
    out.number(entry.round);
    out.number(entry.peer);
  }
  return {};
}

Status SimAggregator::load(StateReader& in, Memory&) {
  round_ = in.number();
  entries_.clear();
  for (std::uint32_t left = in.count(UINT32_MAX, 2); left > 0; --left) {
    const std::uint64_t round = in.number();
    entries_.push_back({round, in.number()});
  }
  return in.status();
}

namespace {

template <class T>
ComponentClass describe(std::string name, Role role, std::map<std::string, std::string> storage) {
  ComponentClass type;
  type.type_name = std::move(name);
  type.role = role;
  type.storage = std::move(storage);
  type.construct = [](const Config&) -> std::expected<std::unique_ptr<Component>, std::string> { return std::make_unique<T>(); };
  return type;
}

}  // namespace

void add_components(Registry& registry) {
  BB_ASSERT(registry.add(describe<SimModel>("SimModel", Role::model, {{"tensor", "tensor.f32"}})));
  BB_ASSERT(registry.add(
      describe<SimAggregator>("SimAggregator", Role::aggregator, {{"element", "tensor.f32"}, {"metadata", "fedavg_meta"}})));
}

}  // namespace bb::sim
