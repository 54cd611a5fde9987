// Sample, CurrentView and Select over a pool.
#include "ops/selectors/pool_selector.h"

#include "ops/inputs.h"

namespace bb::ops {
namespace {

constexpr InputPort kKey{0, "key", "missing_key"};

}  // namespace

Outcome PoolSelector::sample(OpContext& ctx) { return choose(ctx, Mode::random, ctx.parameter(0), {}); }

Outcome PoolSelector::current_view(OpContext& ctx) { return choose(ctx, Mode::all, 0, {}); }

Outcome PoolSelector::select(OpContext& ctx) {
  const std::int64_t mode = ctx.parameter(0);
  if (mode < 0 || mode > static_cast<std::int64_t>(Mode::all))
    return ctx.fail(OpErrorKind::bad_input, "unknown_mode", "Select: mode is " + std::to_string(mode) + ", not 0 to 2");
  Bytes key;
  if (static_cast<Mode>(mode) == Mode::near_key) {
    const Value& value = ctx.input(kKey.position);
    if (!value.present()) return ctx.fail(OpErrorKind::missing_slot, kKey.missing_reason, "Select: near_key needs a key");
    if (value.carrier() != Carrier::bytes) return type_mismatch(ctx, kKey, "bytes");
    key = value.as_bytes();
  }
  return choose(ctx, static_cast<Mode>(mode), ctx.parameter(1), key);
}

Status PoolSelector::save(StateWriter& out) const {
  out.number(sampler_.calls());
  return {};
}

Status PoolSelector::load(StateReader& in, Memory&) {
  sampler_.set_calls(in.number());
  return in.status();
}

Outcome PoolSelector::choose(OpContext& ctx, Mode mode, std::int64_t n, Bytes key) {
  if (n < 0) return ctx.fail(OpErrorKind::bad_input, "negative_count", "n is " + std::to_string(n));
  pool_.clear();
  collect(ctx, pool_);
  std::span<PeerId> chosen = pool_;
  if (mode != Mode::all) {
    if (pool_.empty()) return ctx.fail(OpErrorKind::execution_failed, "no_peers", std::string(empty_text()));
    const auto count = static_cast<std::uint64_t>(n);
    chosen = mode == Mode::random ? sampler_.sample(pool_, count) : nearest(pool_, key, count);
  }
  auto peers = Value::peers(ctx.memory(), chosen);
  if (!peers) return ctx.fail(peers.error(), "peers");
  ctx.output(0, std::move(*peers));
  return Outcome::done;
}

}  // namespace bb::ops
