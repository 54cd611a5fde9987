// What components share: reading inputs with the errors of spec C §4.6, and answering with an acknowledgement or a tensor.
#pragma once

#include <optional>
#include <span>

#include "bb/component.h"

namespace bb::ops {

/// An input port as errors name it: its position, its name, and the reason `missing_<name>`.
struct InputPort {
  std::uint32_t position = 0;
  std::string_view name;
  std::string_view missing_reason;
};

/// The f32 tensor at a port, or nothing after `ctx.fail`: MissingSlot when absent, TypeMismatch/`input_type_mismatch` otherwise.
std::optional<TensorView> f32_input(OpContext& ctx, const InputPort& port);
/// The name of what a value holds, for error texts: `tensor.f32`, or the protocol name of its carrier.
std::string held_type(const Value& value);
Outcome type_mismatch(OpContext& ctx, const InputPort& port, std::string_view expected);

/// `[2, 3]`
std::string shape_text(std::span<const std::uint64_t> shape);
/// Writes a trigger to port 0.
Outcome acknowledge(OpContext& ctx);
/// Writes a rank-1 or rank-n f32 tensor made of `data` to a port.
Outcome answer_f32(OpContext& ctx, std::uint32_t port, std::span<const std::uint64_t> shape, std::span<const float> data);

}  // namespace bb::ops
