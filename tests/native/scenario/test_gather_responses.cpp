// A Send whose answers are gathered: as many as were asked for, in one shape however they came.
#include "scenario/one_node.h"

using namespace bb;
using namespace bb::test;

namespace {

struct AskMany final : Module {
  std::int64_t quorum;
  std::int64_t late_ns;  // gathering begins so long after sending
  explicit AskMany(std::int64_t quorum_, std::int64_t late_ns_ = 0) : Module("Poll"), quorum(quorum_), late_ns(late_ns_) {}
  void body(Graph& g) const override {
    const Output x = g.input<type::TensorF32>("x");
    const NetOut out = g.net_out("question", g.input<type::Peers>("servers"), x);
    Output handle = out.handle;
    if (late_ns > 0) handle = g.gate(handle, syscall(g, "Sleep", {x}, {{"duration_ns", number(late_ns)}}));
    const auto answers = g.record({.domain = std::string(domain::kWire),
                                   .op_type = "GatherResponses",
                                   .inputs = {handle},
                                   .parameters = {{"quorum", quorum}, {"timeout_ns", 50'000'000}}});
    g.output("answers", answers[0]);
    g.on("servers", [&] { g.reply(g.pass_through(out.value), out.sender); });
  }
};

struct Setup {
  Registry registry = ops::builtin_registry();
  Network network{registry};

  explicit Setup(const AskMany& module) {
    const auto artifact = Compiler(registry).compile(module);
    INFO((artifact ? std::string() : artifact.error().code + ": " + artifact.error().message));
    REQUIRE(artifact);
    network.install(1, {.artifacts = {artifact->bytes()}, .targets = {"Poll"}});
    for (const std::uint64_t peer : {2, 3, 4})
      network.install(peer, {.artifacts = {artifact->bytes()}, .targets = {"Poll_servers"}});
    network.introduce();
  }
  void ask(std::vector<std::uint64_t> servers) {
    Node& node = network.node(1);
    NamedValue inputs[] = {{"servers", peers(node, std::move(servers))}, {"x", tensor(node, {1}, {7})}};
    REQUIRE(node.invoke("Poll", inputs));
    network.run();
  }
  /// The peers of the gathered answers, each of which must be the tensor that was sent.
  std::vector<std::uint64_t> answered() const {
    std::vector<std::uint64_t> found;
    for (const Seen& step : network.seen) {
      if (step.kind != "AppEvent" || step.name != "answers") continue;
      Memory memory;
      const auto composite = decode_value(memory, carrier_hash(Carrier::composite), step.value);
      REQUIRE(composite);
      const auto children = composite->as_composite();
      REQUIRE(children.size() % 2 == 0);
      for (std::size_t i = 0; i < children.size(); i += 2) {
        found.push_back(children[i].as_peer().as_identity_u64().value_or(0));
        CHECK(children[i + 1].as_tensor().f32()[0] == 7);
      }
    }
    return found;
  }
};

using Peers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("gather_responses: the op goes on with the answer that makes the quorum") {
  Setup setup(AskMany(2));
  setup.ask({2, 3, 4});
  CHECK(setup.answered() == Peers{2, 3});
  CHECK(setup.network.count("OpFailed") == 0);
  CHECK(setup.network.node(1).stats().unmatched_responses == 1);
  CHECK(setup.network.node(1).stats().requests == 0);
  CHECK(setup.network.node(1).stats().timers == 0);
  CHECK(setup.network.node(1).stats().executions == 0);
}

TEST_CASE("gather_responses: answers that came before the op look the same") {
  Setup setup(AskMany(2, 1'000));
  setup.ask({2, 3, 4});
  CHECK(setup.answered().empty());
  setup.network.advance(1'000);
  setup.network.run();
  CHECK(setup.answered() == Peers{2, 3, 4});
  CHECK(setup.network.node(1).stats().requests == 0);
  CHECK(setup.network.node(1).stats().timers == 0);
  CHECK(setup.network.node(1).stats().executions == 0);
}

TEST_CASE("gather_responses: fewer destinations than the quorum cannot answer") {
  Setup setup(AskMany(3, 1'000));
  setup.ask({2, 3});
  setup.network.advance(1'000);
  setup.network.run();
  CHECK(setup.network.count("OpFailed", "chain_timeout") == 1);
  CHECK(setup.network.node(1).stats().requests == 0);
}

TEST_CASE("gather_responses: a Send to nobody asks nobody") {
  Setup setup(AskMany(1));
  setup.ask({});
  CHECK(setup.network.count("OpFailed", "not_a_request") == 1);
}

TEST_CASE("gather_responses: silence is a timeout") {
  Setup setup(AskMany(2));
  setup.network.hold = true;
  setup.ask({2, 3});
  setup.network.advance(50'000'000);
  setup.network.run();
  CHECK(setup.network.count("OpFailed", "deadline_exceeded") == 1);
  CHECK(setup.network.node(1).stats().executions == 0);
  setup.network.advance(1'000'000'000);
  setup.network.run();
  CHECK(setup.network.count("WireTimeout") == 2);
  CHECK(setup.network.node(1).stats().requests == 0);
}
