// Firsts and counts. Each runs once per execution; what must be remembered beyond that is in stores that are saved with the node.
#include "ops/syscalls/race.h"

#include "ops/syscalls/attributes.h"

namespace bb::ops {
namespace {

struct GroupState final : OpState {
  std::uint32_t latch = 0;  // the record of the executions in which the group has fired
  bool node_scope = false;
};

std::uint32_t first_present(const OpContext& ctx) {
  std::uint32_t port = 0;
  while (port < ctx.input_count() && !ctx.input(port).present()) ++port;
  return port;
}

// Whether the group has fired already. A record keeps its latest executions only, so one that is older than as many others of the
// same group may fire again.
bool has_fired(const OpContext& ctx, const GroupState& state) {
  const Ring<Value>* fired = ctx.services().records.find(state.latch);
  if (!fired || state.node_scope) return fired != nullptr;
  for (std::uint32_t i = fired->size(); i > 0; --i)
    if (fired->at(i - 1).as_u64() == ctx.exec().v) return true;
  return false;
}

}  // namespace

Outcome any(OpContext& ctx) {
  const std::uint32_t port = first_present(ctx);
  if (port == ctx.input_count()) return Outcome::done;
  if (const auto* state = static_cast<const GroupState*>(ctx.state())) {
    if (has_fired(ctx, *state)) return Outcome::done;
    if (const Status latched = ctx.services().records.record(state->latch, Value::number(Carrier::u64, ctx.exec().v)); !latched)
      return refused(ctx, latched.error(), "records_limit", "Any: group");
  }
  ctx.output(0, ctx.take(port));
  return Outcome::done;
}

Result<std::unique_ptr<OpState>> prepare_any(const onnx::NodeProto& node, PrepareContext& context) {
  BB_TRY(group, text_attribute(node, ir::attribute::kGroup, context));
  BB_TRY(scope, text_attribute(node, ir::attribute::kScope, context));
  if (!scope.empty() && scope != "node" && scope != "execution")
    return bad_attribute(context, node, "needs the attribute `scope` to be `execution` or `node`");
  if (group.empty()) return nullptr;
  auto state = std::make_unique<GroupState>();
  state->node_scope = scope == "node";
  std::string name = "bb.any/";
  if (!state->node_scope) name += std::string(ir::metadata_or(node, ir::key::kModuleInstance)) + "/";
  state->latch = context.intern(name + std::string(group));
  return state;
}

Outcome deadline_match(OpContext& ctx) {
  const std::uint32_t port = first_present(ctx);
  if (port == ctx.input_count()) return ctx.fail(OpErrorKind::other, "", "DeadlineMatch requires at least one input");
  ctx.output(0, ctx.take(port));
  ctx.output(1, Value::number(Carrier::u64_value, port));
  return Outcome::done;
}

Result<std::unique_ptr<OpState>> prepare_deadline_match(const onnx::NodeProto& node, PrepareContext& context) {
  for (const std::string& input : node.input())
    if (!input.empty()) return nullptr;
  return bad_attribute(context, node, "requires at least one input");
}

Outcome threshold(OpContext& ctx) {
  if (!ctx.input(0).present()) return ctx.fail(OpErrorKind::other, "", "Threshold requires one input");
  auto& counters = ctx.services().metrics;
  const std::uint32_t name = named(ctx).name;
  if (const Status counted = counters.add(name, 1); !counted) return refused(ctx, counted.error(), "metrics_limit", "Threshold");
  return counters.value(name) % static_cast<std::uint64_t>(ctx.parameter(0)) == 0 ? triggered(ctx) : Outcome::done;
}

Result<std::unique_ptr<OpState>> prepare_threshold(const onnx::NodeProto& node, PrepareContext& context) {
  BB_TRY(count, number_attribute(node, ir::attribute::kThreshold, 1, context));
  if (count < 1) return bad_attribute(context, node, "needs the attribute `n` to be at least 1");
  BB_TRY(name, text_attribute(node, ir::attribute::kName, context));
  auto state = std::make_unique<NamedState>();
  // Without a name the count is the node's own.
  state->name = context.intern(name.empty() ? "bb.threshold/" + node.name() : std::string(name));
  return state;
}

}  // namespace bb::ops
