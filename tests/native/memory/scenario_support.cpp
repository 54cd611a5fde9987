// The registry, the artifacts and the letters of the scenarios.
#include <map>
#include <memory>

#include "bb/compiler.h"
#include "memory/scenarios.h"
#include "ops/registry.h"
#include "support/components.h"
#include "wire/envelope_writer.h"

namespace bb::test {
namespace {

/// Parks every forward; its parameters are one number.
class ParkingModel final : public Stateless<Model> {
 public:
  Outcome forward(OpContext& ctx) override {
    const auto command = ctx.park(500'000'000);
    return command ? Outcome::parked : ctx.fail(command.error(), "ParkingModel");
  }
  Outcome params(OpContext& ctx) override {
    const std::uint64_t shape[] = {1};
    const float one = 1;
    auto value = Value::tensor_f32(ctx.memory(), shape, {&one, 1});
    if (!value) return ctx.fail(value.error(), "ParkingModel");
    ctx.output(0, std::move(*value));
    return Outcome::done;
  }
};

/// What peers may call; its bootstrap parks.
class Clerk final : public Component {
 public:
  Outcome dispatch(std::uint16_t, OpContext& ctx) override { return ctx.fail(OpErrorKind::other, "no_methods", "Clerk"); }
  Outcome serve(std::uint16_t method, OpContext& ctx) override {
    served_ += method + ctx.input(0).as_bytes().size();
    return Outcome::done;
  }
  Outcome bootstrap(OpContext& ctx) override {
    const auto command = ctx.park();
    return command ? Outcome::parked : ctx.fail(command.error(), "Clerk");
  }
  Status save(StateWriter& out) const override {
    out.number(served_);
    return {};
  }
  Status load(StateReader& in, Memory&) override {
    served_ = in.number();
    return in.status();
  }

 private:
  std::uint64_t served_ = 0;
};

template <class T>
void add(Registry& registry, ComponentClass type) {
  type.construct = [](const Config&) -> std::expected<std::unique_ptr<Component>, std::string> { return std::make_unique<T>(); };
  require_rule(registry.add(std::move(type)).has_value(), "the registry takes the component");
}

}  // namespace

const Registry& scenario_registry() {
  static const Registry made = [] {
    Registry registry = ops::builtin_registry();
    add_test_components(registry);
    add<ParkingModel>(registry, {.type_name = "ParkingModel", .role = Role::model, .storage = {{"tensor", "tensor.f32"}}});
    add<Clerk>(registry, {.type_name = "Clerk",
                          .role = Role::model,
                          .storage = {{"tensor", "tensor.f32"}},
                          .has_bootstrap = true,
                          .remote_methods = {"echo", "count"}});
    return registry;
  }();
  return made;
}

const ByteBuffer& compiled(const std::string& key, const Module& module) {
  static std::map<std::string, ByteBuffer> made;
  ByteBuffer& bytes = made[key];
  if (!bytes.empty()) return bytes;
  Compiler compiler(scenario_registry());
  compiler.bind("model", "Mlp").bind("aggregator", "FedAvg").bind("data", "Dataset").bind("slow", "ParkingModel");
  compiler.bind("clerk", "Clerk")
      .bind("backend", "bytesandbrains::backends::cpu::CpuBackend")
      .bind("random", "RandomSelector")
      .bind("view", "ConstantView");
  const auto artifact = compiler.compile(module);
  require_rule(artifact.has_value(), artifact ? "" : key + ": " + artifact.error().code + ": " + artifact.error().message);
  bytes.assign(artifact->bytes().begin(), artifact->bytes().end());
  return bytes;
}

ByteBuffer Letter::bytes() const {
  const wire::FillFields fill[] = {{.suffix = suffix, .payload = payload, .type_hash = hash}};
  std::vector<Bytes> addresses(source_addresses.begin(), source_addresses.end());
  const wire::RttReport report[] = {
      {.next_hop_site_id = 5, .chain_id = 6, .hop_index = 1, .srtt_ns = 1'000, .rttvar_ns = 10, .sample_count = 9}};
  const ByteBuffer destination = Address::p2p(PeerId::from(1)).to_bytes();
  const Bytes destinations[] = {destination};
  ByteBuffer out;
  wire::write_envelope({.destinations = destinations,
                        .fills = fill,
                        .has_correlation = true,
                        .correlation_kind = kind,
                        .request_id = request_id,
                        .reports = reports ? std::span<const wire::RttReport>(report) : std::span<const wire::RttReport>(),
                        .source_addresses = addresses,
                        .incarnation = incarnation,
                        .sequence = sequence},
                       out);
  return out;
}

}  // namespace bb::test
