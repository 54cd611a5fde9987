// The component around MlpNetwork: shapes in, typed failures out.
#include "ops/models/mlp.h"

#include <algorithm>
#include <charconv>

#include "bb/config.h"
#include "bb/roles.h"
#include "ops/inputs.h"
#include "ops/models/mlp_network.h"

namespace bb::ops {
namespace {

constexpr std::string_view kDataSlot = "data";
constexpr std::int64_t kStepsMax = 65'536;

constexpr InputPort kInput{0, "input", "missing_input"};
constexpr InputPort kTarget{1, "target", "missing_target"};
constexpr InputPort kDelta{0, "delta", "missing_delta"};
constexpr InputPort kParams{0, "params", "missing_params"};

class Mlp final : public Model {
 public:
  explicit Mlp(MlpNetwork network) : network_(std::move(network)) {}

  Outcome forward(OpContext& ctx) override {
    const auto x = f32_input(ctx, kInput);
    if (!x) return Outcome::failed;
    const auto batch = batch_of(ctx, *x);
    if (!batch) return Outcome::failed;
    const std::uint64_t shape[] = {*batch, network_.outputs()};
    const std::size_t rank = x->shape.size();
    auto out = Value::tensor(ctx.memory(), DType::f32, std::span(shape).last(rank));
    if (!out) return ctx.fail(out.error(), "Forward");
    const std::span logits{reinterpret_cast<float*>(out->mutable_tensor_data()), *batch * network_.outputs()};
    if (const Status ran = network_.forward(x->f32(), *batch, logits); !ran) return ctx.fail(ran.error(), "Forward");
    ctx.output(0, std::move(*out));
    return Outcome::done;
  }

  Outcome compute_loss(OpContext& ctx) override {
    const auto x = f32_input(ctx, kInput);
    if (!x) return Outcome::failed;
    const auto targets = f32_input(ctx, kTarget);
    if (!targets) return Outcome::failed;
    const auto loss = loss_of(ctx, *x, *targets);
    if (!loss) return Outcome::failed;
    ctx.output(0, Value::f32(*loss));
    return Outcome::done;
  }

  Outcome backward(OpContext& ctx) override {
    if (!step(ctx)) return Outcome::failed;
    return acknowledge(ctx);
  }

  Outcome apply_delta(OpContext& ctx) override {
    const auto delta = f32_input(ctx, kDelta);
    if (!delta) return Outcome::failed;
    if (const Status applied = network_.apply_delta(delta->f32()); !applied) return refuse(ctx, "ApplyDelta", applied.error());
    return acknowledge(ctx);
  }

  Outcome load_parameters(OpContext& ctx) override {
    const auto params = f32_input(ctx, kParams);
    if (!params) return Outcome::failed;
    if (const Status loaded = network_.load(params->f32()); !loaded) return refuse(ctx, "LoadParameters", loaded.error());
    return acknowledge(ctx);
  }

  Outcome params(OpContext& ctx) override {
    const std::uint64_t shape[] = {network_.parameters().size()};
    return answer_f32(ctx, 0, shape, network_.parameters());
  }

  Status save(StateWriter& out) const override {
    network_.save(out);
    return {};
  }
  Status load(StateReader& in, Memory&) override { return network_.restore(in); }

  Outcome train(OpContext& ctx) override {
    const std::int64_t steps = ctx.parameter(0);
    if (steps < 1 || steps > kStepsMax)
      return ctx.fail(OpErrorKind::bad_input, "steps_out_of_range",
                      "Train: steps is " + std::to_string(steps) + ", not 1 to " + std::to_string(kStepsMax));
    double sum = 0.0;
    for (std::int64_t i = 0; i < steps; ++i) {
      Value batch[2];
      const Outcome drawn = ctx.call_dependency(kDataSlot, static_cast<std::uint16_t>(DataSourceMethod::next_batch), {}, batch);
      if (drawn != Outcome::done) return drawn;
      if (!batch[0].is_f32_tensor() || !batch[1].is_f32_tensor())
        return ctx.fail(OpErrorKind::type_mismatch, "input_type_mismatch",
                        "Train: NextBatch gave " + held_type(batch[0]) + " and " + held_type(batch[1]) + ", not tensor.f32");
      const auto loss = loss_of(ctx, batch[0].as_tensor(), batch[1].as_tensor());
      if (!loss || !step(ctx)) return Outcome::failed;
      sum += static_cast<double>(*loss);
    }
    ctx.output(0, Value::f32(static_cast<float>(sum / static_cast<double>(steps))));
    return Outcome::done;
  }

 private:
  /// The number of rows of [batch, inputs] or [inputs], or nothing after `ctx.fail`.
  std::optional<std::size_t> batch_of(OpContext& ctx, const TensorView& x) const {
    const std::size_t rank = x.shape.size();
    if (rank < 1 || rank > 2 || x.shape.back() != network_.inputs()) {
      ctx.fail(OpErrorKind::bad_input, "shape_mismatch",
               "input " + shape_text(x.shape) + " is not [batch, " + std::to_string(network_.inputs()) + "]");
      return std::nullopt;
    }
    return static_cast<std::size_t>(rank == 1 ? 1 : x.shape[0]);
  }

