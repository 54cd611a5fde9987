// Attributes at link time, and refusals at run time.
#include "ops/syscalls/attributes.h"

namespace bb::ops {
namespace {

bool has_type(const onnx::AttributeProto& attribute, onnx::AttributeProto::AttributeType type) {
  return attribute.type() == type || attribute.type() == onnx::AttributeProto::UNDEFINED;
}

}  // namespace

std::unexpected<Error> bad_attribute(PrepareContext& context, const onnx::NodeProto& node, std::string_view text) {
  context.problem = node.op_type() + " " + std::string(text);
  return fail(Code::bad_argument);
}

Result<std::string_view> text_attribute(const onnx::NodeProto& node, std::string_view name, PrepareContext& context) {
  const onnx::AttributeProto* attribute = ir::find_attribute(node, name);
  if (!attribute) return std::string_view();
  if (!has_type(*attribute, onnx::AttributeProto::STRING))
    return bad_attribute(context, node, "needs the attribute `" + std::string(name) + "` to be a text");
  return attribute->s();
}

Result<std::uint64_t> number_attribute(const onnx::NodeProto& node, std::string_view name, std::uint64_t otherwise,
                                       PrepareContext& context) {
  const onnx::AttributeProto* attribute = ir::find_attribute(node, name);
  if (!attribute) return otherwise;
  if (!has_type(*attribute, onnx::AttributeProto::INT) || attribute->i() < 0)
    return bad_attribute(context, node, "needs the attribute `" + std::string(name) + "` to be a number of at least 0");
  return static_cast<std::uint64_t>(attribute->i());
}

Result<std::unique_ptr<NamedState>> named_state(const onnx::NodeProto& node, std::string_view attribute, PrepareContext& context) {
  BB_TRY(name, text_attribute(node, attribute, context));
  auto state = std::make_unique<NamedState>();
  state->name = context.intern(name);
  state->wired = node.input_size() > 0 && !node.input(0).empty();
  return state;
}

Result<Value> optional_value(OpContext& ctx, const NamedState& state) {
  if (state.wired) return ctx.take(0);
  return Value::bytes(ctx.memory(), {});
}

Outcome refused(OpContext& ctx, const Error& error, std::string_view limit, std::string_view what) {
  if (error.code != Code::over_cap) return ctx.fail(error, what);
  return ctx.fail(OpErrorKind::cooldown, limit, std::string(what) + ": the node's limit is reached");
}

Outcome not_parked(OpContext& ctx, const Error& error) {
  if (error.code != Code::over_cap) return ctx.fail(error, "park");
  return ctx.fail(OpErrorKind::cooldown, "pending_async_limit", "pending-async limit exceeded");
}

Outcome triggered(OpContext& ctx) {
  ctx.output(0, Value::trigger());
  return Outcome::done;
}

}  // namespace bb::ops
