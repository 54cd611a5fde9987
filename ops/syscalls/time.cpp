// Waiting, ticking and asking for the time.
#include "ops/syscalls/time.h"

#include "ops/syscalls/attributes.h"

namespace bb::ops {

Outcome after(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  const auto command = ctx.park();
  if (!command) return not_parked(ctx, command.error());
  const Status set = ctx.services().runtime.wake_after(*command, static_cast<std::uint64_t>(ctx.parameter(0)));
  if (set) return Outcome::parked;
  if (set.error().code != Code::over_cap) return ctx.fail(set.error(), "timer");
  return ctx.fail(OpErrorKind::execution_failed, "timer_cap", "too many timers are set");
}

Result<std::unique_ptr<OpState>> prepare_after(const onnx::NodeProto& node, PrepareContext& context) {
  const bool sleeps = node.op_type() == "Sleep";
  BB_CHECK(number_attribute(node, sleeps ? ir::attribute::kDuration : ir::attribute::kDelay, 0, context));
  return nullptr;
}

// Its value starts it once; its ticks come without one.
Outcome interval(OpContext& ctx) {
  // Does nothing where the node ticks it already, which it does for one that no value starts.
  const Status ticks = ctx.services().runtime.tick(ctx.op(), static_cast<std::uint64_t>(ctx.parameter(0)));
  if (!ticks && ticks.error().code != Code::over_cap) return ctx.fail(ticks.error(), "timer");
  if (!ticks) return ctx.fail(OpErrorKind::execution_failed, "timer_cap", "too many timers are set");
  ctx.output(0, Value::number(Carrier::timestamp, ctx.now_ns()));
  return Outcome::done;
}

Result<std::unique_ptr<OpState>> prepare_interval(const onnx::NodeProto& node, PrepareContext& context) {
  BB_TRY(period, number_attribute(node, ir::attribute::kPeriod, 1, context));
  if (period < 1) return bad_attribute(context, node, "needs the attribute `period_ns` to be at least 1");
  return nullptr;
}

Outcome clock(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  ctx.output(0, Value::number(Carrier::timestamp, ctx.now_ns()));
  return Outcome::done;
}

Outcome deadline_check(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  if (ctx.now_ns() - ctx.start_ns() < static_cast<std::uint64_t>(ctx.parameter(0))) return triggered(ctx);
  return ctx.fail(OpErrorKind::other, "", "deadline exceeded");
}

Result<std::unique_ptr<OpState>> prepare_deadline_check(const onnx::NodeProto& node, PrepareContext& context) {
  if (!ir::find_attribute(node, ir::attribute::kDeadline))
    return bad_attribute(context, node, "missing required deadline_ns attribute");
  BB_CHECK(number_attribute(node, ir::attribute::kDeadline, 0, context));
  return nullptr;
}

}  // namespace bb::ops