  std::optional<float> loss_of(OpContext& ctx, const TensorView& x, const TensorView& targets) {
    const auto batch = batch_of(ctx, x);
    if (!batch) return std::nullopt;
    if (*batch == 0 || targets.elements != network_.targets(*batch)) {
      ctx.fail(OpErrorKind::bad_input, "shape_mismatch",
               "target " + shape_text(targets.shape) + " does not fit input " + shape_text(x.shape));
      return std::nullopt;
    }
    const auto loss = network_.compute_loss(x.f32(), targets.f32(), *batch);
    if (loss) return *loss;
    if (loss.error().code == Code::invalid_value) {
      ctx.fail(OpErrorKind::bad_input, "label_out_of_range",
               "target " + std::to_string(loss.error().at) + " is no class index below " + std::to_string(network_.outputs()));
    } else if (loss.error().code == Code::malformed) {
      ctx.fail(OpErrorKind::execution_failed, "non_finite_loss", "the loss is not finite; parameters are unchanged");
    } else {
      ctx.fail(loss.error(), "ComputeLoss");
    }
    return std::nullopt;
  }

  bool step(OpContext& ctx) {
    const Status stepped = network_.step();
    if (stepped) return true;
    if (stepped.error().code == Code::closed) {
      ctx.fail(OpErrorKind::bad_input, "no_pending_loss", "Backward: no ComputeLoss came before it");
    } else {
      ctx.fail(OpErrorKind::execution_failed, "non_finite_update",
               "an updated parameter would not be finite; parameters are unchanged");
    }
    return false;
  }

  Outcome refuse(OpContext& ctx, std::string_view method, const Error& error) const {
    if (error.code == Code::dims_mismatch)
      return ctx.fail(OpErrorKind::bad_input, "shape_mismatch",
                      std::string(method) + ": expected " + std::to_string(network_.parameters().size()) + " numbers, got " +
                          std::to_string(error.at));
    return ctx.fail(OpErrorKind::bad_input, "non_finite",
                    std::string(method) + ": the number at " + std::to_string(error.at) + " is not finite");
  }

  MlpNetwork network_;
};

/// Appends the size that `text` says; false when it is no number.
bool add_layer(std::string_view text, std::vector<std::size_t>& layers) {
  std::uint32_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  layers.push_back(size);
  return true;
}

bool parse_layers(std::string_view text, std::vector<std::size_t>& layers) {
  while (layers.size() <= MlpNetwork::kLayersMax) {
    const std::size_t dash = text.find('-');
    if (!add_layer(text.substr(0, dash), layers)) return false;
    if (dash == std::string_view::npos) return true;
    text.remove_prefix(dash + 1);
  }
  return true;  // too many: `make` says so
}

bool read_layers(const Config& config, ConfigReader& reader, std::vector<std::size_t>& layers) {
  const Config::Entry* const entry = config.find("layers");
  if (!entry || !std::holds_alternative<std::vector<ByteBuffer>>(*entry)) return parse_layers(reader.text("layers", ""), layers);
  const auto* const list = reader.list("layers");
  return std::ranges::all_of(*list, [&layers](const ByteBuffer& item) {
    return layers.size() > MlpNetwork::kLayersMax || add_layer(as_text(item), layers);
  });
}

std::expected<std::unique_ptr<Component>, std::string> construct(const Config& config) {
  ConfigReader reader(config);
  MlpOptions options;
  const bool layers_read = read_layers(config, reader, options.layers);
  options.learning_rate = static_cast<float>(reader.number("learning_rate", 0.05, 0.0, 1e6));
  options.momentum = static_cast<float>(reader.number("momentum", 0.9, 0.0, 1.0));
  options.seed = reader.integer("seed", 0, 0, UINT64_MAX);
  options.bias = reader.flag("bias", true);
  const std::string loss = reader.text("loss", "cross_entropy");
  if (std::string error = reader.finish(); !error.empty()) return std::unexpected(std::move(error));
  if (!layers_read) return std::unexpected(std::string("config type mismatch: `layers` expected sizes like \"784-64-10\""));
  if (loss == "squared_error") {
    options.loss = Loss::squared_error;
  } else if (loss != "cross_entropy") {
    return std::unexpected("config type mismatch: `loss` expected cross_entropy or squared_error, got " + loss);
  }
  auto network = MlpNetwork::make(std::move(options));
  if (!network)
    return std::unexpected("Mlp: `layers` refused: " + std::string(code_name(network.error().code)) + " at " +
                           std::to_string(network.error().at));
  return std::make_unique<Mlp>(std::move(*network));
}

}  // namespace

ComponentClass mlp_class() {
  return {.type_name = "Mlp",
          .role = Role::model,
          .depends = {{.role = Role::data_source, .slot = std::string(kDataSlot), .optional = true}},
          .storage = {{"tensor", "tensor.f32"}},
          .construct = construct};
}

}  // namespace bb::ops
