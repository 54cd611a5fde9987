// Elementwise and matrix kernels. Broadcasting walks the result by rows of its last axis, on which an operand's step is 0 or 1.
#include "ops/backends/cpu/kernels.h"

#include <algorithm>

#include "ops/backends/cpu/gemm.h"

namespace bb::ops {
namespace {

using Dims = std::array<std::uint64_t, kRankMax>;

/// Steps of an operand along each axis of the result: 0 where it is repeated.
Dims broadcast_strides(std::span<const std::uint64_t> operand, const Shape& shape) {
  Dims strides{};
  std::uint64_t step = 1;
  for (std::size_t i = 0; i < operand.size(); ++i) {
    const std::uint64_t dim = operand[operand.size() - 1 - i];
    strides[shape.rank - 1 - i] = dim == 1 ? 0 : step;
    step *= dim;
  }
  return strides;
}

/// Calls `row(a offset, b offset)` for every position of the first `axes` axes, in row-major order.
template <class Row>
void for_each_row(const Shape& shape, std::uint32_t axes, const Dims& a_strides, const Dims& b_strides, Row row) {
  for (std::uint32_t axis = 0; axis < shape.rank; ++axis)
    if (shape.dims[axis] == 0) return;
  Dims index{};
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  while (true) {
    row(a, b);
    std::uint32_t axis = axes;
    while (axis > 0) {
      --axis;
      a += a_strides[axis];
      b += b_strides[axis];
      if (++index[axis] < shape.dims[axis]) break;
      a -= a_strides[axis] * shape.dims[axis];
      b -= b_strides[axis] * shape.dims[axis];
      index[axis] = 0;
      if (axis == 0) return;
    }
    if (axes == 0) return;
  }
}

template <class Operation>
void combine(const TensorView& a, const TensorView& b, const Shape& shape, float* out, Operation operation) {
  const float* const a_data = a.f32().data();
  const float* const b_data = b.f32().data();
  if (std::ranges::equal(a.shape, b.shape)) {
    for (std::size_t i = 0; i < a.elements; ++i) out[i] = operation(a_data[i], b_data[i]);
    return;
  }
  const Dims a_strides = broadcast_strides(a.shape, shape);
  const Dims b_strides = broadcast_strides(b.shape, shape);
  const std::uint32_t last = shape.rank - 1;  // shapes differ, so the result has an axis
  const auto count = static_cast<std::size_t>(shape.dims[last]);
  const auto a_step = static_cast<std::size_t>(a_strides[last]);
  const auto b_step = static_cast<std::size_t>(b_strides[last]);
  for_each_row(shape, last, a_strides, b_strides, [&](std::uint64_t a_at, std::uint64_t b_at) {
    const float* const left = a_data + a_at;
    const float* const right = b_data + b_at;
    for (std::size_t i = 0; i < count; ++i) out[i] = operation(left[i * a_step], right[i * b_step]);
    out += count;
  });
}

}  // namespace

Result<Shape> broadcast_shapes(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b) {
  Shape shape{.rank = static_cast<std::uint32_t>(std::max(a.size(), b.size()))};
  if (shape.rank > kRankMax) return fail(Code::over_cap, shape.rank);
  for (std::uint32_t i = 0; i < shape.rank; ++i) {
    const std::uint64_t left = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::uint64_t right = i < b.size() ? b[b.size() - 1 - i] : 1;
    const std::uint32_t axis = shape.rank - 1 - i;
    if (left != right && left != 1 && right != 1) return fail(Code::dims_mismatch, axis);
    shape.dims[axis] = left == 1 ? right : left;
  }
  return shape;
}

void arithmetic(Arithmetic operation, const TensorView& a, const TensorView& b, const Shape& shape, float* out) {
  switch (operation) {
    case Arithmetic::add: return combine(a, b, shape, out, [](float x, float y) { return x + y; });
    case Arithmetic::sub: return combine(a, b, shape, out, [](float x, float y) { return x - y; });
    case Arithmetic::mul: return combine(a, b, shape, out, [](float x, float y) { return x * y; });
  }
}

void relu(std::span<const float> in, float* out) {
  for (std::size_t i = 0; i < in.size(); ++i) out[i] = in[i] <= 0.0f ? 0.0f : in[i];
}

Result<MatMulPlan> plan_matmul(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b) {
  if (a.empty() || b.empty()) return fail(Code::bad_argument);
  if (a.size() > kRankMax || b.size() > kRankMax) return fail(Code::over_cap, std::max(a.size(), b.size()));
  const bool a_vector = a.size() == 1;
  const bool b_vector = b.size() == 1;
  MatMulPlan plan{.rows = a_vector ? 1 : a[a.size() - 2], .columns = b_vector ? 1 : b.back(), .inner = a.back()};
  if (plan.inner != (b_vector ? b[0] : b[b.size() - 2])) return fail(Code::dims_mismatch, 0);
  const auto batch = broadcast_shapes(a.first(a_vector ? 0 : a.size() - 2), b.first(b_vector ? 0 : b.size() - 2));
  if (!batch) return fail(Code::dims_mismatch, 1);
  plan.batch = *batch;
  plan.output = plan.batch;
  if (!a_vector) plan.output.dims[plan.output.rank++] = plan.rows;
  if (!b_vector) plan.output.dims[plan.output.rank++] = plan.columns;
  return plan;
}

void matmul(const MatMulPlan& plan, const TensorView& a, const TensorView& b, float* out) {
  const GemmShape shape{.rows = static_cast<std::size_t>(plan.rows),
                        .columns = static_cast<std::size_t>(plan.columns),
                        .inner = static_cast<std::size_t>(plan.inner)};
  const auto stack = [](std::span<const std::uint64_t> operand) {
    return operand.first(operand.size() > 2 ? operand.size() - 2 : 0);
  };
  const Dims a_strides = broadcast_strides(stack(a.shape), plan.batch);
  const Dims b_strides = broadcast_strides(stack(b.shape), plan.batch);
  const std::size_t a_size = shape.rows * shape.inner;
  const std::size_t b_size = shape.inner * shape.columns;
  for_each_row(plan.batch, plan.batch.rank, a_strides, b_strides, [&](std::uint64_t a_at, std::uint64_t b_at) {
    gemm(shape, 1.0f, a.f32().data() + a_at * a_size, b.f32().data() + b_at * b_size, 0.0f, out);
    out += shape.rows * shape.columns;
  });
}

}  // namespace bb::ops
