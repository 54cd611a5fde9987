// layer: op
// The methods of every role, numbered as ops/roles.cpp declares them, and a base class per role whose methods fail as unsupported
// unless overridden (spec C §4).
#pragma once

#include "bb/component.h"

namespace bb {

enum class ModelMethod : std::uint16_t { forward, backward, compute_loss, apply_delta, load_parameters, params, train };
enum class DataSourceMethod : std::uint16_t { next_batch, reset, on_data_loaded };
enum class AggregatorMethod : std::uint16_t { contribute, aggregate };
enum class PeerSelectorMethod : std::uint16_t { sample, current_view, select };
enum class IndexMethod : std::uint16_t { add, search, remove, train };
enum class CodecMethod : std::uint16_t { train, encode, decode };

/// Fails with NotRegistered/`unsupported_method`.
Outcome unsupported(OpContext& ctx, std::string_view method);

class Model : public Component {
 public:
  Outcome dispatch(std::uint16_t method, OpContext& ctx) final;
  /// x → output
  virtual Outcome forward(OpContext& ctx) { return unsupported(ctx, "Forward"); }
  /// grad (the loss of the last compute_loss) → ack
  virtual Outcome backward(OpContext& ctx) { return unsupported(ctx, "Backward"); }
  /// x [B, features], y [B] class index as f32 → loss f32
  virtual Outcome compute_loss(OpContext& ctx) { return unsupported(ctx, "ComputeLoss"); }
  /// delta → ack
  virtual Outcome apply_delta(OpContext& ctx) { return unsupported(ctx, "ApplyDelta"); }
  /// params, a rank-1 tensor → ack
  virtual Outcome load_parameters(OpContext& ctx) { return unsupported(ctx, "LoadParameters"); }
  /// → params
  virtual Outcome params(OpContext& ctx) { return unsupported(ctx, "Params"); }
  /// trigger?; parameter `steps`; batches from the data source it depends on → loss f32, the mean over the steps
  virtual Outcome train(OpContext& ctx) { return unsupported(ctx, "Train"); }
};

class DataSource : public Component {
 public:
  Outcome dispatch(std::uint16_t method, OpContext& ctx) final;
  /// → batch, labels
  virtual Outcome next_batch(OpContext& ctx) { return unsupported(ctx, "NextBatch"); }
  virtual Outcome reset(OpContext& ctx) { return unsupported(ctx, "Reset"); }
  virtual Outcome on_data_loaded(OpContext& ctx) { return unsupported(ctx, "OnDataLoaded"); }
};

class Aggregator : public Component {
 public:
  Outcome dispatch(std::uint16_t method, OpContext& ctx) final;
  /// contribution, metadata?, source? → ack
  virtual Outcome contribute(OpContext& ctx) { return unsupported(ctx, "Contribute"); }
  /// trigger → params, metadata
  virtual Outcome aggregate(OpContext& ctx) { return unsupported(ctx, "Aggregate"); }
};

class PeerSelector : public Component {
 public:
  Outcome dispatch(std::uint16_t method, OpContext& ctx) final;
  /// parameter `n` → peers
  virtual Outcome sample(OpContext& ctx) { return unsupported(ctx, "Sample"); }
  /// → peers
  virtual Outcome current_view(OpContext& ctx) { return unsupported(ctx, "CurrentView"); }
  /// key?; parameters `mode` (0 random, 1 near key, 2 all), `n` → peers
  virtual Outcome select(OpContext& ctx) { return unsupported(ctx, "Select"); }
};

class Index : public Component {
 public:
  Outcome dispatch(std::uint16_t method, OpContext& ctx) final;
  virtual Outcome add(OpContext& ctx) { return unsupported(ctx, "Add"); }
  virtual Outcome search(OpContext& ctx) { return unsupported(ctx, "Search"); }
  virtual Outcome remove(OpContext& ctx) { return unsupported(ctx, "Remove"); }
  virtual Outcome train(OpContext& ctx) { return unsupported(ctx, "Train"); }
};

class Codec : public Component {
 public:
  Outcome dispatch(std::uint16_t method, OpContext& ctx) final;
  virtual Outcome train(OpContext& ctx) { return unsupported(ctx, "Train"); }
  virtual Outcome encode(OpContext& ctx) { return unsupported(ctx, "Encode"); }
  virtual Outcome decode(OpContext& ctx) { return unsupported(ctx, "Decode"); }
};

/// Methods of a backend are the declared `ai.onnx` ops; `op_type` names them, `state` carries the node's attributes.
class Backend : public Component {};

}  // namespace bb
