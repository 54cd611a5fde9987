// One module, no peers: an invocation without inputs runs the ops that need none.
#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/components.h"
#include "support/network.h"

using namespace bb;

namespace {

struct Quickstart final : Module {
  Quickstart() : Module("Quickstart") {}
  DataSourceSlot data{"data_source"};
  ModelSlot model{"model"};
  void body(Graph& g) const override { g.output("prediction", model.forward(g, data.next_batch(g).batch)); }
};

}  // namespace

TEST_CASE("quickstart: a batch, a forward pass and one event") {
  Registry registry = ops::builtin_registry();
  test::add_test_components(registry);
  const auto artifact = Compiler(registry).bind("data_source", "StubLoader").bind("model", "IdentityModel").compile(Quickstart());
  INFO((artifact ? std::string() : artifact.error().message));
  REQUIRE(artifact);

  test::Network network(registry);
  Node& node = network.install(
      0, {.artifacts = {artifact->bytes()}, .targets = {"Quickstart"}, .config = {{"data_source", Config().set("single", 1.0)}}});
  REQUIRE(node.invoke("Quickstart"));
  network.run();

  CHECK(network.trace(0) ==
        std::vector<std::string>{"OpCompleted NextBatch", "OpCompleted Forward", "OpCompleted PassThrough", "AppEvent prediction"});
  CHECK(test::floats(network.seen.back().value) == std::vector<float>{1.0f});
  CHECK(network.seen.back().target == "Quickstart");
  network.clear();
  network.run();
  CHECK(network.seen.empty());
  CHECK(node.stats().executions == 0);
}

TEST_CASE("quickstart: what is wrong with an invocation is said, and nothing runs") {
  Registry registry = ops::builtin_registry();
  test::add_test_components(registry);
  const auto artifact = Compiler(registry).bind("data_source", "StubLoader").bind("model", "IdentityModel").compile(Quickstart());
  REQUIRE(artifact);
  test::Network network(registry);
  Node& node = network.install(0, {.artifacts = {artifact->bytes()}, .targets = {"Quickstart"}, .config = {}});

  CHECK(node.invoke("Nothing").error().kind == DeliveryError::Kind::unknown_module);
  NamedValue unknown[] = {{"batch", Value::trigger()}};
  CHECK(node.invoke("Quickstart", unknown).error().kind == DeliveryError::Kind::unknown_input);
  network.run();
  CHECK(network.seen.empty());
}

TEST_CASE("quickstart: install says what it lacks") {
  Registry registry = ops::builtin_registry();
  test::add_test_components(registry);
  const auto artifact = Compiler(registry).bind("data_source", "StubLoader").bind("model", "IdentityModel").compile(Quickstart());
  REQUIRE(artifact);
  using Kind = InstallError::Kind;
  const auto kind = [&](InstallOptions options) {
    const auto node = Node::install(registry, std::move(options));
    REQUIRE(!node);
    INFO(node.error().text());
    CHECK(!node.error().detail.empty());
    return node.error().kind;
  };
  const Bytes bytes = artifact->bytes();
  CHECK(kind({.artifacts = {bytes}, .targets = {}}) == Kind::empty_targets);
  CHECK(kind({.artifacts = {bytes}, .targets = {"Other"}}) == Kind::unknown_target);
  CHECK(kind({.artifacts = {bytes.first(bytes.size() / 2)}, .targets = {"Quickstart"}}) == Kind::malformed_artifact);
  CHECK(kind({.artifacts = {}, .targets = {"Quickstart"}}) == Kind::not_compiled);
  CHECK(kind({.artifacts = {bytes}, .targets = {"Quickstart"}, .config = {{"data_source", Config().set("single", true)}}}) ==
        Kind::config_type_mismatch);
  CHECK(kind({.artifacts = {bytes}, .targets = {"Quickstart"}, .config = {{"absent", Config()}}}) == Kind::unknown_config_slot);
  const Registry bare = ops::builtin_registry();
  const auto unregistered = Node::install(bare, {.artifacts = {bytes}, .targets = {"Quickstart"}});
  REQUIRE(!unregistered);
  CHECK(unregistered.error().kind == Kind::unregistered_concrete);
}
