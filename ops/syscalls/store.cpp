// Queues, held values and records, by interned name.
#include "ops/syscalls/store.h"

#include "ops/syscalls/attributes.h"

namespace bb::ops {

Outcome serialize_enqueue(OpContext& ctx) {
  const NamedState& state = named(ctx);
  auto value = optional_value(ctx, state);
  if (!value) return ctx.fail(value.error(), "Serialize.Enqueue");
  if (!value->present()) return Outcome::done;
  const auto enqueued = ctx.services().queues.enqueue(state.name, *value);
  if (!enqueued) return refused(ctx, enqueued.error(), "queues_limit", "Serialize.Enqueue");
  if (enqueued->waiter.valid()) ctx.services().runtime.complete_later(enqueued->waiter, std::move(*value));
  return triggered(ctx);
}

Outcome serialize_dequeue(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  auto& queues = ctx.services().queues;
  const std::uint32_t name = named(ctx).name;
  Value value = queues.dequeue(name);
  if (value.present()) {
    ctx.output(0, std::move(value));
    return Outcome::done;
  }
  if (ctx.parameter(0) == 0) return Outcome::done;
  const auto command = ctx.park();
  if (!command) return not_parked(ctx, command.error());
  if (const Status waits = queues.wait(name, *command); !waits)
    return refused(ctx, waits.error(), "queues_limit", "Serialize.Dequeue");
  return Outcome::parked;
}

Outcome hold_stash(OpContext& ctx) {
  const NamedState& state = named(ctx);
  auto value = optional_value(ctx, state);
  if (!value) return ctx.fail(value.error(), "Hold.Stash");
  if (!value->present()) return Outcome::done;
  if (const Status held = ctx.services().held.stash(state.name, std::move(*value)); !held)
    return refused(ctx, held.error(), "held_limit", "Hold.Stash");
  return Outcome::done;
}

Outcome hold_flush(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  ctx.output(0, ctx.services().held.flush(named(ctx).name));
  return Outcome::done;
}

Outcome record(OpContext& ctx) {
  const NamedState& state = named(ctx);
  auto value = optional_value(ctx, state);
  if (!value) return ctx.fail(value.error(), "Record");
  if (!value->present()) return Outcome::done;
  if (const Status recorded = ctx.services().records.record(state.name, std::move(*value)); !recorded)
    return refused(ctx, recorded.error(), "records_limit", "Record");
  return Outcome::done;
}

Result<std::unique_ptr<OpState>> prepare_queue(const onnx::NodeProto& node, PrepareContext& context) {
  return named_state(node, ir::attribute::kQueue, context);
}
Result<std::unique_ptr<OpState>> prepare_hold(const onnx::NodeProto& node, PrepareContext& context) {
  return named_state(node, ir::attribute::kHoldSlot, context);
}
Result<std::unique_ptr<OpState>> prepare_record(const onnx::NodeProto& node, PrepareContext& context) {
  return named_state(node, ir::attribute::kName, context);
}

}  // namespace bb::ops
