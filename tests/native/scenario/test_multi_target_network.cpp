// Two targets of one artifact on two nodes: what a Send ships, where it arrives, and what a repeated envelope does.
#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/components.h"
#include "support/network.h"

using namespace bb;

namespace {

struct LoaderLeaf final : Module {
  LoaderLeaf() : Module("LoaderLeaf") {}
  DataSourceSlot loader{"loader"};
  void body(Graph& g) const override { g.output("batch", loader.next_batch(g).batch); }
};
struct TrainerLeaf final : Module {
  TrainerLeaf() : Module("TrainerLeaf") {}
  ModelSlot model{"model"};
  void body(Graph& g) const override { g.output("prediction", model.forward(g, g.input("batch", "tensor.f32"))); }
};
struct SinkLeaf final : Module {
  SinkLeaf() : Module("SinkLeaf") {}
  AggregatorSlot aggregator{"aggregator"};
  void body(Graph& g) const override {
    aggregator.contribute(g, g.input("contribution", "tensor.f32"), g.input("metadata", "any"));
  }
};
struct FedNetwork final : Module {
  FedNetwork() : Module("FedNetwork") {}
  void body(Graph& g) const override {
    const Output sink_peers = g.input<type::Peers>("sink_peers");
    const Output batch = g.call(LoaderLeaf(), {})["batch"];
    const Output prediction = g.call(TrainerLeaf(), {{"batch", batch}})["prediction"];
    const NetOut port = g.net_out("prediction_port", sink_peers, prediction);
    g.call(SinkLeaf(), {{"contribution", port.value}, {"metadata", port.value}});
  }
};

constexpr std::string_view kEnvelope =
    "0a0da5030a00080000000000000002 124d0a0ae20190ce34e89ad441b4"
    "12350101000000000000000300000000000000 0300000000000000 0000803f 00000040 00004040 0100000000000000 0300000000000000"
    "20e1978df6dfb290c12f 1a00 2080c2d72f 3801 420da5030a00080000000000000001 4801 5001";

struct Setup {
  Registry registry = ops::builtin_registry();
  std::optional<Artifact> artifact;
  std::unique_ptr<test::Network> network;
  Node* source = nullptr;
  Node* sink = nullptr;

  Setup() {
    test::add_test_components(registry);
    auto compiled = Compiler(registry)
                        .bind("loader", "StubLoader")
                        .bind("model", "IdentityModel")
                        .bind("aggregator", "CountingAggregator")
                        .compile(FedNetwork());
    INFO((compiled ? std::string() : compiled.error().code + ": " + compiled.error().message));
    REQUIRE(compiled);
    artifact = std::move(*compiled);
    network = std::make_unique<test::Network>(registry);
    source = &network->install(1, {.artifacts = {artifact->bytes()}, .targets = {"FedNetwork"}});
    sink = &network->install(2, {.artifacts = {artifact->bytes()}, .targets = {"FedNetwork_sink_peers"}});
    network->introduce();
  }
  void invoke(std::vector<std::uint64_t> sinks) {
    NamedValue inputs[] = {{"sink_peers", test::peers(*source, std::move(sinks))}};
    REQUIRE(source->invoke("FedNetwork", inputs));
  }
  std::vector<test::CountingAggregator::Contribution>& contributions() {
    return static_cast<test::CountingAggregator*>(sink->component("aggregator"))->contributions;
  }
};

}  // namespace

TEST_CASE("multi_target_network: two targets, one Send and one receiver") {
  Setup setup;
  CHECK(setup.artifact->targets() == std::vector<std::string>{"FedNetwork", "FedNetwork_sink_peers"});
  CHECK(setup.sink->inspect().targets.at(0).sites == std::vector<std::uint64_t>{0x90ce34e89ad441b4ULL});
  CHECK(setup.source->inspect().slots.size() == 2);
  CHECK(setup.sink->inspect().slots.size() == 1);
}

TEST_CASE("multi_target_network: one envelope, byte for byte, one contribution from its sender") {
  Setup setup;
  setup.invoke({2});
  setup.network->run();

  CHECK(setup.network->trace(1) == std::vector<std::string>{"OpCompleted NextBatch", "OpCompleted PassThrough",
                                                            "OpCompleted Forward", "OpCompleted PassThrough", "OpCompleted Send",
                                                            "SendEnvelope 2"});
  CHECK(setup.network->trace(2) == std::vector<std::string>{"OpCompleted Contribute"});
  REQUIRE(setup.network->sent.size() == 1);
  CHECK(to_hex(setup.network->sent[0].bytes) == to_hex(test::from_hex(kEnvelope)));
  CHECK(setup.network->sent[0].bytes.size() == 122);
  REQUIRE(setup.contributions().size() == 1);
  CHECK(setup.contributions()[0].source == PeerId::from(1));
  CHECK(setup.contributions()[0].data == std::vector<float>{1, 2, 3});
}

TEST_CASE("multi_target_network: the same envelope again is a duplicate, an equal payload is not") {
  Setup setup;
  setup.invoke({2});
  setup.network->run();
  const ByteBuffer first = setup.network->sent[0].bytes;
  setup.network->clear();

  CHECK(setup.network->deliver(2, 1, first).kind == ReceiveStatus::Kind::duplicate);
  setup.network->run();
  CHECK(setup.network->seen.empty());
  CHECK(setup.sink->stats().duplicates == 1);

  setup.invoke({2});
  setup.network->run();
  REQUIRE(setup.network->sent.size() == 1);
  CHECK(setup.network->sent[0].bytes.back() == 2);  // sequence
  CHECK(setup.contributions().size() == 2);
}

TEST_CASE("multi_target_network: a destination without an address is reported, the others are served") {
  Setup setup;
  setup.invoke({9, 2});
  setup.network->run();
  CHECK(setup.network->count("PeerResolveFailed", "9") == 1);
  CHECK(setup.network->count("SendEnvelope", "2") == 1);
  CHECK(setup.contributions().size() == 1);
}

TEST_CASE("multi_target_network: frames of strangers and garbage change nothing") {
  Setup setup;
  CHECK(setup.sink->receive(PeerHandle{77}, test::from_hex(kEnvelope)).error.code == Code::unauthenticated);
  const ByteBuffer garbage{0xff, 0xff, 0xff};
  CHECK(setup.network->deliver(2, 1, garbage).kind == ReceiveStatus::Kind::malformed);
  // A fill for a site that the node does not receive, one of another type, and one whose value does not decode.
  ByteBuffer unknown_site = test::from_hex(kEnvelope);
  unknown_site[24] ^= 1;
  CHECK(setup.network->deliver(2, 1, unknown_site).kind == ReceiveStatus::Kind::accepted);
  ByteBuffer truncated_tensor = test::from_hex(kEnvelope);
  truncated_tensor[31] = 2;  // array version
  truncated_tensor.back() = 9;
  CHECK(setup.network->deliver(2, 1, truncated_tensor).kind == ReceiveStatus::Kind::accepted);
  setup.network->run();
  CHECK(setup.network->count("WireReceiveFailed", std::to_string(static_cast<int>(WireReceiveFailed::Kind::unknown_site))) == 1);
  CHECK(setup.network->count("WireReceiveFailed", std::to_string(static_cast<int>(WireReceiveFailed::Kind::decode_failed))) == 1);
  CHECK(setup.contributions().empty());
  CHECK(setup.sink->stats().ingress_bytes == 0);
  CHECK(setup.sink->stats().malformed == 1);
}
