// The component: inputs to a RoundBuffer, and the weighted mean of a round.
#include "ops/aggregators/fedavg.h"

#include "bb/config.h"
#include "bb/roles.h"
#include "ops/aggregators/round_buffer.h"
#include "ops/inputs.h"

namespace bb::ops {
namespace {

constexpr InputPort kContribution{0, "contribution", "missing_contribution"};
constexpr InputPort kMetadata{1, "metadata", "missing_metadata"};
constexpr InputPort kSource{2, "source", "missing_source"};

/// Writes Σ samples · tensor ÷ Σ samples. `sums` holds zeros, as many as a contribution has numbers.
void weighted_mean(const std::vector<Contribution>& contributions, double total, std::span<double> sums, float* out) {
  for (const Contribution& contribution : contributions) {
    const auto weight = static_cast<double>(contribution.samples);
    const std::span<const float> numbers = contribution.tensor.as_tensor().f32();
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += weight * static_cast<double>(numbers[i]);
  }
  for (std::size_t i = 0; i < sums.size(); ++i) out[i] = static_cast<float>(sums[i] / total);
}

class FedAvg final : public Aggregator {
 public:
  explicit FedAvg(const RoundOptions& options) : buffer_(options) {}

  Outcome contribute(OpContext& ctx) override {
    if (!f32_input(ctx, kContribution)) return Outcome::failed;
    FedAvgMeta meta{.samples = 1, .round = FedAvgMeta::kCurrentRound};
    if (const Value& value = ctx.input(kMetadata.position); value.present()) {
      if (value.carrier() != Carrier::fed_avg_meta) return type_mismatch(ctx, kMetadata, "fedavg_meta");
      meta = value.as_fed_avg_meta();
    }
    PeerId source = ctx.self();
    if (const Value& value = ctx.input(kSource.position); value.present()) {
      if (value.carrier() != Carrier::peer) return type_mismatch(ctx, kSource, "peer_id");
      source = value.as_peer();
    } else if (ctx.inbound() && ctx.inbound()->source.carrier() == Carrier::peer) {
      source = ctx.inbound()->source.as_peer();
    }
    auto accepted = buffer_.contribute(source, ctx.take(kContribution.position), meta);
    if (!accepted) return fail(ctx, std::move(accepted.error()));
    return acknowledge(ctx);
  }

  Status save(StateWriter& out) const override { return buffer_.save(out); }
  Status load(StateReader& in, Memory& memory) override { return buffer_.load(in, memory); }

  Outcome aggregate(OpContext& ctx) override {
    if (!buffer_.ready())
      return ctx.fail(OpErrorKind::cooldown, "quorum_not_met",
                      "have " + std::to_string(buffer_.sources()) + ", need " + std::to_string(buffer_.min_contributions()));
    const std::vector<Contribution>& contributions = buffer_.contributions();
    const auto shape = contributions.front().tensor.as_tensor().shape;
    // All three before anything changes: a round whose result finds no memory can be aggregated again.
    auto params = Value::tensor(ctx.memory(), DType::f32, shape);
    if (!params) return ctx.fail(params.error(), "Aggregate");
    auto sums = Value::tensor(ctx.memory(), DType::f64, shape);
    if (!sums) return ctx.fail(sums.error(), "Aggregate");
    const FedAvgMeta merged{.samples = buffer_.samples(), .round = buffer_.round()};
    auto meta = Value::fed_avg_meta(ctx.memory(), merged);
    if (!meta) return ctx.fail(meta.error(), "Aggregate");
    const std::span accumulator{reinterpret_cast<double*>(sums->mutable_tensor_data()),
                                static_cast<std::size_t>(sums->as_tensor().elements)};
    std::ranges::fill(accumulator, 0.0);
    weighted_mean(contributions, static_cast<double>(merged.samples), accumulator,
                  reinterpret_cast<float*>(params->mutable_tensor_data()));
    buffer_.advance();
    ctx.output(0, std::move(*params));
    ctx.output(1, std::move(*meta));
    return Outcome::done;
  }

 private:
  static Outcome fail(OpContext& ctx, OpError error) { return ctx.fail(error.kind, error.reason, std::move(error.detail)); }

  RoundBuffer buffer_;
};

std::expected<std::unique_ptr<Component>, std::string> construct(const Config& config) {
  ConfigReader reader(config);
  RoundOptions options;
  options.min_contributions = static_cast<std::uint32_t>(reader.integer("min_contributions", 1, 1, 16'384));
  options.expected = static_cast<std::uint32_t>(reader.integer("expected", 0, 0, 16'384));
  options.max_staleness = reader.integer("max_staleness", 0, 0, RoundBuffer::kRoundMax);
  options.max_round_jump = reader.integer("max_round_jump", RoundBuffer::kRoundMax, 1, RoundBuffer::kRoundMax);
  options.max_norm = static_cast<float>(reader.number("max_norm", 0.0, 0.0, 3e38));
  options.reject_non_finite = reader.flag("reject_non_finite", true);
  options.contributions_max = static_cast<std::uint32_t>(reader.integer("contributions_max", 256, 1, 16'384));
  options.bytes_max = reader.integer("bytes_max", options.bytes_max, 1, UINT64_MAX);
  const std::string on_duplicate = reader.text("on_duplicate", "replace");
  if (std::string error = reader.finish(); !error.empty()) return std::unexpected(std::move(error));
  if (on_duplicate == "reject") {
    options.on_duplicate = OnDuplicate::reject;
  } else if (on_duplicate == "sum") {
    options.on_duplicate = OnDuplicate::sum;
  } else if (on_duplicate != "replace") {
    return std::unexpected("config type mismatch: `on_duplicate` expected replace, reject or sum, got " + on_duplicate);
  }
  if (options.min_contributions > options.contributions_max ||
      (options.expected > 0 && options.min_contributions > options.expected))
    return std::unexpected("FedAvg: `min_contributions` " + std::to_string(options.min_contributions) + " can never be reached");
  return std::make_unique<FedAvg>(options);
}

}  // namespace

ComponentClass fedavg_class() {
  return {.type_name = "FedAvg",
          .role = Role::aggregator,
          .depends = {{.role = Role::backend, .slot = "backend", .optional = true}},
          .storage = {{"element", "tensor.f32"}, {"metadata", "fedavg_meta"}},
          .construct = construct};
}

}  // namespace bb::ops
