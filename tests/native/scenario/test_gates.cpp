// Gates that an artifact carries: they judge by the envelope that started the execution.
#include "scenario/one_node.h"

using namespace bb;
using namespace bb::test;

namespace {

struct Gated final : Module {
  Gated() : Module("Gated") {}
  void body(Graph& g) const override {
    const NetOut out = g.net_out("question", g.input<type::Peers>("servers"), g.input<type::TensorF32>("x"));
    g.output("answer", g.await_response(out.handle, "tensor.f32", 50'000'000));
    g.on("servers", [&] {
      Output value = out.value;
      for (const char* gate : {"DedupGateRx", "PeerHealthGateRx", "BackoffGateRx"}) value = syscall(g, gate, {value});
      g.output("passed", value);
      g.reply(value, out.sender);
    });
  }
};

}  // namespace

TEST_CASE("gates: what a graph receives goes through its gates, unless the sender is backed off from") {
  Registry registry = ops::builtin_registry();
  Network network(registry);
  const auto artifact = Compiler(registry).compile(Gated());
  INFO((artifact ? std::string() : artifact.error().code + ": " + artifact.error().message));
  REQUIRE(artifact);
  Node& asks = network.install(1, {.artifacts = {artifact->bytes()}, .targets = {"Gated"}});
  Node& answers = network.install(2, {.artifacts = {artifact->bytes()}, .targets = {"Gated_servers"}});
  network.introduce();
  const auto ask = [&] {
    NamedValue inputs[] = {{"servers", peers(asks, {2})}, {"x", tensor(asks, {1}, {7})}};
    REQUIRE(asks.invoke("Gated", inputs));
    network.run();
  };
  ask();
  ask();  // equal bytes of another request
  CHECK(network.count("AppEvent", "passed") == 2);
  CHECK(network.count("AppEvent", "answer") == 2);
  REQUIRE(answers.send_failed(1, *answers.handle_of(PeerId::from(1)), "unreachable"));
  ask();
  CHECK(network.count("AppEvent", "passed") == 2);
  REQUIRE(network.count("OpFailed") == 1);
  for (const Seen& step : network.seen) {
    if (step.kind != "OpFailed") continue;
    CHECK(step.text ==
          "op error[Other]: BackoffGateRx dropped envelope from peer " + PeerId::from(1).to_text() + ": reason=cooldown");
  }
}

TEST_CASE("gates: a gate in front of a send gives a trigger while its peer may be sent to") {
  const ByteBuffer peer = PeerId::from(9).to_bytes();
  const Attributes attributes{{"peer", text(std::string(peer.begin(), peer.end()))}};
  OneNode one([&](Graph& g) {
    const Output go = g.input<type::Trigger>("go");
    g.output("health", syscall(g, "PeerHealthGateTx", {go}, attributes));
    g.output("backoff", syscall(g, "BackoffGateTx", {go}, attributes));
  });
  one.fire("go");
  CHECK(one.events("health") == 1);
  CHECK(one.events("backoff") == 1);
  REQUIRE(one.node->block_peer(PeerId::from(9)));
  one.fire("go");
  CHECK(one.events("health") == 1);
  CHECK(one.events("backoff") == 2);
  CHECK(one.network.count("OpFailed") == 1);
}
