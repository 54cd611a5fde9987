// Broadcasting, MatMul's ranks and Relu's corner values.
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/backends/cpu/kernels.h"

using namespace bb;
using ops::Arithmetic;

namespace {

using Dims = std::vector<std::uint64_t>;

struct Tensor {
  Dims shape;
  std::vector<float> data;

  TensorView view() const {
    return {.dtype = DType::f32,
            .shape = shape,
            .elements = data.size(),
            .data = {reinterpret_cast<const std::uint8_t*>(data.data()), data.size() * sizeof(float)}};
  }
};

/// 1, 2, 3, ... in a shape.
Tensor counted(Dims shape) {
  std::size_t elements = 1;
  for (const std::uint64_t dim : shape) elements *= dim;
  Tensor tensor{std::move(shape), std::vector<float>(elements)};
  for (std::size_t i = 0; i < elements; ++i) tensor.data[i] = static_cast<float>(i + 1);
  return tensor;
}

std::size_t offset(const Dims& shape, const Dims& out_index, std::size_t out_rank) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::uint64_t index = shape[i] == 1 ? 0 : out_index[out_rank - shape.size() + i];
    at = at * shape[i] + index;
  }
  return at;
}

/// Every element by its index, without strides.
void check_broadcast(const Tensor& a, const Tensor& b, const Dims& expected) {
  const auto shape = ops::broadcast_shapes(a.shape, b.shape);
  REQUIRE(shape.has_value());
  REQUIRE(Dims(shape->view().begin(), shape->view().end()) == expected);
  std::size_t elements = 1;
  for (const std::uint64_t dim : expected) elements *= dim;
  std::vector<float> out(elements, -1.0f);
  ops::arithmetic(Arithmetic::sub, a.view(), b.view(), *shape, out.data());
  Dims index(expected.size(), 0);
  for (std::size_t i = 0; i < elements; ++i) {
    const float want = a.data[offset(a.shape, index, expected.size())] - b.data[offset(b.shape, index, expected.size())];
    REQUIRE(out[i] == want);
    for (std::size_t axis = expected.size(); axis-- > 0;) {
      if (++index[axis] < expected[axis]) break;
      index[axis] = 0;
    }
  }
}

}  // namespace

TEST_CASE("arithmetic broadcasts both operands") {
  check_broadcast(counted({2, 3}), counted({2, 3}), {2, 3});
  check_broadcast(counted({2, 3}), counted({3}), {2, 3});
  check_broadcast(counted({3}), counted({2, 3}), {2, 3});
  check_broadcast(counted({2, 1}), counted({1, 3}), {2, 3});
  check_broadcast(counted({}), counted({2, 3}), {2, 3});
  check_broadcast(counted({2, 3}), counted({}), {2, 3});
  check_broadcast(counted({}), counted({}), {});
  check_broadcast(counted({4, 1, 3, 1}), counted({2, 1, 5}), {4, 2, 3, 5});
  check_broadcast(counted({1}), counted({7}), {7});
  check_broadcast(counted({2, 0, 3}), counted({1, 1, 3}), {2, 0, 3});
  check_broadcast(counted({0}), counted({1}), {0});
  check_broadcast(counted({2, 2, 1, 2, 1, 2, 1, 2}), counted({1, 2, 3, 1, 2, 1, 2, 1}), {2, 2, 3, 2, 2, 2, 2, 2});
}

TEST_CASE("arithmetic in place") {
  Tensor a = counted({2, 3});
  const Tensor b = counted({3});
  const auto shape = ops::broadcast_shapes(a.shape, b.shape);
  ops::arithmetic(Arithmetic::mul, a.view(), b.view(), *shape, a.data.data());
  CHECK(a.data == std::vector<float>{1, 4, 9, 4, 10, 18});
}

TEST_CASE("shapes that do not broadcast name the axis") {
  CHECK(ops::broadcast_shapes(Dims{2, 3}, Dims{3, 2}).error() == Error{Code::dims_mismatch, 1});
  CHECK(ops::broadcast_shapes(Dims{2, 3}, Dims{4, 3}).error() == Error{Code::dims_mismatch, 0});
  CHECK(ops::broadcast_shapes(Dims{0}, Dims{2}).error() == Error{Code::dims_mismatch, 0});
  CHECK(ops::broadcast_shapes(Dims(9, 1), Dims{1}).error().code == Code::over_cap);
}

TEST_CASE("relu keeps NaN and gives a positive zero") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values{nan, infinity, -infinity, 0.0f, -0.0f, 2.5f, -1e-38f};
  ops::relu(values, values.data());
  CHECK(std::isnan(values[0]));
  CHECK(values[1] == infinity);
  for (const std::size_t at : {2, 3, 4, 6}) {
    CHECK(values[at] == 0.0f);
    CHECK_FALSE(std::signbit(values[at]));
  }
  CHECK(values[5] == 2.5f);
}

namespace {

void check_matmul(Dims a_shape, Dims b_shape, Dims expected_shape, std::vector<float> expected) {
  const Tensor a = counted(std::move(a_shape));
  const Tensor b = counted(std::move(b_shape));
  const auto plan = ops::plan_matmul(a.shape, b.shape);
  REQUIRE(plan.has_value());
  CHECK(Dims(plan->output.view().begin(), plan->output.view().end()) == expected_shape);
  std::vector<float> out(expected.size(), -1.0f);
  ops::matmul(*plan, a.view(), b.view(), out.data());
  CHECK(out == expected);
}

}  // namespace

TEST_CASE("matmul of vectors, matrices and stacks") {
  check_matmul({2, 2}, {2, 2}, {2, 2}, {7, 10, 15, 22});
  check_matmul({3}, {3}, {}, {14});
  check_matmul({2}, {2, 3}, {3}, {9, 12, 15});
  check_matmul({2, 3}, {3}, {2}, {14, 32});
  check_matmul({2, 2, 2}, {2, 2}, {2, 2, 2}, {7, 10, 15, 22, 23, 34, 31, 46});
  check_matmul({1, 2}, {3, 2, 1}, {3, 1, 1}, {5, 11, 17});
  check_matmul({2, 1, 1, 2}, {3, 2, 1}, {2, 3, 1, 1}, {5, 11, 17, 11, 25, 39});
  check_matmul({2, 0}, {0, 3}, {2, 3}, {0, 0, 0, 0, 0, 0});
  check_matmul({0, 2}, {2, 3}, {0, 3}, {});
  check_matmul({0, 2, 2}, {2, 2}, {0, 2, 2}, {});
}

TEST_CASE("matmul refuses what does not fit") {
  CHECK(ops::plan_matmul(Dims{}, Dims{2}).error().code == Code::bad_argument);
  CHECK(ops::plan_matmul(Dims{2, 3}, Dims{2, 3}).error() == Error{Code::dims_mismatch, 0});
  CHECK(ops::plan_matmul(Dims{2, 2, 2}, Dims{3, 2, 2}).error() == Error{Code::dims_mismatch, 1});
  CHECK(ops::plan_matmul(Dims(9, 1), Dims{1}).error().code == Code::over_cap);
}
