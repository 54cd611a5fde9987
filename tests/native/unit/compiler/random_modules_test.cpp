// Random trees of modules: whatever compiles keeps the invariants that the linker relies on; whatever does not has a typed error.
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <set>

#include "fixture.h"

using namespace bb;
using namespace bb::test;

namespace {

/// A small generator of its own, so that a seed means the same module for ever.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}
  std::uint32_t roll(std::uint32_t sides) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::uint32_t>((state_ >> 33) % sides);
  }

 private:
  std::uint64_t state_;
};

/// A module whose body is a function of its seed: the same seed records the same body each time it is called.
class RandomModule : public Module {
 public:
  RandomModule(std::uint64_t seed, int depth)
      : Module((depth == 0 ? "Root" : "Child") + std::to_string(seed)), seed_(seed), depth_(depth) {}

  void body(Graph& g) const override {
    Dice dice(seed_);
    std::vector<Output> values{g.input("x", "tensor.f32")};
    const Output peers = g.input<type::Peers>("peers");
    const Output servers = g.input<type::Peers>("servers");
    const auto any = [&] { return values[dice.roll(static_cast<std::uint32_t>(values.size()))]; };
    const std::uint32_t steps = 2 + dice.roll(6);
    for (std::uint32_t step = 0; step < steps; ++step) {
      switch (dice.roll(depth_ < 3 ? 8 : 6)) {
        case 0: values.push_back(ModelSlot("model").forward(g, any())); break;
        case 1: values.push_back(ModelSlot("model").params(g)); break;
        case 2: {
          const Output a = any();
          values.push_back(BackendSlot("backend").add(g, a, any()));
          break;
        }
        case 3: g.on(dice.roll(2) ? "peers" : "@self", [&] { AggregatorSlot("aggregator").contribute(g, any()); }); break;
        case 4: g.output("o" + std::to_string(seed_) + "_" + std::to_string(step), any()); break;
        case 5: {
          // Ports of a module that is called twice would meet at one address, so some of these must be refused.
          const std::string port = "p" + std::to_string(seed_) + "_" + std::to_string(step);
          const Output to = dice.roll(2) ? peers : servers;
          const NetOut out = g.net_out(port, to, any());
          if (dice.roll(2)) values.push_back(out.value);
          break;
        }
        default: {
          const RandomModule child(seed_ * 7 + dice.roll(3), depth_ + 1);
          const Output x = any();
          const auto called = g.call(child, {{"x", x}, {"peers", peers}, {"servers", servers}});
          values.push_back(called["y"]);
          break;
        }
      }
    }
    g.output("y", values.back());
  }

 private:
  std::uint64_t seed_;
  int depth_;
};

void check_invariants(const onnx::ModelProto& model) {
  std::set<std::string> functions, sites;
  std::map<std::string, int> sends, recvs;
  for (const auto& function : model.functions()) REQUIRE(functions.insert(function.name()).second);
  for (const auto& function : model.functions()) {
    std::set<std::string> made(function.input().begin(), function.input().end());
    std::set<std::string> names;
    std::map<std::string, std::string> types;
    for (const auto& info : function.value_info()) REQUIRE(types.emplace(info.name(), info.type().denotation()).second);
    for (const auto& node : function.node()) {
      REQUIRE(names.insert(node.name()).second);
      for (const auto& input : node.input()) REQUIRE((input.empty() || made.contains(input)));
      for (const auto& output : node.output()) {
        REQUIRE(made.insert(output).second);
        REQUIRE(types.contains(output));
      }
      if (ir::is_call(node)) REQUIRE(functions.contains(node.op_type()));
      if (ir::is_send(node)) ++sends[*ir::find_metadata(node, ir::key::kWireId)];
      if (ir::is_recv(node)) {
        ++recvs[*ir::find_metadata(node, ir::key::kWireId)];
        REQUIRE(sites.insert(*ir::find_metadata(node, ir::key::kSiteId)).second);
      }
      const bool entry = function.name().find('#') != std::string::npos;
      if (entry) REQUIRE(ir::find_metadata(node, ir::key::kHomeClass));
      REQUIRE_FALSE(ir::find_metadata(node, ir::key::kWirePorts));
      REQUIRE_FALSE(ir::find_metadata(node, ir::key::kWireTo));
    }
    for (const auto& output : function.output()) REQUIRE(made.contains(output));
  }
  for (const auto& [id, count] : sends) REQUIRE(count == 1);
  for (const auto& [id, count] : recvs) REQUIRE(sends.contains(id));
}

}  // namespace

TEST_CASE("random trees of modules keep the invariants of an artifact") {
  const Registry registry = compiler_registry();
  Compiler compiler(registry);
  compiler.bind("model", "StubModel")
      .bind("aggregator", "StubAggregator")
      .bind("backend", "bytesandbrains::backends::cpu::CpuBackend");
  std::map<std::string, int> outcomes;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    INFO("seed " << seed);
    const auto artifact = compiler.compile(RandomModule(seed, 0));
    ++outcomes[artifact ? "" : artifact.error().code];
    if (!artifact) {
      const std::string& code = artifact.error().code;
      INFO(artifact.error().message);
      REQUIRE((code == "CrossClassDataflow" || code == "SiteKeyConflict"));
      continue;
    }
    check_invariants(model_of(artifact->bytes()));
    REQUIRE(compiler.compile(RandomModule(seed, 0))->bytes() == artifact->bytes());
  }
  // The generator must reach all three, or it tests less than it says.
  CHECK(outcomes[""] >= 50);
  CHECK(outcomes["CrossClassDataflow"] >= 10);
  CHECK(outcomes.size() >= 2);
}

TEST_CASE("a recorded model with any byte changed compiles or is refused, and never more") {
  const Registry registry = compiler_registry();
  Compiler compiler(registry);
  compiler.bind("model", "StubModel")
      .bind("aggregator", "StubAggregator")
      .bind("backend", "bytesandbrains::backends::cpu::CpuBackend");
  ByteBuffer recorded;
  for (std::uint64_t seed = 1; recorded.empty(); ++seed)
    if (compiler.compile(RandomModule(seed, 0))) recorded = *compiler.record(RandomModule(seed, 0));
  std::uint32_t refused = 0;
  Dice dice(1);
  for (std::size_t at = 0; at < recorded.size(); ++at) {
    ByteBuffer changed = recorded;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ (1u << dice.roll(8)));
    const auto artifact = compiler.compile_recorded(changed);
    if (artifact) {
      check_invariants(model_of(artifact->bytes()));
    } else {
      ++refused;
      REQUIRE_FALSE(artifact.error().code.empty());
      REQUIRE_FALSE(artifact.error().message.empty());
    }
  }
  CHECK(refused > recorded.size() / 4);
}
