// Every peer trains, sends and aggregates: the envelope byte for byte, and a real model that gets better on every peer.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/components.h"
#include "support/modules.h"
#include "support/network.h"

using namespace bb;

namespace {

using test::MeshMerge;
using test::TrainingMesh;

// Sends given parameters, so that the envelope's bytes can be told in advance.
struct MeshSend final : Module {
  MeshSend() : Module("Mesh") {}
  AggregatorSlot aggregator{"aggregator"};
  void body(Graph& g) const override {
    const Output peers = g.input<type::Peers>("peers");
    const Output meta = g.input<type::FedAvgMetadata>("meta");
    const Output params = g.input<type::TensorF32>("w");
    aggregator.contribute(g, params, meta);
    const NetOutRecord up = g.net_out({{"params", params}, {"meta", meta}}, peers);
    g.on("peers", [&] {
      aggregator.contribute(g, up["params"], up["meta"], up.sender);
      g.output("received", up.sender);
    });
  }
};

struct Predict final : Module {
  Predict() : Module("Predict") {}
  ModelSlot model{"model"};
  void body(Graph& g) const override { g.output("logits", model.forward(g, g.input<type::TensorF32>("x"))); }
};

ByteBuffer compile(const Registry& registry, const Module& module) {
  Compiler compiler(registry);
  compiler.bind("model", "Mlp").bind("aggregator", "FedAvg").bind("data", "Dataset");
  const auto artifact = compiler.compile(module);
  INFO((artifact ? std::string() : artifact.error().code + ": " + artifact.error().message + " " + artifact.error().node));
  REQUIRE(artifact);
  return artifact->bytes();
}

Value meta(Node& node, std::uint64_t samples, std::uint64_t round) { return *Value::fed_avg_meta(node.memory(), {samples, round}); }

constexpr std::string_view kEnvelope =
    "0a0da5030a0008000000000000000212490a0ae201f728722d769e958d123101010000000000000002000000000000000200000000000000"
    "0000003f000080bf0100000000000000020000000000000020e1978df6dfb290c12f12280a0ae201e5aba45a8001875212109001000000000000"
    "030000000000000020e194d5b8a5818bcf501a002080c2d72f3801420da5030a0008000000000000000148015001";

}  // namespace

TEST_CASE("mesh_federated_averaging: parameters and sample count travel in one envelope, byte for byte") {
  Registry registry = ops::builtin_registry();
  test::add_test_components(registry);
  const ByteBuffer artifact = compile(registry, MeshSend());
  test::Network network(registry);
  for (const std::uint64_t peer : {1, 2}) network.install(peer, {.artifacts = {artifact}, .targets = {"Mesh", "Mesh_peers"}});
  network.introduce();
  CHECK(network.node(1).inspect().targets[1].sites == std::vector<std::uint64_t>{0xf728722d769e958dULL, 0xe5aba45a80018752ULL});

  Node& node = network.node(1);
  NamedValue inputs[] = {
      {"peers", test::peers(node, {2})}, {"meta", meta(node, 400, 3)}, {"w", test::tensor(node, {2}, {0.5f, -1.0f})}};
  REQUIRE(node.invoke("Mesh", inputs));
  network.run();

  REQUIRE(network.sent.size() == 1);
  CHECK(to_hex(network.sent[0].bytes) == kEnvelope);
  CHECK(network.sent[0].bytes.size() == 160);
  CHECK(network.count("OpFailed") == 0);
  // One execution took both fills: one contribution, one event.
  CHECK(network.trace(2) == std::vector<std::string>{"OpCompleted Contribute", "OpCompleted PassThrough", "AppEvent received"});
}

TEST_CASE("mesh_federated_averaging: peers that hold different classes learn all of them together") {
  Registry registry = ops::builtin_registry();
  test::add_test_components(registry);
  const ByteBuffer mesh = compile(registry, TrainingMesh(10)), merge = compile(registry, MeshMerge()),
                   predict = compile(registry, Predict());
  test::Network network(registry);
  // Four corners of a square, a class each; a peer has two of them.
  const auto corner = [](int label, ByteBuffer& images, ByteBuffer& labels, RandomStream& random) {
    for (int i = 0; i < 50; ++i) {
      images.push_back(static_cast<std::uint8_t>((label & 1 ? 200 : 20) + random.below(36)));
      images.push_back(static_cast<std::uint8_t>((label & 2 ? 200 : 20) + random.below(36)));
      labels.push_back(static_cast<std::uint8_t>(label));
    }
  };
  for (const std::uint64_t peer : {1, 2}) {
    RandomStream random(peer);
    ByteBuffer images, labels;
    corner(peer == 1 ? 0 : 2, images, labels, random);
    corner(peer == 1 ? 1 : 3, images, labels, random);
    network.install(peer,
                    {.artifacts = {mesh, merge, predict},
                     .targets = {"Mesh", "Mesh_peers", "MeshMerge", "Predict"},
                     .config = {{"data", Config().set("images", images).set("labels", labels).set("features", std::int64_t{2})},
                                {"model", Config().set("layers", std::string("2-16-4")).set("seed", std::int64_t{1})}},
                     .seed = peer});
  }
  network.introduce();
  for (std::uint64_t round = 0; round < 40; ++round) {
    network.clear();
    for (const std::uint64_t peer : {1, 2}) {
      Node& node = network.node(peer);
      NamedValue inputs[] = {{"peers", test::peers(node, {3 - peer})}, {"meta", meta(node, 100, round)}};
      REQUIRE(node.invoke("Mesh", inputs));
    }
    network.run();
    REQUIRE(network.count("AppEvent", "received") == 2);
    for (const std::uint64_t peer : {1, 2}) {
      NamedValue go[] = {{"go", Value::trigger()}};
      REQUIRE(network.node(peer).invoke("MeshMerge", go));
    }
    network.run();
    REQUIRE(network.count("OpFailed") == 0);
    REQUIRE(network.count("AppEvent", "merged") == 2);
  }
  // The shared model tells all four corners apart on both peers, though neither ever saw four.
  std::vector<ByteBuffer> answers;
  for (const std::uint64_t peer : {1, 2}) {
    network.clear();
    Node& node = network.node(peer);
    const float low = 38 / 255.0f, high = 218 / 255.0f;
    NamedValue inputs[] = {{"x", test::tensor(node, {4, 2}, {low, low, high, low, low, high, high, high})}};
    REQUIRE(node.invoke("Predict", inputs));
    network.run();
    REQUIRE(network.count("AppEvent", "logits") == 1);
    answers.push_back(network.seen.back().value);
    const std::vector<float> logits = test::floats(answers.back());
    REQUIRE(logits.size() == 16);
    for (std::size_t row = 0; row < 4; ++row) {
      const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(row * 4);
      CHECK(std::max_element(begin, begin + 4) - begin == static_cast<std::ptrdiff_t>(row));
    }
  }
  CHECK(answers[0] == answers[1]);
}
