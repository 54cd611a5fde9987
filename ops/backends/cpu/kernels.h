// Kernels on dense row-major f32 data. They take shapes that were checked: `broadcast_shapes` and `plan_matmul` do the checking.
#pragma once

#include <array>

#include "bb/error.h"
#include "bb/tensor.h"

namespace bb::ops {

struct Shape {
  std::array<std::uint64_t, kRankMax> dims{};
  std::uint32_t rank = 0;

  std::span<const std::uint64_t> view() const { return {dims.data(), rank}; }
};

/// The common shape of two operands by the rules of multidirectional broadcasting.
/// Errors: dims_mismatch, `at` the axis of the result; over_cap for a rank over `kRankMax`.
Result<Shape> broadcast_shapes(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b);

enum class Arithmetic : std::uint8_t { add, sub, mul };
/// `out` has the elements of `shape`, the common shape of `a` and `b`, and may be `a`'s own data when `a` has that shape.
void arithmetic(Arithmetic operation, const TensorView& a, const TensorView& b, const Shape& shape, float* out);

/// max(x, 0); NaN stays NaN. `out` may be `in`.
void relu(std::span<const float> in, float* out);

/// A product of matrices, or of stacks of them; rank-1 operands are promoted and their axis is left out of the result.
struct MatMulPlan {
  Shape output{};
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::uint64_t inner = 0;
  Shape batch{};
};
/// Errors: bad_argument for a rank of 0; dims_mismatch, `at` 0 for the inner sizes and 1 for the stacks; over_cap.
Result<MatMulPlan> plan_matmul(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b);
void matmul(const MatMulPlan& plan, const TensorView& a, const TensorView& b, float* out);

}  // namespace bb::ops
