// The backend as the engine calls it: inputs, outputs, in-place results, typed refusals.
#include <algorithm>

#include "component_harness.h"
#include "ops/backends/cpu/constant.h"
#include "ops/backends/cpu/cpu_backend.h"
#include "ops/roles.h"
#include "proto/onnx.pb.h"

using namespace bb;
using namespace bb::test;
using Method = ops::BackendMethod;

namespace {

struct Fixture {
  ComponentHarness harness;
  std::unique_ptr<Component> backend = construct(ops::cpu_backend_class(), config());
};

}  // namespace

TEST_CASE_METHOD(Fixture, "arithmetic ops answer with the broadcast shape") {
  const auto sum = harness.call(*backend, Method::add, {harness.tensor({2, 3}, {1, 2, 3, 4, 5, 6}), harness.vector({10, 20, 30})});
  REQUIRE(sum.done());
  CHECK(floats(sum.values[0]) == std::vector<float>{11, 22, 33, 14, 25, 36});
  CHECK(shape_of(sum.values[0]) == std::vector<std::uint64_t>{2, 3});
  const auto difference = harness.call(*backend, Method::sub, {harness.vector({1, 2}), harness.tensor({2, 1}, {10, 20})});
  CHECK(floats(difference.values[0]) == std::vector<float>{-9, -8, -19, -18});
  const auto product = harness.call(*backend, Method::mul, {harness.tensor({}, {3}), harness.tensor({}, {4})});
  CHECK(floats(product.values[0]) == std::vector<float>{12});
  CHECK(shape_of(product.values[0]).empty());
}

TEST_CASE_METHOD(Fixture, "an input that nobody else reads becomes the output") {
  Value x = harness.vector({-1, 2});
  const Value other = harness.vector({5, 5});
  const auto* const data = x.as_tensor().data.data();
  std::vector<Value> inputs;
  inputs.push_back(std::move(x));
  inputs.push_back(other);
  const auto sum = harness.call(*backend, Method::add, std::move(inputs), {}, true);
  REQUIRE(sum.done());
  CHECK(sum.values[0].as_tensor().data.data() == data);
  CHECK(floats(sum.values[0]) == std::vector<float>{4, 7});
  CHECK(floats(other) == std::vector<float>{5, 5});
  // Shared: the caller still sees what it had.
  const Value kept = harness.vector({-1, 2});
  const auto rectified = harness.call(*backend, Method::relu, {kept}, {}, true);
  REQUIRE(rectified.done());
  CHECK(floats(rectified.values[0]) == std::vector<float>{0, 2});
  CHECK(floats(kept) == std::vector<float>{-1, 2});
  const auto moved = harness.call(*backend, Method::relu, {harness.vector({-3})}, {}, true);
  CHECK(floats(moved.values[0]) == std::vector<float>{0});
}

TEST_CASE_METHOD(Fixture, "a value added to itself") {
  const Value x = harness.vector({1, 2, 3});
  CHECK(floats(harness.call(*backend, Method::add, {x, x}, {}, true).values[0]) == std::vector<float>{2, 4, 6});
  CHECK(floats(x) == std::vector<float>{1, 2, 3});
}

TEST_CASE_METHOD(Fixture, "matmul answers and refuses") {
  const auto product = harness.call(*backend, Method::matmul, {harness.tensor({2, 2}, {1, 2, 3, 4}), harness.vector({1, 1})});
  REQUIRE(product.done());
  CHECK(floats(product.values[0]) == std::vector<float>{3, 7});
  CHECK(shape_of(product.values[0]) == std::vector<std::uint64_t>{2});
  const auto inner = harness.call(*backend, Method::matmul, {harness.vector({1, 2}), harness.vector({1, 2, 3})});
  CHECK(inner.failed_with(OpErrorKind::bad_input, "shape_mismatch"));
  CHECK(inner.error.text() == "op error[BadInput reason=shape_mismatch]: MatMul: inner-dim mismatch ([2] vs [3])");
  const auto scalar = harness.call(*backend, Method::matmul, {harness.tensor({}, {1}), harness.vector({1})});
  CHECK(scalar.failed_with(OpErrorKind::bad_input, "shape_mismatch"));
}

