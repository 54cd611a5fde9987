// Gradients against finite differences, learning, and what must leave the parameters alone.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>

#include "bb/random.h"
#include "ops/models/mlp_network.h"

using namespace bb;
using ops::Loss;
using ops::MlpNetwork;
using ops::MlpOptions;

namespace {

MlpNetwork make(MlpOptions options) {
  auto network = MlpNetwork::make(std::move(options));
  REQUIRE(network.has_value());
  return std::move(*network);
}

std::vector<float> copy(std::span<const float> numbers) { return {numbers.begin(), numbers.end()}; }

std::vector<float> random_numbers(std::size_t count, RandomStream& random) {
  std::vector<float> numbers(count);
  for (float& number : numbers) number = 2.0f * random.next_f32() - 1.0f;
  return numbers;
}

/// With momentum 0 and learning rate 1 a step subtracts the gradient itself.
void check_gradient(MlpOptions options, std::span<const float> targets, std::size_t batch) {
  options.learning_rate = 1.0f;
  options.momentum = 0.0f;
  MlpNetwork network = make(options);
  RandomStream random(11);
  const auto x = random_numbers(batch * network.inputs(), random);
  const auto start = copy(network.parameters());
  REQUIRE(network.compute_loss(x, targets, batch).has_value());
  REQUIRE(network.step().has_value());
  std::vector<float> gradient(start.size());
  for (std::size_t i = 0; i < start.size(); ++i) gradient[i] = start[i] - network.parameters()[i];
  constexpr float h = 1.0f / 512.0f;
  double worst = 0.0;
  for (std::size_t i = 0; i < start.size(); ++i) {
    auto moved = start;
    moved[i] = start[i] + h;
    REQUIRE(network.load(moved).has_value());
    const float above = *network.compute_loss(x, targets, batch);
    moved[i] = start[i] - h;
    REQUIRE(network.load(moved).has_value());
    const float below = *network.compute_loss(x, targets, batch);
    const double numeric = (static_cast<double>(above) - static_cast<double>(below)) / (2.0 * static_cast<double>(h));
    worst = std::max(worst, std::abs(numeric - static_cast<double>(gradient[i])));
  }
  CHECK(worst < 2e-3);
}

}  // namespace

TEST_CASE("gradients agree with finite differences") {
  const std::vector<float> labels{0, 2, 1, 2, 0};
  check_gradient({.layers = {4, 3}, .seed = 1}, labels, 5);
  check_gradient({.layers = {4, 6, 3}, .seed = 2}, labels, 5);
  check_gradient({.layers = {3, 7, 5, 3}, .seed = 3}, labels, 5);
  check_gradient({.layers = {3, 5, 3}, .seed = 4, .bias = false}, labels, 5);
  RandomStream random(1);
  const auto numbers = random_numbers(10, random);
  check_gradient({.layers = {4, 5, 2}, .seed = 5, .loss = Loss::squared_error}, numbers, 5);
}

TEST_CASE("initial weights lie within the bound, biases are zero, and the seed decides") {
  const MlpNetwork network = make({.layers = {784, 64, 10}, .seed = 9});
  REQUIRE(network.parameters().size() == 784 * 64 + 64 + 64 * 10 + 10);
  const float limit = std::sqrt(6.0f / 784.0f);
  float largest = 0.0f;
  double sum = 0.0;
  for (std::size_t i = 0; i < 784 * 64; ++i) {
    largest = std::max(largest, std::abs(network.parameters()[i]));
    sum += static_cast<double>(network.parameters()[i]);
  }
  CHECK(largest <= limit);
  CHECK(largest > 0.99f * limit);
  CHECK(std::abs(sum / (784 * 64)) < 0.001);
  for (std::size_t i = 784 * 64; i < 784 * 64 + 64; ++i) CHECK(network.parameters()[i] == 0.0f);
  CHECK(copy(network.parameters()) == copy(make({.layers = {784, 64, 10}, .seed = 9}).parameters()));
  CHECK(copy(network.parameters()) != copy(make({.layers = {784, 64, 10}, .seed = 10}).parameters()));
}

