// A node that is replaced by one restored from its snapshot, before every call and every poll, does what one does that lives on: the
// same steps, the same envelopes to the byte, and each restored node's snapshot equals the one that it came from.
#include <catch2/catch_test_macros.hpp>
#include <functional>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/components.h"
#include "support/modules.h"
#include "support/network.h"

using namespace bb;

namespace {

using test::Ask;
using test::MeshMerge;
using test::TrainingMesh;

const Registry& registry() {
  static const Registry made = [] {
    Registry registry = ops::builtin_registry();
    test::add_test_components(registry);
    return registry;
  }();
  return made;
}

ByteBuffer compiled(const Module& module) {
  Compiler compiler(registry());
  compiler.bind("model", "Mlp").bind("aggregator", "FedAvg").bind("data", "Dataset");
  const auto artifact = compiler.compile(module);
  INFO((artifact ? std::string() : artifact.error().code + ": " + artifact.error().message));
  REQUIRE(artifact);
  return ByteBuffer(artifact->bytes().begin(), artifact->bytes().end());
}

void same_as_undisturbed(const std::function<void(test::Network&)>& scenario) {
  test::Network undisturbed(registry()), restored(registry());
  restored.restore_everywhere = true;
  scenario(undisturbed);
  scenario(restored);
  REQUIRE(restored.restores > 10);
  REQUIRE(restored.seen.size() == undisturbed.seen.size());
  for (std::size_t i = 0; i < restored.seen.size(); ++i) {
    INFO("step " << i << " of node " << undisturbed.seen[i].node << ": " << undisturbed.seen[i].kind << " "
                 << undisturbed.seen[i].name << " / " << restored.seen[i].kind << " " << restored.seen[i].name);
    REQUIRE(restored.seen[i] == undisturbed.seen[i]);
  }
  REQUIRE(restored.sent.size() == undisturbed.sent.size());
  for (std::size_t i = 0; i < restored.sent.size(); ++i) REQUIRE(restored.sent[i].bytes == undisturbed.sent[i].bytes);
}

}  // namespace

TEST_CASE("restore everywhere: a question that is answered, one that is not, one answered twice", "[crash]") {
  const ByteBuffer artifact = compiled(Ask());
  same_as_undisturbed([&](test::Network& network) {
    network.install(1, {.artifacts = {artifact}, .targets = {"Ask"}});
    for (const std::uint64_t peer : {2, 3}) network.install(peer, {.artifacts = {artifact}, .targets = {"Ask_servers"}});
    network.introduce();
    for (const std::vector<std::uint64_t>& servers : {std::vector<std::uint64_t>{2}, {2, 3}, {9, 3}}) {
      Node& node = network.node(1);
      NamedValue inputs[] = {{"servers", test::peers(node, servers)}, {"x", test::tensor(node, {2}, {1, 2})}};
      REQUIRE(node.invoke("Ask", inputs));
      network.run();
    }
    network.hold = true;
    {
      Node& node = network.node(1);
      NamedValue inputs[] = {{"servers", test::peers(node, {2})}, {"x", test::tensor(node, {2}, {3, 4})}};
      REQUIRE(node.invoke("Ask", inputs));
    }
    network.run();
    network.advance(60'000'000);
    network.run();
    network.advance(200'000'000);
    network.run();
    REQUIRE(network.count("WireTimeout") > 0);
    REQUIRE(network.count("OpFailed") > 0);
  });
}

TEST_CASE("restore everywhere: a mesh that trains for four rounds", "[crash]") {
  const ByteBuffer mesh = compiled(TrainingMesh(3)), merge = compiled(MeshMerge());
  same_as_undisturbed([&](test::Network& network) {
    for (const std::uint64_t peer : {1, 2, 3}) {
      ByteBuffer images, labels;
      RandomStream random(peer);
      for (int i = 0; i < 60; ++i) {
        images.push_back(static_cast<std::uint8_t>(random.below(256)));
        images.push_back(static_cast<std::uint8_t>(random.below(256)));
        labels.push_back(static_cast<std::uint8_t>(random.below(4)));
      }
      network.install(peer,
                      {.artifacts = {mesh, merge},
                       .targets = {"Mesh", "Mesh_peers", "MeshMerge"},
                       .config = {{"data", Config().set("images", images).set("labels", labels).set("features", std::int64_t{2})},
                                  {"model", Config().set("layers", std::string("2-8-4")).set("seed", std::int64_t{1})}},
                       .limits = {.ops_per_poll = 2},  // so that executions are cut in the middle, too
                       .seed = peer});
    }
    network.introduce();
    for (std::uint64_t round = 0; round < 4; ++round) {
      for (const std::uint64_t peer : {1, 2, 3}) {
        Node& node = network.node(peer);
        std::vector<std::uint64_t> others;
        for (const std::uint64_t other : {1, 2, 3})
          if (other != peer) others.push_back(other);
        NamedValue inputs[] = {{"peers", test::peers(node, others)}, {"meta", *Value::fed_avg_meta(node.memory(), {60, round})}};
        REQUIRE(node.invoke("Mesh", inputs));
      }
      network.run();
      for (const std::uint64_t peer : {1, 2, 3}) {
        NamedValue go[] = {{"go", Value::trigger()}};
        REQUIRE(network.node(peer).invoke("MeshMerge", go));
      }
      network.run();
    }
    REQUIRE(network.count("OpFailed") == 0);
    REQUIRE(network.count("AppEvent", "merged") == 12);
  });
}
