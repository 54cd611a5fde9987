// Both partitions of one module on one node: the envelope goes out to the host and comes back in.
#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/components.h"
#include "support/network.h"

using namespace bb;

namespace {

struct ClientLogic final : Module {
  ClientLogic() : Module("ClientLogic") {}
  ModelSlot model{"model"};
  DataSourceSlot data{"data"};
  void body(Graph& g) const override {
    model.forward(g, data.next_batch(g).batch);
    g.output("updated_params", model.params(g));
  }
};
struct ServerLogic final : Module {
  ServerLogic() : Module("ServerLogic") {}
  AggregatorSlot aggregator{"aggregator"};
  void body(Graph& g) const override { aggregator.contribute(g, g.input("params", "tensor.f32")); }
};
struct FederatedRound final : Module {
  FederatedRound() : Module("FederatedRound") {}
  void body(Graph& g) const override {
    const Output server_peers = g.input<type::Peers>("server_peers");
    const Output updated = g.call(ClientLogic(), {})["updated_params"];
    const NetOut port = g.net_out("params_port", server_peers, updated);
    g.call(ServerLogic(), {{"params", port.value}});
  }
};

}  // namespace

TEST_CASE("single_node_federated_learning: one loopback envelope, one contribution") {
  Registry registry = ops::builtin_registry();
  test::add_test_components(registry);
  const auto artifact = Compiler(registry)
                            .bind("model", "ScalarModel")
                            .bind("data", "StubLoader")
                            .bind("aggregator", "FedAvg")
                            .bind("backend", "bytesandbrains::backends::cpu::CpuBackend")
                            .compile(FederatedRound());
  INFO((artifact ? std::string() : artifact.error().code + ": " + artifact.error().message));
  REQUIRE(artifact);
  CHECK(artifact->targets() == std::vector<std::string>{"FederatedRound", "FederatedRound_server_peers"});

  test::Network network(registry);
  Node& node = network.install(7, {.artifacts = {artifact->bytes()}, .targets = {"FederatedRound", "FederatedRound_server_peers"}});
  network.introduce();
  const Inspection inspection = node.inspect();
  REQUIRE(inspection.slots.size() == 4);
  CHECK(inspection.slots[0].name == "model");
  CHECK(inspection.slots[1].name == "data");
  CHECK(inspection.slots[2].name == "aggregator");
  CHECK(inspection.slots[3].name == "backend");
  CHECK(inspection.targets[1].sites == std::vector<std::uint64_t>{0x21e4c052684c563cULL});

  NamedValue inputs[] = {{"server_peers", test::peers(node, {7})}};
  REQUIRE(node.invoke("FederatedRound", inputs));
  network.run();
  CHECK(network.sent.size() == 1);
  CHECK(network.count("OpCompleted", "Contribute") == 1);
  CHECK(network.count("OpFailed") == 0);
  CHECK(node.stats().executions == 0);
}