TEST_CASE_METHOD(Fixture, "wrong inputs are typed failures") {
  const auto shapes = harness.call(*backend, Method::add, {harness.vector({1, 2}), harness.vector({1, 2, 3})});
  CHECK(shapes.failed_with(OpErrorKind::bad_input, "shape_mismatch"));
  CHECK(shapes.error.detail == "Add: shape mismatch ([2] vs [3])");
  const auto missing = harness.call(*backend, Method::mul, {harness.vector({1})});
  CHECK(missing.failed_with(OpErrorKind::missing_slot, "missing_B"));
  const auto absent = harness.call(*backend, Method::relu, {Value{}});
  CHECK(absent.failed_with(OpErrorKind::missing_slot, "missing_X"));
  const auto trigger = harness.call(*backend, Method::relu, {Value::trigger()});
  CHECK(trigger.failed_with(OpErrorKind::type_mismatch, "input_type_mismatch"));
  const std::uint64_t shape[] = {2};
  const auto integers =
      harness.call(*backend, Method::add, {harness.vector({1, 2}), Value::tensor(harness.memory(), DType::i32, shape).value()});
  CHECK(integers.failed_with(OpErrorKind::type_mismatch, "input_type_mismatch"));
  CHECK(integers.error.detail == "input 1 (B) expected tensor.f32, got tensor.i32");
}

TEST_CASE_METHOD(Fixture, "ops without a kernel are unsupported, whatever their number") {
  for (const int method : {static_cast<int>(Method::div), static_cast<int>(Method::conv), 47, 1000, 65535})
    CHECK(harness.call(*backend, method, {harness.vector({1}), harness.vector({1})})
              .failed_with(OpErrorKind::not_registered, "unsupported_method"));
}

TEST_CASE("a result beyond the node's memory is an error") {
  ComponentHarness harness(1 << 16);
  const auto backend = construct(ops::cpu_backend_class(), config());
  const auto outer =
      harness.call(*backend, Method::add,
                   {harness.tensor({200, 1}, std::vector<float>(200)), harness.tensor({1, 200}, std::vector<float>(200))});
  CHECK(outer.failed_with(OpErrorKind::execution_failed, "no_memory"));
}

namespace {

Result<std::unique_ptr<OpState>> prepare(Memory& memory, const onnx::NodeProto& node, std::string& problem) {
  const Registry registry;
  PrepareContext context{.memory = memory, .registry = registry, .problem = {}};
  auto state = ops::prepare_backend_constant(node, context);
  problem = context.problem;
  return state;
}

onnx::NodeProto constant_node(int data_type, std::vector<std::int64_t> dims, std::vector<float> numbers, std::string raw = {}) {
  onnx::NodeProto node;
  auto* attribute = node.add_attribute();
  attribute->set_name("value");
  attribute->set_type(onnx::AttributeProto_AttributeType_TENSOR);
  auto* tensor = attribute->mutable_t();
  tensor->set_data_type(data_type);
  for (const std::int64_t dim : dims) tensor->add_dims(dim);
  for (const float number : numbers) tensor->add_float_data(number);
  tensor->set_raw_data(raw);
  return node;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "a constant is made once and shared") {
  std::string problem;
  const auto state = prepare(harness.memory(), constant_node(1, {2}, {1, 2}), problem);
  REQUIRE(state.has_value());
  harness.set_state(state->get());
  const auto first = harness.call(*backend, Method::constant, {});
  const auto second = harness.call(*backend, Method::constant, {});
  REQUIRE(first.done());
  CHECK(floats(first.values[0]) == std::vector<float>{1, 2});
  CHECK(first.values[0].as_tensor().data.data() == second.values[0].as_tensor().data.data());
  const auto raw = prepare(harness.memory(), constant_node(1, {1}, {}, std::string("\0\0\x80\x3f", 4)), problem);
  REQUIRE(raw.has_value());
  CHECK(floats(static_cast<ops::BackendConstant*>(raw->get())->tensor) == std::vector<float>{1});
}

TEST_CASE("constants that are refused") {
  Memory memory;
  std::string problem;
  const auto code = [&](const onnx::NodeProto& node) {
    const auto state = prepare(memory, node, problem);
    return state ? Code::ok : state.error().code;
  };
  CHECK(code(constant_node(1, {0}, {})) == Code::ok);
  CHECK(code(constant_node(11, {2}, {1, 2})) == Code::type_mismatch);
  CHECK(code(constant_node(1, {2}, {1})) == Code::dims_mismatch);
  CHECK(code(constant_node(1, {2}, {}, "abc")) == Code::dims_mismatch);
  CHECK(code(constant_node(1, {-1}, {1})) == Code::invalid_value);
  CHECK(code(constant_node(1, std::vector<std::int64_t>(9, 1), {1})) == Code::over_cap);
  CHECK(code(constant_node(1, {INT64_MAX, INT64_MAX}, {1})) == Code::over_cap);
  CHECK(code(onnx::NodeProto()) == Code::bad_argument);
  CHECK(problem == "Constant: missing `value` attribute");
  onnx::NodeProto empty;
  empty.add_attribute()->set_name("value");
  CHECK(code(empty) == Code::bad_argument);
  CHECK(problem == "Constant: `value` attribute has no TensorProto");
}

TEST_CASE("the backend's config has no fields") {
  CHECK(refusal(ops::cpu_backend_class(), config().set("threads", std::int64_t{2})).starts_with("config type mismatch:"));
}
