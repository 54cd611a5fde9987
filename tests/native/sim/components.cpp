// The components of simulated nodes.
#include "sim/components.h"

#include <algorithm>
#include <bit>

namespace bb::sim {

Contribution draw_contribution(std::uint64_t peer, Chance& chance) {
  Contribution data{static_cast<float>(peer)};
  for (std::size_t i = 1; i < data.size(); ++i)
    data[i] =
        static_cast<float>(static_cast<std::int64_t>(chance.below(1 << 24)) - (1 << 23)) / 3.0F * (i == 1 ? 0x1p-9F : 0x1p-4F);
  return data;
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
  const FedAvgMeta meta = ctx.input(1).as_fed_avg_meta();
  const auto data = ctx.input(0).as_tensor().f32();
  if (data.size() != kContributionSize || data[0] != static_cast<float>(peer))
    return ctx.fail(OpErrorKind::bad_input, "forged_contribution", {});
  // Sums of such numbers are numbers, whose bits are the same on every target.
  if (!std::ranges::all_of(data, [](float x) { return x >= -0x1p40F && x <= 0x1p40F; }))
    return ctx.fail(OpErrorKind::bad_input, "contribution_out_of_range", {});
  if (meta.round < round_) return ctx.fail(OpErrorKind::bad_input, "stale_round", {});
  if (entries_.size() >= kEntriesMax) return ctx.fail(OpErrorKind::cooldown, "too_many_contributions", {});
  if (meta.round > round_ + kRoundsAhead) {
    entries_.clear();
    round_ = meta.round;
    if (ledger) ledger->dropped();
  }
  Entry entry{.round = meta.round};
  std::ranges::copy(data, entry.data.begin());
  entries_.push_back(entry);
  if (ledger) ledger->counted({.peer = peer, .token = meta.samples, .round = meta.round, .data = entry.data});
  ctx.output(0, Value::trigger());
  return Outcome::done;
}

Outcome SimAggregator::aggregate(OpContext& ctx) {
  Contribution sums{};
  std::uint64_t count = 0;
  for (const Entry& entry : entries_) {
    if (entry.round != round_) continue;
    for (std::uint32_t i = 0; i < kContributionSize; ++i) sums[i] += entry.data[i];
    ++count;
  }
  if (count == 0) return ctx.fail(OpErrorKind::cooldown, "no_contributions", {});
  const std::uint64_t shape[] = {kContributionSize};
  auto params = Value::tensor_f32(ctx.memory(), shape, sums);
  auto metadata = Value::fed_avg_meta(ctx.memory(), {count, round_});
  if (!params || !metadata) return ctx.fail(fail(Code::no_memory).error(), "aggregate");
  std::erase_if(entries_, [&](const Entry& entry) { return entry.round == round_; });
  if (ledger) ledger->merged(round_);
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
    for (const float number : entry.data) out.fixed_u32(std::bit_cast<std::uint32_t>(number));
  }
  return {};
}

Status SimAggregator::load(StateReader& in, Memory&) {
  round_ = in.number();
  entries_.clear();
  for (std::uint32_t left = in.count(UINT32_MAX, 1 + 4 * kContributionSize); left > 0; --left) {
    Entry entry{.round = in.number()};
    for (float& number : entry.data) number = std::bit_cast<float>(in.fixed_u32());
    entries_.push_back(entry);
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