TEST_CASE("a network learns to tell clusters apart") {
  constexpr std::size_t features = 8, classes = 4, samples = 256, batch = 32;
  RandomStream random(21);
  const auto centres = random_numbers(features * classes, random);
  std::vector<float> x, labels;
  for (std::size_t i = 0; i < samples; ++i) {
    const std::size_t label = i % classes;
    for (std::size_t j = 0; j < features; ++j)
      x.push_back(centres[label * features + j] + 0.3f * (2.0f * random.next_f32() - 1.0f));
    labels.push_back(static_cast<float>(label));
  }
  MlpNetwork network = make({.layers = {features, 16, classes}, .seed = 3});
  float first = 0.0f, last = 0.0f;
  for (int epoch = 0; epoch < 20; ++epoch) {
    for (std::size_t at = 0; at < samples; at += batch) {
      const auto loss =
          network.compute_loss(std::span(x).subspan(at * features, batch * features), std::span(labels).subspan(at, batch), batch);
      REQUIRE(loss.has_value());
      if (epoch == 0 && at == 0) first = *loss;
      last = *loss;
      REQUIRE(network.step().has_value());
    }
  }
  CHECK(first > 0.5f);
  CHECK(last < 0.05f);
  std::vector<float> logits(samples * classes);
  REQUIRE(network.forward(x, samples, logits).has_value());
  std::size_t right = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    const auto row = std::span(logits).subspan(i * classes, classes);
    const auto best = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    right += best == i % classes;
  }
  CHECK(right == samples);
}

TEST_CASE("local gradient descent on one weight follows the closed form") {
  // ŷ = w·x, loss (w·x − y)², x = 1, y = 2, learning rate 0.1, w from 0: the error is 2 · 0.8^k.
  MlpNetwork network =
      make({.layers = {1, 1}, .learning_rate = 0.1f, .momentum = 0.0f, .loss = Loss::squared_error, .bias = false});
  const std::vector<float> zero{0.0f}, x{1.0f}, y{2.0f};
  REQUIRE(network.load(zero).has_value());
  for (int step = 1; step <= 40; ++step) {
    REQUIRE(network.compute_loss(x, y, 1).has_value());
    REQUIRE(network.step().has_value());
    CHECK(std::abs(static_cast<double>(network.parameters()[0]) - (2.0 - 2.0 * std::pow(0.8, step))) < 1e-5);
    if (step == 1) CHECK(network.parameters()[0] == 0.4f);
    if (step == 2) CHECK(std::abs(network.parameters()[0] - 0.72f) < 1e-6f);
  }
  CHECK(std::abs(std::abs(static_cast<double>(network.parameters()[0]) - 2.0) - 2.66e-4) < 1e-5);
}

TEST_CASE("momentum adds up and is forgotten by a load") {
  MlpNetwork network =
      make({.layers = {1, 1}, .learning_rate = 0.1f, .momentum = 0.5f, .loss = Loss::squared_error, .bias = false});
  const std::vector<float> zero{0.0f}, x{1.0f}, y{2.0f};
  REQUIRE(network.load(zero).has_value());
  REQUIRE(network.compute_loss(x, y, 1).has_value());
  REQUIRE(network.step().has_value());  // v = −4, w = 0.4
  REQUIRE(network.compute_loss(x, y, 1).has_value());
  REQUIRE(network.step().has_value());  // v = −2 − 3.2, w = 0.92
  CHECK(std::abs(network.parameters()[0] - 0.92f) < 1e-6f);
  REQUIRE(network.load(zero).has_value());
  REQUIRE(network.compute_loss(x, y, 1).has_value());
  REQUIRE(network.step().has_value());
  CHECK(network.parameters()[0] == 0.4f);
}

TEST_CASE("a step needs a loss of its own") {
  MlpNetwork network = make({.layers = {2, 3}});
  const std::vector<float> x{1, 2}, y{1};
  CHECK(network.step().error().code == Code::closed);
  REQUIRE(network.compute_loss(x, y, 1).has_value());
  REQUIRE(network.step().has_value());
  CHECK(network.step().error().code == Code::closed);
  REQUIRE(network.compute_loss(x, y, 1).has_value());
  REQUIRE(network.load(copy(network.parameters())).has_value());
  CHECK(network.step().error().code == Code::closed);
  REQUIRE(network.compute_loss(x, y, 1).has_value());
  CHECK(network.compute_loss(x, std::vector<float>{3}, 1).error() == Error{Code::invalid_value, 0});
  CHECK(network.step().error().code == Code::closed);
}

TEST_CASE("predicting between a loss and its step changes neither") {
  MlpNetwork one = make({.layers = {3, 4, 2}, .seed = 1});
  MlpNetwork other = make({.layers = {3, 4, 2}, .seed = 1});
  RandomStream random(4);
  const auto x = random_numbers(6, random);
  const auto elsewhere = random_numbers(15, random);
  const std::vector<float> y{0, 1};
  std::vector<float> logits(10);
  REQUIRE(one.compute_loss(x, y, 2).has_value());
  REQUIRE(one.forward(elsewhere, 5, logits).has_value());
  REQUIRE(one.step().has_value());
  REQUIRE(other.compute_loss(x, y, 2).has_value());
  REQUIRE(other.step().has_value());
  CHECK(copy(one.parameters()) == copy(other.parameters()));
}

