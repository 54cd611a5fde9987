// Chooses the matrix multiply of the target.
#include "ops/backends/cpu/gemm.h"

#ifndef __wasm__
#include <Eigen/Core>
#endif

namespace bb::ops {

#ifdef __wasm__

void gemm(const GemmShape& shape, float alpha, const float* a, const float* b, float beta, float* c) {
  gemm_kernel(shape, alpha, a, b, beta, c);
}

#else

namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Input = Eigen::Map<const Matrix>;
using Output = Eigen::Map<Matrix>;

template <class A, class B>
void add_product(Output& c, float alpha, const A& a, const B& b) {
  c.noalias() += alpha * (a * b);
}

Input view(const float* data, std::size_t rows, std::size_t columns) {
  return {data, static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns)};
}

}  // namespace

void gemm(const GemmShape& shape, float alpha, const float* a, const float* b, float beta, float* c) {
  Output out(c, static_cast<Eigen::Index>(shape.rows), static_cast<Eigen::Index>(shape.columns));
  if (beta == 0.0f) {
    out.setZero();
  } else if (beta != 1.0f) {
    out *= beta;
  }
  if (shape.rows == 0 || shape.columns == 0 || shape.inner == 0) return;
  const Input left = shape.transpose_a ? view(a, shape.inner, shape.rows) : view(a, shape.rows, shape.inner);
  const Input right = shape.transpose_b ? view(b, shape.columns, shape.inner) : view(b, shape.inner, shape.columns);
  if (shape.transpose_a) {
    if (shape.transpose_b) {
      add_product(out, alpha, left.transpose(), right.transpose());
    } else {
      add_product(out, alpha, left.transpose(), right);
    }
  } else if (shape.transpose_b) {
    add_product(out, alpha, left, right.transpose());
  } else {
    add_product(out, alpha, left, right);
  }
}

#endif

}  // namespace bb::ops
