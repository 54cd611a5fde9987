// Both matrix multiplies against the definition, over every shape that reaches an edge of a tile or of a block.
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "bb/random.h"
#include "ops/backends/cpu/gemm.h"

using namespace bb;
using ops::GemmShape;

namespace {

using Gemm = void (*)(const GemmShape&, float, const float*, const float*, float, float*);

std::vector<float> random_numbers(std::size_t count, RandomStream& random) {
  std::vector<float> numbers(count);
  for (float& number : numbers) number = 2.0f * random.next_f32() - 1.0f;
  return numbers;
}

/// The largest difference from a sum in f64, as a part of what rounding may do to `inner` additions.
double worst_error(Gemm gemm, const GemmShape& shape, float alpha, float beta, RandomStream& random) {
  const auto a = random_numbers(shape.rows * shape.inner, random);
  const auto b = random_numbers(shape.inner * shape.columns, random);
  const auto c = random_numbers(shape.rows * shape.columns, random);
  auto out = c;
  gemm(shape, alpha, a.data(), b.data(), beta, out.data());
  double worst = 0.0;
  for (std::size_t i = 0; i < shape.rows; ++i) {
    for (std::size_t j = 0; j < shape.columns; ++j) {
      double sum = 0.0;
      for (std::size_t k = 0; k < shape.inner; ++k) {
        const float left = shape.transpose_a ? a[k * shape.rows + i] : a[i * shape.inner + k];
        const float right = shape.transpose_b ? b[j * shape.inner + k] : b[k * shape.columns + j];
        sum += static_cast<double>(left) * static_cast<double>(right);
      }
      const double expected = alpha * sum + beta * static_cast<double>(c[i * shape.columns + j]);
      worst = std::max(worst, std::abs(expected - static_cast<double>(out[i * shape.columns + j])));
    }
  }
  return worst / (1e-6 * static_cast<double>(shape.inner + 2));
}

void check_all(Gemm gemm) {
  RandomStream random(7);
  std::size_t shapes = 0;
  const auto check = [&](std::size_t rows, std::size_t columns, std::size_t inner) {
    for (int transpose = 0; transpose < 4; ++transpose) {
      const GemmShape shape{rows, columns, inner, (transpose & 1) != 0, (transpose & 2) != 0};
      const float alpha = shapes % 3 == 0 ? 1.0f : -0.75f;
      const float beta = shapes % 2 == 0 ? 0.0f : (shapes % 5 == 0 ? 1.0f : 0.5f);
      INFO("rows " << rows << " columns " << columns << " inner " << inner << " transpose " << transpose << " alpha " << alpha
                   << " beta " << beta);
      CHECK(worst_error(gemm, shape, alpha, beta, random) <= 1.0);
      ++shapes;
    }
  };
  for (std::size_t rows = 0; rows <= 9; ++rows)
    for (std::size_t columns = 0; columns <= 17; ++columns)
      for (const std::size_t inner : {0, 1, 2, 3, 7}) check(rows, columns, inner);
  for (const std::size_t inner : {255, 256, 257, 512, 513}) {
    check(1, 8, inner);
    check(5, 11, inner);
    check(4, 16, inner);
  }
  check(33, 65, 40);
  check(64, 64, 64);
  check(1, 64, 784);
  REQUIRE(shapes == (10 * 18 * 5 + 5 * 3 + 3) * 4);
}

}  // namespace

TEST_CASE("the target's matrix multiply agrees with the definition") { check_all(ops::gemm); }

TEST_CASE("the WebAssembly kernel agrees with the definition") { check_all(ops::gemm_kernel); }

TEST_CASE("a matrix multiply does not read what it overwrites") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Gemm gemm : {Gemm{ops::gemm}, Gemm{ops::gemm_kernel}}) {
    const std::vector<float> a{1, 2}, b{3, 4};
    std::vector<float> c{nan};
    gemm({.rows = 1, .columns = 1, .inner = 2}, 1.0f, a.data(), b.data(), 0.0f, c.data());
    CHECK(c[0] == 11.0f);
  }
}

TEST_CASE("the kernel writes nothing beside its result and spreads no infinity into other columns") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  RandomStream random(3);
  for (std::size_t columns = 1; columns <= 9; ++columns) {
    const std::size_t rows = 5;
    const auto a = random_numbers(rows * 6, random);
    auto b = random_numbers(6 * columns, random);
    b[0] = infinity;  // row 0, column 0
    std::vector<float> c(rows * columns + 2, 42.0f);
    ops::gemm_kernel({.rows = rows, .columns = columns, .inner = 6}, 1.0f, a.data(), b.data(), 0.0f, c.data() + 1);
    CHECK(c.front() == 42.0f);
    CHECK(c.back() == 42.0f);
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t column = 0; column < columns; ++column) CHECK(std::isfinite(c[1 + row * columns + column]) == (column != 0));
  }
}

TEST_CASE("an element of the kernel's result does not depend on the tile it lies in") {
  RandomStream random(5);
  const std::size_t inner = 300;
  const auto a = random_numbers(9 * inner, random);
  const auto b = random_numbers(inner * 19, random);
  std::vector<float> whole(9 * 19);
  ops::gemm_kernel({.rows = 9, .columns = 19, .inner = inner}, 1.0f, a.data(), b.data(), 0.0f, whole.data());
  for (std::size_t row = 0; row < 9; ++row) {
    std::vector<float> alone(19);
    ops::gemm_kernel({.rows = 1, .columns = 19, .inner = inner}, 1.0f, a.data() + row * inner, b.data(), 0.0f, alone.data());
    for (std::size_t column = 0; column < 19; ++column) CHECK(alone[column] == whole[row * 19 + column]);
  }
}
