// Random numbers, tokens and counters.
#include "ops/syscalls/numbers.h"

#include "ops/syscalls/attributes.h"

namespace bb::ops {

Outcome rng_u64(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  ctx.output(0, Value::number(Carrier::u64_value, ctx.random().next_u64()));
  return Outcome::done;
}

Outcome correlate_tag(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  ctx.output(0, Value::number(Carrier::correlation_token, ctx.services().requests.mint()));
  return Outcome::done;
}

Outcome incr_metric(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  const Status added = ctx.services().metrics.add(named(ctx).name, static_cast<std::uint64_t>(ctx.parameter(0)));
  return added ? Outcome::done : refused(ctx, added.error(), "metrics_limit", "IncrMetric");
}

Result<std::unique_ptr<OpState>> prepare_metric(const onnx::NodeProto& node, PrepareContext& context) {
  return named_state(node, ir::attribute::kName, context);
}

}  // namespace bb::ops
