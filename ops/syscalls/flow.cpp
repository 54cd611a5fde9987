// Ops that move, join, split and hold still values.
#include "ops/syscalls/flow.h"

#include <vector>

#include "ir/metadata.h"
#include "op/prepare.h"
#include "ops/tensor_proto.h"

namespace bb::ops {
namespace {

struct ConstantState final : OpState {
  Value value;
};

}  // namespace

Outcome pass_through(OpContext& ctx) {
  ctx.output(0, ctx.take(0));
  return Outcome::done;
}

Outcome gate_dispatch(OpContext& ctx) {
  ctx.output(0, Value::trigger());
  return Outcome::done;
}

Outcome any(OpContext& ctx) {
  for (std::uint32_t i = 0; i < ctx.input_count(); ++i) {
    if (!ctx.input(i).present()) continue;
    ctx.output(0, ctx.take(i));
    return Outcome::done;
  }
  return Outcome::done;
}

Outcome tee(OpContext& ctx) {
  for (std::uint32_t i = 0; i < ctx.output_count(); ++i) ctx.output(i, ctx.input(0));
  return Outcome::done;
}

Outcome bundle(OpContext& ctx) {
  if (ctx.input_count() == 0) return ctx.fail(OpErrorKind::missing_slot, "bundle_no_children", "Bundle takes at least one value");
  std::vector<Value> children;
  children.reserve(ctx.input_count());
  for (std::uint32_t i = 0; i < ctx.input_count(); ++i) children.push_back(ctx.take(i));
  auto value = Value::composite(ctx.memory(), children);
  if (!value) return ctx.fail(value.error(), "Bundle");
  ctx.output(0, std::move(*value));
  return Outcome::done;
}

Outcome unbundle(OpContext& ctx) {
  const Value& composite = ctx.input(0);
  if (composite.carrier() != Carrier::composite)
    return ctx.fail(OpErrorKind::type_mismatch, "expected_composite", "Unbundle takes a composite");
  const auto children = composite.as_composite();
  if (children.size() != ctx.output_count())
    return ctx.fail(OpErrorKind::execution_failed, "unbundle_child_count_mismatch",
                    "the composite has " + std::to_string(children.size()) + " children, the op " +
                        std::to_string(ctx.output_count()) + " outputs");
  for (std::uint32_t i = 0; i < ctx.output_count(); ++i) ctx.output(i, children[i]);
  return Outcome::done;
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
