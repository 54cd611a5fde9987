// Checks an op's inputs, makes its output, and calls the kernel. An input that nobody else reads becomes the output in place.
#include "ops/backends/cpu/cpu_backend.h"

#include "bb/config.h"
#include "bb/roles.h"
#include "ops/backends/cpu/constant.h"
#include "ops/backends/cpu/kernels.h"
#include "ops/inputs.h"
#include "ops/roles.h"

namespace bb::ops {
namespace {

constexpr InputPort kA{0, "A", "missing_A"};
constexpr InputPort kB{1, "B", "missing_B"};
constexpr InputPort kX{0, "X", "missing_X"};

class CpuBackend final : public Stateless<Backend> {
 public:
  Outcome dispatch(std::uint16_t method, OpContext& ctx) override {
    switch (static_cast<BackendMethod>(method)) {
      case BackendMethod::constant: return constant(ctx);
      case BackendMethod::add: return binary(ctx, Arithmetic::add, "Add");
      case BackendMethod::sub: return binary(ctx, Arithmetic::sub, "Sub");
      case BackendMethod::mul: return binary(ctx, Arithmetic::mul, "Mul");
      case BackendMethod::matmul: return multiply(ctx);
      case BackendMethod::relu: return rectify(ctx);
      default: return unsupported(ctx, "method " + std::to_string(method));
    }
  }

 private:
  static Outcome constant(OpContext& ctx) {
    if (!ctx.state()) return ctx.fail(OpErrorKind::bad_input, "missing_value", "Constant: missing `value` attribute");
    ctx.output(0, static_cast<const BackendConstant*>(ctx.state())->tensor);
    return Outcome::done;
  }

  static Outcome shape_mismatch(OpContext& ctx, std::string_view op, std::string_view what, const TensorView& a,
                                const TensorView& b) {
    return ctx.fail(OpErrorKind::bad_input, "shape_mismatch",
                    std::string(op) + ": " + std::string(what) + " (" + shape_text(a.shape) + " vs " + shape_text(b.shape) + ")");
  }

  static Outcome binary(OpContext& ctx, Arithmetic operation, std::string_view name) {
    const auto a = f32_input(ctx, kA);
    if (!a) return Outcome::failed;
    const auto b = f32_input(ctx, kB);
    if (!b) return Outcome::failed;
    const auto shape = broadcast_shapes(a->shape, b->shape);
    if (!shape) return shape_mismatch(ctx, name, "shape mismatch", *a, *b);
    const bool same_shape = std::ranges::equal(a->shape, shape->view());
    // `a` and `b` stay valid: a taken value keeps its block.
    Value out = same_shape ? ctx.take(0) : Value{};
    if (!out.mutable_tensor_data()) {
      auto made = Value::tensor(ctx.memory(), DType::f32, shape->view());
      if (!made) return ctx.fail(made.error(), name);
      arithmetic(operation, *a, *b, *shape, reinterpret_cast<float*>(made->mutable_tensor_data()));
      ctx.output(0, std::move(*made));
      return Outcome::done;
    }
    arithmetic(operation, *a, *b, *shape, reinterpret_cast<float*>(out.mutable_tensor_data()));
    ctx.output(0, std::move(out));
    return Outcome::done;
  }

  static Outcome multiply(OpContext& ctx) {
    const auto a = f32_input(ctx, kA);
    if (!a) return Outcome::failed;
    const auto b = f32_input(ctx, kB);
    if (!b) return Outcome::failed;
    const auto plan = plan_matmul(a->shape, b->shape);
    if (!plan && plan.error().code == Code::bad_argument) return shape_mismatch(ctx, "MatMul", "an input has no axis", *a, *b);
    if (!plan && plan.error().at == 0) return shape_mismatch(ctx, "MatMul", "inner-dim mismatch", *a, *b);
    if (!plan) return shape_mismatch(ctx, "MatMul", "stacks do not broadcast", *a, *b);
    auto out = Value::tensor(ctx.memory(), DType::f32, plan->output.view());
    if (!out) return ctx.fail(out.error(), "MatMul");
    matmul(*plan, *a, *b, reinterpret_cast<float*>(out->mutable_tensor_data()));
    ctx.output(0, std::move(*out));
    return Outcome::done;
  }

  static Outcome rectify(OpContext& ctx) {
    const auto x = f32_input(ctx, kX);
    if (!x) return Outcome::failed;
    Value out = ctx.take(0);
    if (!out.mutable_tensor_data()) {
      auto made = Value::tensor(ctx.memory(), DType::f32, x->shape);
      if (!made) return ctx.fail(made.error(), "Relu");
      out = std::move(*made);  // `x` stays valid: the value that holds it was shared
    }
    relu(x->f32(), reinterpret_cast<float*>(out.mutable_tensor_data()));
    ctx.output(0, std::move(out));
    return Outcome::done;
  }
};

}  // namespace

ComponentClass cpu_backend_class() {
  return {.type_name = "bytesandbrains::backends::cpu::CpuBackend",
          .role = Role::backend,
          .storage = {{"tensor", "tensor.f32"}},
          .supports = {"Constant", "Add", "Sub", "Mul", "MatMul", "Relu"},
          .construct = [](const Config& config) -> std::expected<std::unique_ptr<Component>, std::string> {
            ConfigReader reader(config);
            if (std::string error = reader.finish(); !error.empty()) return std::unexpected(std::move(error));
            return std::make_unique<CpuBackend>();
          }};
}

}  // namespace bb::ops
