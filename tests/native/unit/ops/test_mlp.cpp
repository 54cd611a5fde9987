// The model component: config, shapes, errors, local training from a data source.
#include <algorithm>
#include <cmath>
#include <limits>

#include "bb/roles.h"
#include "component_harness.h"
#include "ops/data/dataset.h"
#include "ops/models/mlp.h"

using namespace bb;
using namespace bb::test;

namespace {

Config layers(std::string text) { return config().set("layers", std::move(text)); }

struct Fixture {
  ComponentHarness harness;
  std::unique_ptr<Component> model = construct(ops::mlp_class(), layers("3-4-2").set("seed", std::int64_t{5}));

  std::vector<float> parameters() { return floats(harness.call(*model, ModelMethod::params, {}).values[0]); }
};

/// Two features, three classes: the class is which of three bands the first feature lies in.
std::unique_ptr<Component> bands(std::size_t batch_size) {
  ByteBuffer images, labels;
  for (std::size_t i = 0; i < 96; ++i) {
    images.push_back(static_cast<std::uint8_t>(i % 3 * 100 + i % 7 * 5));
    images.push_back(static_cast<std::uint8_t>(i * 37));
    labels.push_back(static_cast<std::uint8_t>(i % 3));
  }
  return construct(ops::dataset_class(), config()
                                             .set("images", images)
                                             .set("labels", labels)
                                             .set("features", std::int64_t{2})
                                             .set("batch_size", static_cast<std::int64_t>(batch_size)));
}

class BrokenSource final : public Stateless<DataSource> {
 public:
  Outcome next_batch(OpContext& ctx) override { return ctx.fail(OpErrorKind::other, "broken", "no data today"); }
};

class WrongSource final : public Stateless<DataSource> {
 public:
  Outcome next_batch(OpContext& ctx) override {
    ctx.output(0, Value::trigger());
    return Outcome::done;
  }
};

}  // namespace

