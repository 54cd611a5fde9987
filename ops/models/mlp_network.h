// A multilayer perceptron: ReLU between layers, softmax cross-entropy or squared error at the end, gradient descent with momentum.
// Pure numbers, no engine: the component around it is in mlp.cpp.
#pragma once

#include <vector>

#include "bb/error.h"
#include "bb/state_codec.h"
#include "ops/buffer.h"

namespace bb::ops {

enum class Loss : std::uint8_t {
  cross_entropy,  // targets are one class index a sample
  squared_error,  // targets are one number an output; the sum over outputs, the mean over samples
};

struct MlpOptions {
  std::vector<std::size_t> layers;  // sizes from input to output, at least two
  float learning_rate = 0.05f;
  float momentum = 0.9f;
  std::uint64_t seed = 0;
  Loss loss = Loss::cross_entropy;
  bool bias = true;
};

/// Samples are rows. After the first step of a batch size nothing is allocated.
class MlpNetwork {
 public:
  static constexpr std::size_t kLayersMax = 32;
  static constexpr std::size_t kLayerSizeMax = 1u << 20;
  static constexpr std::size_t kParametersMax = 1u << 26;
  static constexpr std::size_t kBatchMax = 1u << 16;
  static constexpr std::uint64_t kWorkspaceMax = 1u << 26;  // numbers that a batch's activations and errors take

  /// Weights uniform in ±√(6 / inputs of the layer), biases 0, drawn layer by layer from a stream of the seed.
  /// Errors: empty_list (fewer than two layers), over_cap, invalid_value (a size of 0), no_memory; `at` is the layer.
  static Result<MlpNetwork> make(MlpOptions options);

  std::size_t inputs() const { return options_.layers.front(); }
  std::size_t outputs() const { return options_.layers.back(); }
  /// Numbers that a batch's targets hold.
  std::uint64_t targets(std::size_t batch) const {
    return options_.loss == Loss::cross_entropy ? batch : std::uint64_t{batch} * outputs();
  }
  /// Layer by layer: weights (inputs × outputs, row-major), then biases.
  std::span<const float> parameters() const { return parameters_.span(); }

  /// The last layer's outputs, batch × outputs(), before any softmax. Does not disturb a pending loss.
  /// Errors: over_cap (batch), no_memory.
  Status forward(std::span<const float> x, std::size_t batch, std::span<float> out);
  /// Runs forward and keeps what `step` needs. Errors: over_cap, no_memory, invalid_value (a target that is no class index; `at` is the
  /// sample), malformed (the loss is not finite).
  Result<float> compute_loss(std::span<const float> x, std::span<const float> targets, std::size_t batch);
  /// Back-propagates the pending loss and updates the parameters. Errors: closed (no loss is pending), malformed (an updated
  /// parameter would not be finite: parameters and momentum are as before).
  Status step();

  /// Replaces all parameters and forgets momentum and the pending loss. Errors: dims_mismatch (length), malformed (a number that is
  /// not finite; `at` is its position).
  Status load(std::span<const float> parameters);
  /// Parameters, momentum, and a loss that waits for its step.
  void save(StateWriter& out) const;
  /// Into a network of the same options. Errors: those of the reader, dims_mismatch, malformed (a number that is not finite), over_cap,
  /// no_memory; the network is then not to be used.
  Status restore(StateReader& in);
  /// Adds to all parameters; errors as for `load`, also when a sum is not finite.
  Status apply_delta(std::span<const float> delta);

 private:
  struct Layer {
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    std::size_t weights_at = 0;  // in `parameters_`
    std::size_t biases_at = 0;
  };

  Status reserve(std::size_t batch);
  Status reserve_scratch(std::size_t batch);
  void run_layer(const Layer& layer, const float* in, std::size_t batch, float* out) const;
  Result<float> loss_of(std::span<const float> targets, std::size_t batch);
  Status gradient_and_update(std::size_t batch);

  MlpOptions options_;
  std::vector<Layer> layers_;
  Buffer<float> parameters_;
  Buffer<float> velocity_;
  Buffer<float> gradient_;

  // Training: activations_[i] is the input of layer i, the last one the outputs. Capacity for `batch_capacity_` samples.
  std::vector<Buffer<float>> activations_;
  Buffer<float> error_a_;
  Buffer<float> error_b_;
  std::size_t batch_capacity_ = 0;
  std::size_t pending_batch_ = 0;  // 0: no loss is pending
  // Prediction: two buffers of the widest hidden layer.
  Buffer<float> scratch_a_;
  Buffer<float> scratch_b_;
  std::size_t scratch_capacity_ = 0;
};

}  // namespace bb::ops
