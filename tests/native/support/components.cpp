// The components of the scenarios.
#include "support/components.h"

namespace bb::test {
namespace {

Outcome put_tensor(OpContext& ctx, std::uint32_t port, std::span<const std::uint64_t> shape, std::span<const float> data) {
  auto value = Value::tensor_f32(ctx.memory(), shape, data);
  if (!value) return ctx.fail(value.error(), "test component");
  ctx.output(port, std::move(*value));
  return Outcome::done;
}

template <class T>
ComponentClass describe(std::string name, Role role, std::map<std::string, std::string> storage) {
  ComponentClass type;
  type.type_name = std::move(name);
  type.role = role;
  type.storage = std::move(storage);
  type.construct = [](const Config&) -> std::expected<std::unique_ptr<Component>, std::string> { return std::make_unique<T>(); };
  return type;
}

}  // namespace

Outcome StubLoader::next_batch(OpContext& ctx) {
  const std::uint64_t shape[] = {batch_.size()};
  if (const Outcome outcome = put_tensor(ctx, 0, shape, batch_); outcome != Outcome::done) return outcome;
  const std::uint64_t none[] = {0};
  return put_tensor(ctx, 1, none, {});
}

Outcome IdentityModel::forward(OpContext& ctx) {
  ctx.output(0, ctx.take(0));
  return Outcome::done;
}

Outcome ScalarModel::forward(OpContext& ctx) {
  calls.emplace_back("forward");
  const TensorView x = ctx.input(0).as_tensor();
  std::vector<float> y(x.f32().begin(), x.f32().end());
  for (float& element : y) element *= weight;
  return put_tensor(ctx, 0, x.shape, y);
}

Outcome ScalarModel::load_parameters(OpContext& ctx) {
  calls.emplace_back("load_parameters");
  weight = ctx.input(0).as_tensor().f32()[0];
  ctx.output(0, Value::trigger());
  return Outcome::done;
}

Outcome ScalarModel::params(OpContext& ctx) {
  calls.emplace_back("params");
  const std::uint64_t shape[] = {1};
  return put_tensor(ctx, 0, shape, {&weight, 1});
}

Outcome CountingAggregator::contribute(OpContext& ctx) {
  const auto data = ctx.input(0).as_tensor().f32();
  contributions.push_back(
      {ctx.inbound() ? ctx.inbound()->source.as_peer() : ctx.self(), std::vector<float>(data.begin(), data.end())});
  ctx.output(0, Value::trigger());
  return Outcome::done;
}

Outcome CountingAggregator::aggregate(OpContext& ctx) {
  const std::uint64_t shape[] = {1};
  const auto count = static_cast<float>(contributions.size());
  return put_tensor(ctx, 0, shape, {&count, 1});
}

Status ScalarModel::save(StateWriter& out) const {
  out.number(calls.size());
  for (const std::string& call : calls) out.text(call);
  out.real(weight);
  return {};
}

Status ScalarModel::load(StateReader& in, Memory&) {
  calls.clear();
  for (std::uint32_t left = in.count(UINT32_MAX); left > 0; --left) calls.emplace_back(in.text());
  weight = static_cast<float>(in.real());
  return in.status();
}

Status CountingAggregator::save(StateWriter& out) const {
  out.number(contributions.size());
  for (const Contribution& contribution : contributions) {
    out.bytes(contribution.source.to_bytes());
    out.number(contribution.data.size());
    for (const float number : contribution.data) out.fixed_u32(std::bit_cast<std::uint32_t>(number));
  }
  return {};
}

Status CountingAggregator::load(StateReader& in, Memory&) {
  contributions.clear();
  for (std::uint32_t left = in.count(UINT32_MAX); left > 0; --left) {
    auto source = PeerId::from_bytes(in.bytes());
    if (!source) return fail(Code::invalid_value, in.position());
    contributions.push_back({.source = *source, .data = {}});
    for (std::uint32_t numbers = in.count(UINT32_MAX, 4); numbers > 0; --numbers)
      contributions.back().data.push_back(std::bit_cast<float>(in.fixed_u32()));
  }
  return in.status();
}

void add_test_components(Registry& registry) {
  ComponentClass loader = describe<CountingAggregator>("StubLoader", Role::data_source, {{"sample", "tensor.f32"}});
  loader.construct = [](const Config& config) -> std::expected<std::unique_ptr<Component>, std::string> {
    std::vector<float> batch{1, 2, 3};
    ConfigReader reader(config);
    if (const double single = reader.number("single", 0, -1e6, 1e6); single != 0) batch = {static_cast<float>(single)};
    if (std::string problem = reader.finish(); !problem.empty()) return std::unexpected(std::move(problem));
    return std::make_unique<StubLoader>(std::move(batch));
  };
  ComponentClass aggregator = describe<CountingAggregator>("CountingAggregator", Role::aggregator, {{"element", "tensor.f32"}});
  aggregator.ignores_metadata = true;
  BB_ASSERT(registry.add(std::move(loader)));
  BB_ASSERT(registry.add(describe<IdentityModel>("IdentityModel", Role::model, {{"tensor", "tensor.f32"}})));
  BB_ASSERT(registry.add(describe<ScalarModel>("ScalarModel", Role::model, {{"tensor", "tensor.f32"}})));
  BB_ASSERT(registry.add(std::move(aggregator)));
}

}  // namespace bb::test
