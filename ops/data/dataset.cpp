// The data source over bytes of the config.
#include "ops/data/dataset.h"

#include <algorithm>

#include "bb/config.h"
#include "bb/roles.h"
#include "bb/value_state.h"
#include "ops/inputs.h"

namespace bb::ops {

Result<ShuffledOrder> ShuffledOrder::make(std::uint64_t count, std::uint64_t seed) {
  if (count == 0) return fail(Code::empty_list);
  if (count > UINT32_MAX) return fail(Code::over_cap, count);
  ShuffledOrder order(seed);
  BB_TRY(numbers, Buffer<std::uint32_t>::make(static_cast<std::size_t>(count)));
  order.order_ = std::move(numbers);
  order.reset();
  return order;
}

void ShuffledOrder::reset() {
  random_ = RandomStream(seed_);
  for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<std::uint32_t>(i);
  shuffle();
}

void ShuffledOrder::shuffle() {
  for (std::size_t i = order_.size() - 1; i > 0; --i) std::swap(order_[i], order_[static_cast<std::size_t>(random_.below(i + 1))]);
  at_ = 0;
}

std::uint32_t ShuffledOrder::next() {
  if (at_ == order_.size()) shuffle();
  return order_[at_++];
}

void ShuffledOrder::save(StateWriter& out) const {
  out.number(at_);
  save_random(out, random_);
  out.bytes({reinterpret_cast<const std::uint8_t*>(order_.data()), order_.span().size_bytes()});
}

Status ShuffledOrder::load(StateReader& in) {
  at_ = static_cast<std::size_t>(in.number_to(order_.size()));
  BB_CHECK(load_random(in, random_));
  const Bytes bytes = in.bytes();
  BB_CHECK(in.status());
  Array<std::uint8_t> dealt;
  if (!dealt.try_resize(order_.size())) return fail(Code::no_memory);
  if (bytes.size() != order_.span().size_bytes()) return fail(Code::invalid_value, in.position());
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const auto number = load_le<std::uint32_t>(bytes.data() + i * sizeof(std::uint32_t));
    if (number >= order_.size() || std::exchange(dealt[number], 1) != 0) return fail(Code::invalid_value, in.position());
    order_[i] = number;
  }
  return {};
}

namespace {

constexpr std::uint64_t kFeaturesMax = 1u << 24;
constexpr std::uint64_t kBatchMax = 1u << 16;

Result<Buffer<std::uint8_t>> copy_of(Bytes bytes) {
  BB_TRY(copy, Buffer<std::uint8_t>::make(bytes.size()));
  std::ranges::copy(bytes, copy.data());
  return std::move(copy);
}

class Dataset final : public DataSource {
 public:
  struct Parts {
    Buffer<std::uint8_t> images;
    Buffer<std::uint8_t> labels;
    std::size_t features;
    std::size_t batch_size;
    float scale;
    bool labelled;
  };
  Dataset(Parts parts, ShuffledOrder order) : parts_(std::move(parts)), order_(std::move(order)) {}

  Outcome next_batch(OpContext& ctx) override {
    const std::uint64_t batch_shape[] = {parts_.batch_size, parts_.features};
    const std::uint64_t label_shape[] = {parts_.labelled ? parts_.batch_size : 0};
    auto batch = Value::tensor(ctx.memory(), DType::f32, batch_shape);
    if (!batch) return ctx.fail(batch.error(), "NextBatch");
    auto labels = Value::tensor(ctx.memory(), DType::f32, label_shape);
    if (!labels) return ctx.fail(labels.error(), "NextBatch");
    auto* features = reinterpret_cast<float*>(batch->mutable_tensor_data());
    auto* classes = reinterpret_cast<float*>(labels->mutable_tensor_data());
    for (std::size_t row = 0; row < parts_.batch_size; ++row) {
      const std::uint32_t sample = order_.next();
      const std::uint8_t* const pixels = parts_.images.data() + sample * parts_.features;
      for (std::size_t i = 0; i < parts_.features; ++i) *features++ = static_cast<float>(pixels[i]) * parts_.scale;
      if (parts_.labelled) classes[row] = static_cast<float>(parts_.labels[sample]);
    }
    ctx.output(0, std::move(*batch));
    ctx.output(1, std::move(*labels));
    return Outcome::done;
  }

  Outcome reset(OpContext& ctx) override {
    order_.reset();
    return acknowledge(ctx);
  }

  Outcome on_data_loaded(OpContext& ctx) override { return acknowledge(ctx); }

  Status save(StateWriter& out) const override {
    order_.save(out);
    return {};
  }
  Status load(StateReader& in, Memory&) override { return order_.load(in); }

 private:
  Parts parts_;
  ShuffledOrder order_;
};

std::unexpected<std::string> refused(std::string text) { return std::unexpected("Dataset: " + std::move(text)); }

std::expected<std::unique_ptr<Component>, std::string> construct(const Config& config) {
  ConfigReader reader(config);
  const ByteBuffer* const images = reader.bytes("images");
  const ByteBuffer* const labels = reader.bytes("labels");
  const std::uint64_t features = reader.integer("features", 0, 1, kFeaturesMax);
  const std::uint64_t batch_size = reader.integer("batch_size", 32, 1, kBatchMax);
  const std::uint64_t seed = reader.integer("seed", 0, 0, UINT64_MAX);
  const double scale = reader.number("scale", 1.0 / 255.0, -1e9, 1e9);
  if (std::string error = reader.finish(); !error.empty()) return std::unexpected(std::move(error));
  if (!images) return std::unexpected(std::string("config type mismatch: `images` expected bytes, got nothing"));
  if (features == 0) return std::unexpected(std::string("config type mismatch: `features` expected a whole number, got nothing"));
  if (images->empty() || images->size() % features != 0)
    return refused("`images` has " + std::to_string(images->size()) + " bytes, no multiple of `features` " +
                   std::to_string(features));
  const std::uint64_t samples = images->size() / features;
  if (labels && labels->size() != samples)
    return refused("`labels` has " + std::to_string(labels->size()) + " entries for " + std::to_string(samples) + " samples");
  auto order = ShuffledOrder::make(samples, seed);
  auto image_copy = copy_of(*images);
  auto label_copy = copy_of(labels ? Bytes(*labels) : Bytes());
  if (!order || !image_copy || !label_copy) return refused("no memory for " + std::to_string(images->size()) + " bytes");
  return std::make_unique<Dataset>(Dataset::Parts{.images = std::move(*image_copy),
                                                  .labels = std::move(*label_copy),
                                                  .features = static_cast<std::size_t>(features),
                                                  .batch_size = static_cast<std::size_t>(batch_size),
                                                  .scale = static_cast<float>(scale),
                                                  .labelled = labels != nullptr},
                                   std::move(*order));
}

}  // namespace

ComponentClass dataset_class() {
  return {.type_name = "Dataset", .role = Role::data_source, .storage = {{"sample", "tensor.f32"}}, .construct = construct};
}

}  // namespace bb::ops
