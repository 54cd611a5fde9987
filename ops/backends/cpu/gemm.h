// Matrix multiply of row-major f32 matrices: Eigen natively, a kernel of our own in WebAssembly, where Eigen reaches half its speed.
#pragma once

#include <cstddef>

namespace bb::ops {

/// The product's sizes. `a` holds rows × inner numbers, or inner × rows when transposed; `b` inner × columns, or columns × inner.
struct GemmShape {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t inner = 0;
  bool transpose_a = false;
  bool transpose_b = false;
};

/// c = alpha · op(a) · op(b) + beta · c. `c` is not read when beta is 0, and must not overlap `a` or `b`.
void gemm(const GemmShape& shape, float alpha, const float* a, const float* b, float beta, float* c);

/// The same by the kernel that WebAssembly uses, on every target, so that native tests reach all its edges.
void gemm_kernel(const GemmShape& shape, float alpha, const float* a, const float* b, float beta, float* c);

}  // namespace bb::ops
