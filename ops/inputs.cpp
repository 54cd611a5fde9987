// Reading inputs and writing outputs of components.
#include "ops/inputs.h"

namespace bb::ops {
namespace {

constexpr std::string_view kTensorNames[kDTypeCount] = {
    "tensor.f32", "tensor.f64", "tensor.f16", "tensor.bf16", "tensor.u8",  "tensor.u16",  "tensor.u32",
    "tensor.u64", "tensor.i8",  "tensor.i16", "tensor.i32",  "tensor.i64", "tensor.bool",
};

}  // namespace

std::string held_type(const Value& value) {
  if (value.carrier() == Carrier::tensor) return std::string(kTensorNames[static_cast<std::size_t>(value.as_tensor().dtype)]);
  if (value.carrier() == Carrier::foreign) return "a type of the host";
  return std::string(carrier_name(value.carrier()));
}

Outcome type_mismatch(OpContext& ctx, const InputPort& port, std::string_view expected) {
  return ctx.fail(OpErrorKind::type_mismatch, "input_type_mismatch",
                  "input " + std::to_string(port.position) + " (" + std::string(port.name) + ") expected " + std::string(expected) +
                      ", got " + held_type(ctx.input(port.position)));
}

std::optional<TensorView> f32_input(OpContext& ctx, const InputPort& port) {
  const Value& value = ctx.input(port.position);
  if (!value.present()) {
    ctx.fail(OpErrorKind::missing_slot, port.missing_reason,
             "input " + std::to_string(port.position) + " (" + std::string(port.name) + ") is not there");
    return std::nullopt;
  }
  if (!value.is_f32_tensor()) {
    type_mismatch(ctx, port, "tensor.f32");
    return std::nullopt;
  }
  return value.as_tensor();
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  std::string text = "[";
  for (const std::uint64_t dim : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(dim);
  }
  return text + "]";
}

Outcome acknowledge(OpContext& ctx) {
  ctx.output(0, Value::trigger());
  return Outcome::done;
}

Outcome answer_f32(OpContext& ctx, std::uint32_t port, std::span<const std::uint64_t> shape, std::span<const float> data) {
  Result<Value> tensor = Value::tensor_f32(ctx.memory(), shape, data);
  if (!tensor) return ctx.fail(tensor.error(), "output tensor");
  ctx.output(port, std::move(*tensor));
  return Outcome::done;
}

}  // namespace bb::ops
