// Three separately compiled artifacts joined by named network inputs: a server that samples clients and sends parameters, a
// client that trains and answers, and a reducer beside the server.
#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/components.h"
#include "support/network.h"

using namespace bb;

namespace {

struct ServerLogic final : Module {
  ServerLogic() : Module("ServerLogic") {}
  PeerSelectorSlot view{"view", "clients"};
  ModelSlot model{"model"};
  void body(Graph& g) const override {
    const Output sampled = view.sample(g, 2);
    g.net_out("server_params", sampled, model.params(g), {.to = "ClientLogic/server_params"});
  }
};
struct ClientLogic final : Module {
  ClientLogic() : Module("ClientLogic") {}
  ModelSlot model{"model"};
  DataSourceSlot data{"data"};
  void body(Graph& g) const override {
    const NetIn rx = g.net_in("server_params", "tensor.f32");
    model.load_parameters(g, rx.value);
    model.forward(g, data.next_batch(g).batch);
    g.net_out("updated_params", rx.sender, model.params(g), {.to = "ServerReduce/received_params"});
  }
};
struct ServerReduce final : Module {
  ServerReduce() : Module("ServerReduce") {}
  AggregatorSlot aggregator{"aggregator"};
  void body(Graph& g) const override { aggregator.contribute(g, g.net_in("received_params", "tensor.f32").value); }
};

ByteBuffer compile(const Registry& registry, const Module& module, std::vector<std::pair<std::string, std::string>> bindings) {
  Compiler compiler(registry);
  for (auto& [slot, type] : bindings) compiler.bind(slot, type);
  const auto artifact = compiler.compile(module);
  INFO((artifact ? std::string() : artifact.error().code + ": " + artifact.error().message));
  REQUIRE(artifact);
  return artifact->bytes();
}

}  // namespace

TEST_CASE("federated_learning: a round of sampling, training and contributing, twice") {
  Registry registry = ops::builtin_registry();
  test::add_test_components(registry);
  const ByteBuffer server = compile(registry, ServerLogic(), {{"view", "ConstantView"}, {"model", "ScalarModel"}});
  const ByteBuffer client = compile(registry, ClientLogic(), {{"model", "ScalarModel"}, {"data", "StubLoader"}});
  const ByteBuffer reduce = compile(registry, ServerReduce(), {{"aggregator", "FedAvg"}});

  test::Network network(registry);
  const std::vector<ByteBuffer> view{PeerId::from(101).to_bytes()};
  network.install(100, {.artifacts = {server, reduce},
                        .targets = {"ServerLogic", "ServerReduce"},
                        .config = {{"view", Config().set("peers", view)}}});
  network.install(101, {.artifacts = {client}, .targets = {"ClientLogic"}});
  network.introduce();
  CHECK(network.node(101).inspect().targets[0].sites == std::vector<std::uint64_t>{0x75dc7ece89ab2879ULL});
  CHECK(network.node(100).inspect().targets[1].sites == std::vector<std::uint64_t>{0x940613b27f6b8e85ULL});

  for (int round = 0; round < 2; ++round) {
    network.clear();
    REQUIRE(network.node(100).invoke("ServerLogic"));
    network.run();
    CHECK(network.trace(101) == std::vector<std::string>{"OpCompleted LoadParameters", "OpCompleted NextBatch",
                                                         "OpCompleted Forward", "OpCompleted Params", "OpCompleted Send",
                                                         "SendEnvelope 100"});
    CHECK(network.count("OpCompleted", "Sample") == 1);
    CHECK(network.count("SendEnvelope", "101") == 1);
    CHECK(network.count("SendEnvelope", "100") == 1);
    CHECK(network.count("OpCompleted", "Contribute") == 1);
    CHECK(network.count("OpFailed") == 0);
  }
  const auto& calls = static_cast<test::ScalarModel*>(network.node(101).component("model"))->calls;
  CHECK(calls == std::vector<std::string>{"load_parameters", "forward", "params", "load_parameters", "forward", "params"});
}