TEST_CASE("what is not finite leaves the parameters alone") {
  MlpNetwork network = make({.layers = {2, 3, 2}, .learning_rate = 1e6f, .seed = 2});
  const auto start = copy(network.parameters());
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> y{1};
  CHECK(network.compute_loss(std::vector<float>{nan, 1}, y, 1).error().code == Code::malformed);
  CHECK(network.step().error().code == Code::closed);
  CHECK(copy(network.parameters()) == start);
  // A finite loss whose update overflows.
  MlpNetwork steep = make({.layers = {1, 1}, .learning_rate = 1e6f, .loss = Loss::squared_error, .bias = false});
  REQUIRE(steep.load(std::vector<float>{1.0f}).has_value());
  REQUIRE(steep.compute_loss(std::vector<float>{1e18f}, std::vector<float>{0.0f}, 1).has_value());
  CHECK(steep.step().error().code == Code::malformed);
  CHECK(steep.parameters()[0] == 1.0f);
  // Momentum was not touched either: a step on a loss of 0 stays where it is.
  REQUIRE(steep.compute_loss(std::vector<float>{0.0f}, std::vector<float>{0.0f}, 1).has_value());
  REQUIRE(steep.step().has_value());
  CHECK(steep.parameters()[0] == 1.0f);
}

TEST_CASE("parameters are checked before they are taken") {
  MlpNetwork network = make({.layers = {2, 2}, .seed = 2});
  const auto start = copy(network.parameters());
  auto wrong = start;
  wrong.push_back(0.0f);
  CHECK(network.load(wrong).error() == Error{Code::dims_mismatch, 7});
  wrong = start;
  wrong[4] = std::numeric_limits<float>::infinity();
  CHECK(network.load(wrong).error() == Error{Code::malformed, 4});
  CHECK(network.apply_delta(wrong).error() == Error{Code::malformed, 4});
  CHECK(network.apply_delta(std::vector<float>{1}).error() == Error{Code::dims_mismatch, 1});
  CHECK(copy(network.parameters()) == start);
  REQUIRE(network.apply_delta(std::vector<float>(6, 0.5f)).has_value());
  for (std::size_t i = 0; i < 6; ++i) CHECK(network.parameters()[i] == start[i] + 0.5f);
}

TEST_CASE("sizes are limited") {
  CHECK(MlpNetwork::make({.layers = {4}}).error().code == Code::empty_list);
  CHECK(MlpNetwork::make({.layers = {4, 0, 2}}).error() == Error{Code::invalid_value, 1});
  CHECK(MlpNetwork::make({.layers = std::vector<std::size_t>(33, 1)}).error().code == Code::over_cap);
  CHECK(MlpNetwork::make({.layers = {1u << 20, 1u << 20}}).error() == Error{Code::over_cap, 1});
  CHECK(MlpNetwork::make({.layers = {(1u << 20) + 1, 1}}).error() == Error{Code::over_cap, 0});
  MlpNetwork network = make({.layers = {1, 1}});
  const std::size_t batch = MlpNetwork::kBatchMax + 1;
  std::vector<float> x(batch), out(batch);
  CHECK(network.forward(x, batch, out).error().code == Code::over_cap);
  CHECK(network.compute_loss(x, x, batch).error().code == Code::over_cap);
  MlpNetwork wide = make({.layers = {1, 1u << 16, 1}});
  const std::vector<float> column(1024);
  std::vector<float> answers(1024);
  CHECK(wide.compute_loss(column, column, 1024).error().code == Code::over_cap);
  CHECK(wide.forward(column, 1024, answers).error().code == Code::over_cap);
  CHECK(wide.compute_loss(std::span(column).first(64), std::span(column).first(64), 64).has_value());
}

TEST_CASE("the same steps give the same bits") {
  const auto run = [] {
    MlpNetwork network = make({.layers = {6, 5, 3}, .seed = 8});
    RandomStream random(1);
    for (int i = 0; i < 10; ++i) {
      const auto x = random_numbers(24, random);
      const std::vector<float> y{0, 1, 2, 1};
      REQUIRE(network.compute_loss(x, y, 4).has_value());
      REQUIRE(network.step().has_value());
    }
    return copy(network.parameters());
  };
  CHECK(run() == run());
}
