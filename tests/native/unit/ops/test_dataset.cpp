// Order, epochs, reset and refusals of the data source.
#include <algorithm>
#include <set>

#include "bb/roles.h"
#include "component_harness.h"
#include "ops/data/dataset.h"

using namespace bb;
using namespace bb::test;

namespace {

/// Sample i is the byte i, twice; its label is i.
Config numbered(std::size_t samples, std::int64_t batch_size) {
  ByteBuffer images, labels;
  for (std::size_t i = 0; i < samples; ++i) {
    images.insert(images.end(), 2, static_cast<std::uint8_t>(i));
    labels.push_back(static_cast<std::uint8_t>(i));
  }
  return config()
      .set("images", images)
      .set("labels", labels)
      .set("features", std::int64_t{2})
      .set("batch_size", batch_size)
      .set("scale", 1.0)
      .set("seed", std::int64_t{4});
}

std::vector<float> labels_of(ComponentHarness& harness, Component& source, std::size_t batches) {
  std::vector<float> all;
  for (std::size_t i = 0; i < batches; ++i) {
    const auto batch = harness.call(source, DataSourceMethod::next_batch, {});
    REQUIRE(batch.done());
    const auto labels = floats(batch.values[1]);
    const auto features = floats(batch.values[0]);
    REQUIRE(features.size() == 2 * labels.size());
    for (std::size_t row = 0; row < labels.size(); ++row) {
      REQUIRE(features[2 * row] == labels[row]);
      REQUIRE(features[2 * row + 1] == labels[row]);
    }
    all.insert(all.end(), labels.begin(), labels.end());
  }
  return all;
}

}  // namespace

TEST_CASE("every epoch has every sample once, in another order, in batches of one size") {
  ComponentHarness harness;
  const auto source = construct(ops::dataset_class(), numbered(10, 4));
  const auto labels = labels_of(harness, *source, 15);  // six epochs of ten
  REQUIRE(labels.size() == 60);
  std::set<std::vector<float>> orders;
  for (std::size_t epoch = 0; epoch < 6; ++epoch) {
    std::vector<float> order(labels.begin() + static_cast<std::ptrdiff_t>(epoch * 10),
                             labels.begin() + static_cast<std::ptrdiff_t>(epoch * 10 + 10));
    orders.insert(order);
    std::ranges::sort(order);
    for (std::size_t i = 0; i < 10; ++i) CHECK(order[i] == static_cast<float>(i));
  }
  CHECK(orders.size() == 6);
}

TEST_CASE("the order is the seed's, and a reset starts it over") {
  ComponentHarness harness;
  const auto one = construct(ops::dataset_class(), numbered(50, 7));
  const auto other = construct(ops::dataset_class(), numbered(50, 7));
  const auto seeded = construct(ops::dataset_class(), numbered(50, 7).set("seed", std::int64_t{5}));
  const auto order = labels_of(harness, *one, 20);
  CHECK(labels_of(harness, *other, 20) == order);
  CHECK(labels_of(harness, *seeded, 20) != order);
  const auto reset = harness.call(*one, DataSourceMethod::reset, {Value::trigger()});
  REQUIRE(reset.done());
  CHECK(reset.values[0].carrier() == Carrier::trigger);
  CHECK(labels_of(harness, *one, 20) == order);
}

TEST_CASE("the first orders of a seed are fixed") {
  auto order = ops::ShuffledOrder::make(6, 1);
  REQUIRE(order.has_value());
  std::vector<std::uint32_t> numbers;
  for (int i = 0; i < 12; ++i) numbers.push_back(order->next());
  CHECK(numbers == std::vector<std::uint32_t>{0, 3, 1, 5, 2, 4, 2, 5, 1, 3, 4, 0});
}

TEST_CASE("features are scaled, and without labels there are none") {
  ComponentHarness harness;
  const auto source =
      construct(ops::dataset_class(),
                config().set("images", ByteBuffer{255, 0}).set("features", std::int64_t{2}).set("batch_size", std::int64_t{3}));
  const auto batch = harness.call(*source, DataSourceMethod::next_batch, {});
  REQUIRE(batch.done());
  CHECK(shape_of(batch.values[0]) == std::vector<std::uint64_t>{3, 2});
  CHECK(floats(batch.values[0]) == std::vector<float>{1, 0, 1, 0, 1, 0});
  CHECK(shape_of(batch.values[1]) == std::vector<std::uint64_t>{0});
  CHECK(harness.call(*source, DataSourceMethod::on_data_loaded, {}).values[0].carrier() == Carrier::trigger);
  CHECK(harness.call(*source, 3, {}).failed_with(OpErrorKind::not_registered, "unsupported_method"));
}

TEST_CASE("configs of the data source that do not fit") {
  const auto type = ops::dataset_class();
  const Config sound = numbered(4, 2);
  CHECK(refusal(type, sound) == "accepted");
  CHECK(refusal(type, config()).starts_with("config type mismatch: `images`"));
  CHECK(refusal(type, config().set("images", ByteBuffer{1})).starts_with("config type mismatch: `features`"));
  CHECK(refusal(type, Config(sound).set("features", std::int64_t{3})) ==
        "Dataset: `images` has 8 bytes, no multiple of `features` 3");
  CHECK(refusal(type, Config(sound).set("images", ByteBuffer{})) == "Dataset: `images` has 0 bytes, no multiple of `features` 2");
  CHECK(refusal(type, Config(sound).set("labels", ByteBuffer{1})) == "Dataset: `labels` has 1 entries for 4 samples");
  CHECK(refusal(type, Config(sound).set("batch_size", std::int64_t{0})).starts_with("config type mismatch: `batch_size`"));
  CHECK(refusal(type, Config(sound).set("batch_size", std::int64_t{70'000})).starts_with("config type mismatch: `batch_size`"));
  CHECK(refusal(type, Config(sound).set("features", std::int64_t{0})).starts_with("config type mismatch: `features`"));
  CHECK(refusal(type, Config(sound).set("images", std::string("text"))).starts_with("config type mismatch: `images`"));
  CHECK(refusal(type, Config(sound).set("shuffle", true)).starts_with("config type mismatch: unknown field"));
}

TEST_CASE("a batch beyond the node's memory is an error and moves nothing on") {
  ComponentHarness harness(4096);
  const auto source = construct(ops::dataset_class(), numbered(200, 4096));
  CHECK(harness.call(*source, DataSourceMethod::next_batch, {}).failed_with(OpErrorKind::execution_failed, "no_memory"));
}
