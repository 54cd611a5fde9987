// Forward, loss, backward and update of a multilayer perceptron.
#include "ops/models/mlp_network.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "bb/random.h"
#include "ops/backends/cpu/gemm.h"
#include "ops/backends/cpu/kernels.h"

namespace bb::ops {
namespace {

/// 1 for infinities and NaN. On bits, so that a loop of it has no branch and no order, and compilers vectorise it.
std::uint32_t not_finite(float value) {
  constexpr std::uint32_t exponent = 0x7f800000;
  return (std::bit_cast<std::uint32_t>(value) & exponent) == exponent ? 1 : 0;
}

bool all_finite(std::span<const float> values) {
  std::uint32_t bad = 0;
  for (const float value : values) bad |= not_finite(value);
  return bad == 0;
}

std::size_t first_not_finite(std::span<const float> values) {
  const auto at = std::ranges::find_if(values, [](float value) { return not_finite(value) != 0; });
  return static_cast<std::size_t>(at - values.begin());
}

}  // namespace

Result<MlpNetwork> MlpNetwork::make(MlpOptions options) {
  if (options.layers.size() < 2) return fail(Code::empty_list, options.layers.size());
  if (options.layers.size() > kLayersMax) return fail(Code::over_cap, options.layers.size());
  MlpNetwork network;
  std::size_t total = 0;
  for (std::size_t i = 0; i < options.layers.size(); ++i) {
    if (options.layers[i] == 0) return fail(Code::invalid_value, i);
    if (options.layers[i] > kLayerSizeMax) return fail(Code::over_cap, i);
    if (i == 0) continue;
    Layer layer{.inputs = options.layers[i - 1], .outputs = options.layers[i], .weights_at = total};
    // Sizes are at most 2^20, so the product fits 64 bits; `size_t` may have 32.
    const std::uint64_t weights = std::uint64_t{layer.inputs} * layer.outputs;
    if (weights > kParametersMax - total) return fail(Code::over_cap, i);
    total += static_cast<std::size_t>(weights);
    layer.biases_at = total;
    if (options.bias) total += layer.outputs;
    if (total > kParametersMax) return fail(Code::over_cap, i);
    network.layers_.push_back(layer);
  }
  BB_TRY(parameters, Buffer<float>::make(total));
  BB_TRY(velocity, Buffer<float>::make(total));
  BB_TRY(gradient, Buffer<float>::make(total));
  RandomStream random(options.seed);
  for (const Layer& layer : network.layers_) {
    const float limit = std::sqrt(6.0f / static_cast<float>(layer.inputs));
    for (std::size_t i = 0; i < layer.inputs * layer.outputs; ++i)
      parameters[layer.weights_at + i] = (2.0f * random.next_f32() - 1.0f) * limit;
  }
  network.parameters_ = std::move(parameters);
  network.velocity_ = std::move(velocity);
  network.gradient_ = std::move(gradient);
  network.activations_.resize(network.layers_.size() + 1);
  network.options_ = std::move(options);
  return network;
}

Status MlpNetwork::reserve(std::size_t batch) {
  if (batch > kBatchMax) return fail(Code::over_cap, batch);
  if (batch <= batch_capacity_) return {};
  std::uint64_t widest = 0;  // of the layers that have an error
  std::uint64_t width_sum = 0;
  for (std::size_t i = 0; i < options_.layers.size(); ++i) {
    width_sum += options_.layers[i];
    if (i > 0) widest = std::max<std::uint64_t>(widest, options_.layers[i]);
  }
  if ((width_sum + 2 * widest) * batch > kWorkspaceMax) return fail(Code::over_cap, batch);
  batch_capacity_ = 0;  // until all buffers are there
  for (std::size_t i = 0; i < options_.layers.size(); ++i) {
    BB_TRY(buffer, Buffer<float>::make(options_.layers[i] * batch));
    activations_[i] = std::move(buffer);
  }
  for (Buffer<float>* error : {&error_a_, &error_b_}) {
    BB_TRY(buffer, Buffer<float>::make(static_cast<std::size_t>(widest) * batch));
    *error = std::move(buffer);
  }
  batch_capacity_ = batch;
  return {};
}

Status MlpNetwork::reserve_scratch(std::size_t batch) {
  if (batch > kBatchMax) return fail(Code::over_cap, batch);
  if (batch <= scratch_capacity_) return {};
  std::uint64_t widest = 0;
  for (std::size_t i = 1; i + 1 < options_.layers.size(); ++i) widest = std::max<std::uint64_t>(widest, options_.layers[i]);
  if (2 * widest * batch > kWorkspaceMax) return fail(Code::over_cap, batch);
  scratch_capacity_ = 0;
  for (Buffer<float>* scratch : {&scratch_a_, &scratch_b_}) {
    BB_TRY(buffer, Buffer<float>::make(static_cast<std::size_t>(widest) * batch));
    *scratch = std::move(buffer);
  }
  scratch_capacity_ = batch;
  return {};
}

void MlpNetwork::run_layer(const Layer& layer, const float* in, std::size_t batch, float* out) const {
  const float* const weights = parameters_.data() + layer.weights_at;
  float beta = 0.0f;
  if (options_.bias) {
    for (std::size_t row = 0; row < batch; ++row)
      std::copy_n(parameters_.data() + layer.biases_at, layer.outputs, out + row * layer.outputs);
    beta = 1.0f;
  }
  gemm({.rows = batch, .columns = layer.outputs, .inner = layer.inputs}, 1.0f, in, weights, beta, out);
  if (&layer != &layers_.back()) relu({out, batch * layer.outputs}, out);
}

Status MlpNetwork::forward(std::span<const float> x, std::size_t batch, std::span<float> out) {
  BB_ASSERT(x.size() == batch * inputs());
  BB_ASSERT(out.size() == batch * outputs());
  if (batch == 0) return {};
  BB_CHECK(reserve_scratch(batch));
  const float* in = x.data();
  float* next = scratch_a_.data();
  float* spare = scratch_b_.data();
  for (const Layer& layer : layers_) {
    float* const to = &layer == &layers_.back() ? out.data() : next;
    run_layer(layer, in, batch, to);
    in = to;
    std::swap(next, spare);
  }
  return {};
}

Result<float> MlpNetwork::compute_loss(std::span<const float> x, std::span<const float> targets, std::size_t batch) {
  BB_ASSERT(batch > 0 && x.size() == batch * inputs());
  BB_ASSERT(targets.size() == this->targets(batch));
  pending_batch_ = 0;
  if (options_.loss == Loss::cross_entropy) {
    for (std::size_t i = 0; i < batch; ++i) {
      const float target = targets[i];
      if (!(target >= 0.0f && target < static_cast<float>(outputs())) || std::floor(target) != target)
        return fail(Code::invalid_value, i);
    }
  }
  BB_CHECK(reserve(batch));
  std::copy(x.begin(), x.end(), activations_[0].data());
  for (std::size_t i = 0; i < layers_.size(); ++i) run_layer(layers_[i], activations_[i].data(), batch, activations_[i + 1].data());
  BB_TRY(loss, loss_of(targets, batch));
  pending_batch_ = batch;
  return loss;
}

/// The mean loss; leaves its gradient by the outputs in `error_a_`.
Result<float> MlpNetwork::loss_of(std::span<const float> targets, std::size_t batch) {
  const std::size_t width = outputs();
  const float scale = 1.0f / static_cast<float>(batch);
  double sum = 0.0;
  for (std::size_t row = 0; row < batch; ++row) {
    const float* const out = activations_.back().data() + row * width;
    float* const error = error_a_.data() + row * width;
    if (options_.loss == Loss::squared_error) {
      for (std::size_t i = 0; i < width; ++i) {
        const float difference = out[i] - targets[row * width + i];
        sum += static_cast<double>(difference) * static_cast<double>(difference);
        error[i] = 2.0f * difference * scale;
      }
      continue;
    }
    const auto label = static_cast<std::size_t>(targets[row]);
    const float largest = *std::max_element(out, out + width);
    float total = 0.0f;
    for (std::size_t i = 0; i < width; ++i) {
      error[i] = std::exp(out[i] - largest);
      total += error[i];
    }
    sum += static_cast<double>(std::log(total)) - static_cast<double>(out[label] - largest);
    const float factor = scale / total;
    for (std::size_t i = 0; i < width; ++i) error[i] *= factor;
    error[label] -= scale;
  }
  const auto loss = static_cast<float>(sum / static_cast<double>(batch));
  if (!std::isfinite(loss)) return fail(Code::malformed);
  return loss;
}

Status MlpNetwork::step() {
  if (pending_batch_ == 0) return fail(Code::closed);
  return gradient_and_update(std::exchange(pending_batch_, 0));
}

Status MlpNetwork::gradient_and_update(std::size_t batch) {
  float* error = error_a_.data();
  float* below = error_b_.data();
  for (std::size_t i = layers_.size(); i-- > 0;) {
    const Layer& layer = layers_[i];
    const float* const in = activations_[i].data();
    gemm({.rows = layer.inputs, .columns = layer.outputs, .inner = batch, .transpose_a = true}, 1.0f, in, error, 0.0f,
         gradient_.data() + layer.weights_at);
    if (options_.bias) {
      float* const biases = gradient_.data() + layer.biases_at;
      std::copy_n(error, layer.outputs, biases);
      for (std::size_t row = 1; row < batch; ++row)
        for (std::size_t column = 0; column < layer.outputs; ++column) biases[column] += error[row * layer.outputs + column];
    }
    if (i == 0) break;
    gemm({.rows = batch, .columns = layer.inputs, .inner = layer.outputs, .transpose_b = true}, 1.0f, error,
         parameters_.data() + layer.weights_at, 0.0f, below);
    // A ReLU passes the error on where its output was above 0.
    for (std::size_t at = 0; at < batch * layer.inputs; ++at) below[at] = in[at] > 0.0f ? below[at] : 0.0f;
    std::swap(error, below);
  }
  // The new velocity is built where the gradient was and takes the old one's place only when every new parameter is finite.
  const std::size_t count = parameters_.size();
  float* const parameters = parameters_.data();
  const float* const old_velocity = velocity_.data();
  float* const velocity = gradient_.data();
  std::uint32_t bad = 0;
  for (std::size_t i = 0; i < count; ++i) {
    velocity[i] = options_.momentum * old_velocity[i] + velocity[i];
    bad |= not_finite(parameters[i] - options_.learning_rate * velocity[i]);
  }
  if (bad != 0) return fail(Code::malformed);
  std::swap(velocity_, gradient_);
  for (std::size_t i = 0; i < count; ++i) parameters[i] -= options_.learning_rate * velocity[i];
  return {};
}

Status MlpNetwork::load(std::span<const float> parameters) {
  if (parameters.size() != parameters_.size()) return fail(Code::dims_mismatch, parameters.size());
  if (!all_finite(parameters)) return fail(Code::malformed, first_not_finite(parameters));
  std::ranges::copy(parameters, parameters_.data());
  std::ranges::fill(velocity_.span(), 0.0f);
  pending_batch_ = 0;
  return {};
}

namespace {

void save_numbers(StateWriter& out, std::span<const float> numbers) {
  out.bytes({reinterpret_cast<const std::uint8_t*>(numbers.data()), numbers.size_bytes()});
}

Status restore_numbers(StateReader& in, std::span<float> numbers) {
  const Bytes bytes = in.bytes();
  BB_CHECK(in.status());
  if (bytes.size() != numbers.size_bytes()) return fail(Code::dims_mismatch, in.position());
  if (!bytes.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return all_finite(numbers) ? Status{} : fail(Code::malformed, in.position());
}

}  // namespace

void MlpNetwork::save(StateWriter& out) const {
  save_numbers(out, parameters_.span());
  save_numbers(out, velocity_.span());
  out.number(pending_batch_);
  if (pending_batch_ == 0) return;
  for (std::size_t i = 0; i < activations_.size(); ++i)
    save_numbers(out, activations_[i].span().first(pending_batch_ * options_.layers[i]));
  save_numbers(out, error_a_.span().first(pending_batch_ * outputs()));
}

Status MlpNetwork::restore(StateReader& in) {
  BB_CHECK(restore_numbers(in, parameters_.span()));
  BB_CHECK(restore_numbers(in, velocity_.span()));
  const auto batch = static_cast<std::size_t>(in.number_to(kBatchMax));
  BB_CHECK(in.status());
  pending_batch_ = 0;
  if (batch == 0) return {};
  BB_CHECK(reserve(batch));
  for (std::size_t i = 0; i < activations_.size(); ++i)
    BB_CHECK(restore_numbers(in, activations_[i].span().first(batch * options_.layers[i])));
  BB_CHECK(restore_numbers(in, error_a_.span().first(batch * outputs())));
  pending_batch_ = batch;
  return {};
}

Status MlpNetwork::apply_delta(std::span<const float> delta) {
  if (delta.size() != parameters_.size()) return fail(Code::dims_mismatch, delta.size());
  for (std::size_t i = 0; i < delta.size(); ++i)
    if (!std::isfinite(parameters_[i] + delta[i])) return fail(Code::malformed, i);
  for (std::size_t i = 0; i < delta.size(); ++i) parameters_[i] += delta[i];
  pending_batch_ = 0;
  return {};
}

}  // namespace bb::ops
