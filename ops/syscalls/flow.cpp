// Ops that move, join, split and hold still values.
#include "ops/syscalls/flow.h"

#include <vector>

#include "ops/syscalls/attributes.h"
#include "ops/tensor_proto.h"

namespace bb::ops {
namespace {

struct ConstantState final : OpState {
  Value value;
};

}  // namespace

Outcome pass_through(OpContext& ctx) {
  if (!ctx.input(0).present()) [[unlikely]]
    return ctx.fail(OpErrorKind::other, "", "PassThrough requires one input");
  ctx.output(0, ctx.take(0));
  return Outcome::done;
}

Outcome gate(OpContext& ctx) {
  if (!ctx.input(0).present()) [[unlikely]]
    return ctx.fail(OpErrorKind::other, "", "Gate requires value input");
  ctx.output(0, ctx.take(0));
  return Outcome::done;
}

Outcome gate_dispatch(OpContext& ctx) { return triggered(ctx); }

Outcome tee(OpContext& ctx) {
  if (!ctx.input(0).present()) [[unlikely]]
    return ctx.fail(OpErrorKind::other, "", "Tee requires one input");
  const std::int64_t fanout = ctx.parameter(0);
  const std::uint32_t count = fanout == 0 || fanout > ctx.output_count() ? ctx.output_count() : static_cast<std::uint32_t>(fanout);
  for (std::uint32_t i = 0; i < count; ++i) ctx.output(i, ctx.input(0));
  return Outcome::done;
}

Result<std::unique_ptr<OpState>> prepare_tee(const onnx::NodeProto& node, PrepareContext& context) {
  BB_TRY(fanout, number_attribute(node, ir::attribute::kFanout, 1, context));
  if (fanout < 1) return bad_attribute(context, node, "needs the attribute `fanout` to be at least 1");
  return nullptr;
}

Outcome bundle(OpContext& ctx) {
  std::vector<Value> children;
  children.reserve(ctx.input_count());
  for (std::uint32_t i = 0; i < ctx.input_count(); ++i)
    if (ctx.input(i).present()) children.push_back(ctx.take(i));
  if (children.empty()) return ctx.fail(OpErrorKind::missing_slot, "bundle_no_children", "Bundle takes at least one value");
  auto value = Value::composite(ctx.memory(), children);
  if (!value) return ctx.fail(value.error(), "Bundle");
  ctx.output(0, std::move(*value));
  return Outcome::done;
}

Outcome unbundle(OpContext& ctx) {
  const Value& composite = ctx.input(0);
  if (!composite.present()) return ctx.fail(OpErrorKind::missing_slot, "missing_bundle", "Unbundle has no composite");
  if (composite.carrier() != Carrier::composite)
    return ctx.fail(OpErrorKind::type_mismatch, "expected_composite", "Unbundle takes a composite");
  const auto children = composite.as_composite();
  const std::uint64_t expected = ctx.parameter(0) > 0 ? static_cast<std::uint64_t>(ctx.parameter(0)) : ctx.output_count();
  if (children.size() != expected)
    return ctx.fail(OpErrorKind::execution_failed, "unbundle_child_count_mismatch",
                    "the composite has " + std::to_string(children.size()) + " children, not " + std::to_string(expected));
  for (std::uint32_t i = 0; i < children.size(); ++i) ctx.output(i, children[i]);
  return Outcome::done;
}

Result<std::unique_ptr<OpState>> prepare_unbundle(const onnx::NodeProto& node, PrepareContext& context) {
  BB_TRY(children, number_attribute(node, ir::attribute::kChildCount, 1, context));
  if (children >= 1) return nullptr;
  context.problem = "child_count_below_one: Unbundle makes at least one value";
  return fail(Code::bad_argument);
}

Outcome constant(OpContext& ctx) {
  ctx.output(0, static_cast<const ConstantState*>(ctx.state())->value);
  return Outcome::done;
}

Result<std::unique_ptr<OpState>> prepare_constant(const onnx::NodeProto& node, PrepareContext& context) {
  auto state = std::make_unique<ConstantState>();
  const onnx::AttributeProto* tensor = ir::find_attribute(node, ir::attribute::kValue);
  const onnx::AttributeProto* literal = ir::find_attribute(node, ir::attribute::kLiteral);
  const onnx::AttributeProto* type = ir::find_attribute(node, ir::attribute::kLiteralType);
  Result<Value> value = fail(Code::bad_argument);
  if (tensor && tensor->has_t()) {
    value = tensor_from_proto(context.memory, tensor->t());
  } else if (literal && type) {
    value = decode_value(context.memory, static_cast<std::uint64_t>(type->i()), as_bytes(literal->s()));
  } else {
    context.problem = "Constant needs the attribute `value`, or `literal` with `literal_type`";
  }
  if (!value) return std::unexpected(value.error());
  state->value = std::move(*value);
  return state;
}

}  // namespace bb::ops