TEST_CASE("configs of the model") {
  CHECK(refusal(ops::mlp_class(), layers("784-64-10")) == "accepted");
  CHECK(refusal(ops::mlp_class(), config().set("layers", std::vector<ByteBuffer>{{'4'}, {'1', '6'}, {'2'}})) == "accepted");
  for (const char* text : {"", "-", "3-", "-3", "3--4", "3-a", "3 - 4", "3-+4", "99999999999-1"})
    CHECK(refusal(ops::mlp_class(), layers(text)).starts_with("config type mismatch:"));
  CHECK(refusal(ops::mlp_class(), config()).starts_with("config type mismatch:"));
  CHECK(refusal(ops::mlp_class(), config().set("layers", std::int64_t{3})).starts_with("config type mismatch:"));
  CHECK(refusal(ops::mlp_class(), layers("3-2").set("learning_rate", -1.0)).starts_with("config type mismatch:"));
  CHECK(refusal(ops::mlp_class(), layers("3-2").set("momentum", 1.5)).starts_with("config type mismatch:"));
  CHECK(refusal(ops::mlp_class(), layers("3-2").set("loss", std::string("hinge"))).starts_with("config type mismatch:"));
  CHECK(refusal(ops::mlp_class(), layers("3-2").set("layer", true)).starts_with("config type mismatch: unknown field"));
  CHECK(refusal(ops::mlp_class(), layers("3")) == "Mlp: `layers` refused: empty_list at 1");
  CHECK(refusal(ops::mlp_class(), layers("3-0-2")) == "Mlp: `layers` refused: invalid_value at 1");
  std::string many = "1";
  for (int i = 0; i < 10'000; ++i) many += "-1";
  CHECK(refusal(ops::mlp_class(), layers(many)) == "Mlp: `layers` refused: over_cap at 33");
}

TEST_CASE_METHOD(Fixture, "forward keeps the rank of its input") {
  const auto batch = harness.call(*model, ModelMethod::forward, {harness.tensor({2, 3}, {1, 2, 3, 1, 2, 3})});
  REQUIRE(batch.done());
  CHECK(shape_of(batch.values[0]) == std::vector<std::uint64_t>{2, 2});
  const auto one = harness.call(*model, ModelMethod::forward, {harness.vector({1, 2, 3})});
  REQUIRE(one.done());
  CHECK(shape_of(one.values[0]) == std::vector<std::uint64_t>{2});
  CHECK(floats(one.values[0])[0] == floats(batch.values[0])[0]);
  const auto none = harness.call(*model, ModelMethod::forward, {harness.tensor({0, 3}, {})});
  REQUIRE(none.done());
  CHECK(shape_of(none.values[0]) == std::vector<std::uint64_t>{0, 2});
}

TEST_CASE_METHOD(Fixture, "inputs of the wrong shape or type are refused") {
  const std::uint64_t shape[] = {3};
  CHECK(harness.call(*model, ModelMethod::forward, {harness.vector({1, 2})}).failed_with(OpErrorKind::bad_input, "shape_mismatch"));
  CHECK(harness.call(*model, ModelMethod::forward, {harness.tensor({1, 1, 3}, {1, 2, 3})})
            .failed_with(OpErrorKind::bad_input, "shape_mismatch"));
  CHECK(
      harness.call(*model, ModelMethod::forward, {harness.tensor({}, {1})}).failed_with(OpErrorKind::bad_input, "shape_mismatch"));
  CHECK(harness.call(*model, ModelMethod::forward, {Value::tensor(harness.memory(), DType::f64, shape).value()})
            .failed_with(OpErrorKind::type_mismatch, "input_type_mismatch"));
  CHECK(harness.call(*model, ModelMethod::forward, {}).failed_with(OpErrorKind::missing_slot, "missing_input"));
  CHECK(harness.call(*model, ModelMethod::compute_loss, {harness.vector({1, 2, 3})})
            .failed_with(OpErrorKind::missing_slot, "missing_target"));
  CHECK(harness.call(*model, ModelMethod::compute_loss, {harness.vector({1, 2, 3}), harness.vector({1, 1})})
            .failed_with(OpErrorKind::bad_input, "shape_mismatch"));
  CHECK(harness.call(*model, ModelMethod::compute_loss, {harness.tensor({0, 3}, {}), harness.vector({})})
            .failed_with(OpErrorKind::bad_input, "shape_mismatch"));
  for (const float label : {-1.0f, 2.0f, 0.5f, std::numeric_limits<float>::quiet_NaN()})
    CHECK(harness.call(*model, ModelMethod::compute_loss, {harness.vector({1, 2, 3}), harness.vector({label})})
              .failed_with(OpErrorKind::bad_input, "label_out_of_range"));
}

TEST_CASE_METHOD(Fixture, "a loss, then its backward, then none") {
  const auto before = parameters();
  const auto loss = harness.call(*model, ModelMethod::compute_loss, {harness.vector({1, 2, 3}), harness.vector({1})});
  REQUIRE(loss.done());
  CHECK(loss.values[0].carrier() == Carrier::f32);
  CHECK(loss.values[0].as_f32() > 0.0f);
  CHECK(parameters() == before);
  const auto backward = harness.call(*model, ModelMethod::backward, {loss.values[0]});
  REQUIRE(backward.done());
  CHECK(backward.values[0].carrier() == Carrier::trigger);
  CHECK(parameters() != before);
  CHECK(harness.call(*model, ModelMethod::backward, {loss.values[0]}).failed_with(OpErrorKind::bad_input, "no_pending_loss"));
}

TEST_CASE_METHOD(Fixture, "a loss that is not finite changes nothing") {
  const auto before = parameters();
  const auto loss = harness.call(*model, ModelMethod::compute_loss,
                                 {harness.vector({std::numeric_limits<float>::infinity(), 0, 0}), harness.vector({1})});
  CHECK(loss.failed_with(OpErrorKind::execution_failed, "non_finite_loss"));
  CHECK(parameters() == before);
}

TEST_CASE_METHOD(Fixture, "parameters go round") {
  const auto out = harness.call(*model, ModelMethod::params, {});
  REQUIRE(out.done());
  CHECK(shape_of(out.values[0]) == std::vector<std::uint64_t>{3 * 4 + 4 + 4 * 2 + 2});
  const auto other = construct(ops::mlp_class(), layers("3-4-2").set("seed", std::int64_t{6}));
  const auto x = harness.vector({1, 2, 3});
  const auto wanted = floats(harness.call(*model, ModelMethod::forward, {x}).values[0]);
  CHECK(floats(harness.call(*other, ModelMethod::forward, {x}).values[0]) != wanted);
  REQUIRE(harness.call(*other, ModelMethod::load_parameters, {out.values[0]}).done());
  CHECK(floats(harness.call(*other, ModelMethod::forward, {x}).values[0]) == wanted);
  CHECK(harness.call(*other, ModelMethod::load_parameters, {harness.vector({1})})
            .failed_with(OpErrorKind::bad_input, "shape_mismatch"));
  auto poisoned = floats(out.values[0]);
  poisoned[7] = std::numeric_limits<float>::quiet_NaN();
  const auto refused = harness.call(*other, ModelMethod::load_parameters, {harness.vector(poisoned)});
  CHECK(refused.failed_with(OpErrorKind::bad_input, "non_finite"));
  CHECK(refused.error.detail == "LoadParameters: the number at 7 is not finite");
  CHECK(
      harness.call(*other, ModelMethod::apply_delta, {harness.vector(poisoned)}).failed_with(OpErrorKind::bad_input, "non_finite"));
  CHECK(floats(harness.call(*other, ModelMethod::forward, {x}).values[0]) == wanted);
}

TEST_CASE("training draws batches from the data source and says the mean loss") {
  ComponentHarness harness;
  const auto source = bands(16);
  harness.bind("data", source.get());
  const auto model = construct(ops::mlp_class(), layers("2-16-3").set("learning_rate", 0.1));
  const auto first = harness.call(*model, ModelMethod::train, {}, {1});
  REQUIRE(first.done());
  Called last;
  for (int i = 0; i < 20; ++i) {
    last = harness.call(*model, ModelMethod::train, {Value::trigger()}, {30});
    REQUIRE(last.done());
  }
  CHECK(last.values[0].as_f32() < 0.1f);
  CHECK(first.values[0].as_f32() > 0.5f);
  CHECK(harness.call(*model, ModelMethod::backward, {last.values[0]}).failed_with(OpErrorKind::bad_input, "no_pending_loss"));
}

TEST_CASE("three steps in one call are three calls of one") {
  const auto run = [](std::vector<std::int64_t> calls) {
    ComponentHarness harness;
    const auto source = bands(8);
    harness.bind("data", source.get());
    const auto model = construct(ops::mlp_class(), layers("2-4-3"));
    float sum = 0.0f;
    for (const std::int64_t steps : calls)
      sum += static_cast<float>(steps) * harness.call(*model, ModelMethod::train, {}, {steps}).values[0].as_f32();
    return std::pair(floats(harness.call(*model, ModelMethod::params, {}).values[0]), sum);
  };
  const auto once = run({3});
  const auto thrice = run({1, 1, 1});
  CHECK(once.first == thrice.first);
  CHECK(std::abs(once.second - thrice.second) < 1e-5f);
}

TEST_CASE_METHOD(Fixture, "training fails with the reason of what went wrong") {
  CHECK(harness.call(*model, ModelMethod::train, {}, {1}).failed_with(OpErrorKind::missing_slot, "dependency_not_bound"));
  for (const std::int64_t steps : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{65'537}, INT64_MAX})
    CHECK(harness.call(*model, ModelMethod::train, {}, {steps}).failed_with(OpErrorKind::bad_input, "steps_out_of_range"));
  BrokenSource broken;
  harness.bind("data", &broken);
  CHECK(harness.call(*model, ModelMethod::train, {}, {1}).failed_with(OpErrorKind::other, "broken"));
  WrongSource wrong;
  harness.bind("data", &wrong);
  CHECK(harness.call(*model, ModelMethod::train, {}, {1}).failed_with(OpErrorKind::type_mismatch, "input_type_mismatch"));
  const auto source = bands(8);
  harness.bind("data", source.get());
  CHECK(harness.call(*model, ModelMethod::train, {}, {1}).failed_with(OpErrorKind::bad_input, "shape_mismatch"));
}

TEST_CASE_METHOD(Fixture, "methods that the role does not have") {
  CHECK(harness.call(*model, 7, {}).failed_with(OpErrorKind::not_registered, "unsupported_method"));
  CHECK(harness.call(*model, 65535, {}).failed_with(OpErrorKind::not_registered, "unsupported_method"));
}

TEST_CASE("a warm step takes nothing from the system through the node's memory") {
  ComponentHarness harness;
  const auto source = bands(32);
  harness.bind("data", source.get());
  const auto model = construct(ops::mlp_class(), layers("2-8-3"));
  REQUIRE(harness.call(*model, ModelMethod::train, {}, {2}).done());
  const std::uint64_t before = harness.memory().system_allocations();
  REQUIRE(harness.call(*model, ModelMethod::train, {}, {50}).done());
  CHECK(harness.memory().system_allocations() == before);
}
