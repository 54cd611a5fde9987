// What the traces' models bind and call that the reference kept in its test programs. Their behaviour is that of the traces' own
// descriptions; where a trace shows none, the component only exists, so that its model can be installed.
#include "bb/component.h"
#include "golden/trace_vectors.h"
#include "ops/inputs.h"
#include "ops/registry.h"
#include "support/components.h"

namespace bb::golden {
namespace {

/// Installed, and never run by a trace.
template <class Base>
class Idle : public Base {
 public:
  Status save(StateWriter&) const override { return {}; }
  Status load(StateReader&, Memory&) override { return {}; }
};

/// Search takes a vector; it holds none, so it finds none.
class CountingIndex : public Idle<Index> {
 public:
  Outcome search(OpContext& ctx) override {
    if (!ops::f32_input(ctx, {.position = 0, .name = "query", .missing_reason = "missing_query"})) return Outcome::failed;
    auto results = Value::search_results(ctx.memory(), {});
    if (!results) return ctx.fail(results.error(), "Search");
    ctx.output(0, std::move(*results));
    return Outcome::done;
  }
};

// (sender, anything) → [sender]
Outcome peer_to_vec(OpContext& ctx) {
  if (ctx.input(0).carrier() != Carrier::peer)
    return ctx.fail(OpErrorKind::type_mismatch, "expected_peer_id", "PeerToVec: `sender` is no peer");
  const PeerId peer = ctx.input(0).as_peer();
  auto peers = Value::peers(ctx.memory(), {&peer, 1});
  if (!peers) return ctx.fail(peers.error(), "PeerToVec");
  ctx.output(0, std::move(*peers));
  return Outcome::done;
}

// Bytes of a tensor and eight of a sample count → (tensor, metadata)
Outcome decode_contribution(OpContext& ctx) {
  constexpr std::size_t count_bytes = 8;
  if (ctx.input(0).carrier() != Carrier::bytes || ctx.input(0).as_bytes().size() < count_bytes)
    return ctx.fail(OpErrorKind::type_mismatch, "expected_bytes", "DecodeContribution: no bytes");
  const Bytes bytes = ctx.input(0).as_bytes();
  const Bytes tensor_bytes = bytes.first(bytes.size() - count_bytes);
  auto tensor = decode_value(ctx.memory(), carrier_hash(Carrier::tensor), tensor_bytes);
  if (!tensor) return ctx.fail(tensor.error(), "DecodeContribution: tensor");
  auto meta = Value::fed_avg_meta(
      ctx.memory(), {.samples = load_le<std::uint64_t>(bytes.data() + tensor_bytes.size()), .round = FedAvgMeta::kCurrentRound});
  if (!meta) return ctx.fail(meta.error(), "DecodeContribution: metadata");
  ctx.output(0, std::move(*tensor));
  ctx.output(1, std::move(*meta));
  return Outcome::done;
}

template <class T>
void bind(Registry& registry, std::string name, Role role, std::map<std::string, std::string> storage) {
  ComponentClass type;
  type.type_name = std::move(name);
  type.role = role;
  type.storage = std::move(storage);
  type.construct = [](const Config& config) -> std::expected<std::unique_ptr<Component>, std::string> {
    ConfigReader reader(config);
    if (std::string problem = reader.finish(); !problem.empty()) return std::unexpected(std::move(problem));
    return std::make_unique<T>();
  };
  BB_ASSERT(registry.add(std::move(type)));
}

}  // namespace

Registry trace_registry() {
  Registry registry = ops::builtin_registry();
  test::add_test_components(registry);  // StubLoader
  bind<Idle<DataSource>>(registry, "NoopDataLoader", Role::data_source, {{"sample", "tensor.f32"}});
  bind<Idle<Model>>(registry, "NoopModel", Role::model, {{"tensor", "tensor.f32"}});
  bind<test::IdentityModel>(registry, "StubModel", Role::model, {{"tensor", "tensor.f32"}});
  bind<test::CountingAggregator>(registry, "StubAggregator", Role::aggregator, {{"element", "tensor.f32"}});
  bind<CountingIndex>(registry, "CountingIndex", Role::index, {{"vector", "tensor.f32"}});
  bind<Idle<Model>>(registry, "MyModel", Role::model, {{"tensor", "tensor.f32"}});
  BB_ASSERT(registry.add(OpDeclaration{.domain = "golden.test",
                                       .op_type = "PeerToVec",
                                       .inputs = {{.name = "sender"}, {.name = "after"}},
                                       .outputs = {{.name = "peers"}},
                                       .run = peer_to_vec}));
  BB_ASSERT(registry.add(OpDeclaration{.domain = "golden.test",
                                       .op_type = "DecodeContribution",
                                       .inputs = {{.name = "contribution"}},
                                       .outputs = {{.name = "params"}, {.name = "meta"}},
                                       .run = decode_contribution}));
  return registry;
}

}  // namespace bb::golden
