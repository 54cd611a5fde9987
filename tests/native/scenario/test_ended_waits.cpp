// Ops that wait and end in another way than they waited for: nothing stays in line for them, and nothing of theirs is lost.
#include "framework/requests.h"
#include "scenario/one_node.h"
#include "support/components.h"

using namespace bb;
using namespace bb::test;

TEST_CASE("ended waits: an op whose deadline finds no timer leaves the line") {
  Limits limits;
  limits.timers_max = 1;
  OneNode one(
      [](Graph& g) {
        g.output("got", syscall(g, "Limit.Acquire", {g.input<type::Trigger>("take")},
                                {{"name", text("p")}, {"on_full", text("wait")}, {"deadline_ns", number(1000)}}));
        syscall(g, "Limit.Release", {g.input<type::Trigger>("give")}, {{"name", text("p")}});
      },
      limits);
  one.fire("take");  // holds the permit
  one.fire("take");  // waits for it, with the one deadline that there is room for
  one.fire("take");
  CHECK(one.network.count("OpFailed", "timer_cap") == 1);
  one.fire("give");  // to the second
  one.fire("give");  // to nobody
  one.fire("take");
  CHECK(one.events("got") == 3);
}

TEST_CASE("ended waits: a sleeper whose deadline finds no timer leaves no timer behind") {
  Limits limits;
  limits.timers_max = 1;
  OneNode one(
      [](Graph& g) {
        g.output("y", syscall(g, "Serialize.Dequeue", {g.input<type::Trigger>("take")},
                              {{"queue", text("q")}, {"wait", number(1)}, {"deadline_ns", number(1000)}}));
        g.output("slept",
                 syscall(g, "Sleep", {g.input<type::Trigger>("go")}, {{"duration_ns", number(10)}, {"deadline_ns", number(500)}}));
      },
      limits);
  one.fire("take");
  one.fire("go");
  CHECK(one.network.count("OpFailed", "timer_cap") == 1);
  one.wait(10);
  CHECK(one.events("slept") == 0);
  CHECK(one.node->stats().timers == 1);
}

TEST_CASE("ended waits: a waiter that the host completes takes no value away") {
  OneNode one([](Graph& g) {
    g.output("y", syscall(g, "Serialize.Dequeue", {g.input<type::Trigger>("take")}, {{"queue", text("q")}, {"wait", number(1)}}));
    syscall(g, "Serialize.Enqueue", {g.input<type::TensorF32>("x")}, {{"queue", text("q")}});
  });
  NamedValue inputs[] = {{"take", Value::trigger()}};
  REQUIRE(one.node->invoke("M", inputs));
  CommandId waiting;
  for (const Step& step : one.node->poll(0).steps)
    if (const auto* suspended = std::get_if<AsyncSuspended>(&step)) waiting = suspended->command;
  Value instead[] = {Value::trigger()};
  REQUIRE(one.node->complete(waiting, instead));
  one.network.run();
  one.give("x", {1});
  one.fire("take");
  CHECK(one.events("y") == 2);
}

TEST_CASE("ended waits: too few answers to gather is a timeout, whenever it is known") {
  struct Survey final : Module {
    Survey() : Module("Poll") {}
    void body(Graph& g) const override {
      const NetOut out = g.net_out("question", g.input<type::Peers>("servers"), g.input<type::TensorF32>("x"));
      g.output("answers", g.record({.domain = std::string(domain::kWire),
                                    .op_type = "GatherResponses",
                                    .inputs = {out.handle},
                                    .parameters = {{"quorum", 3}}})[0]);
      g.on("servers", [&] { g.reply(g.pass_through(out.value), out.sender); });
    }
  };
  Registry registry = ops::builtin_registry();
  Network network(registry);
  const auto artifact = Compiler(registry).compile(Survey());
  REQUIRE(artifact);
  network.install(1, {.artifacts = {artifact->bytes()}, .targets = {"Poll"}});
  for (const std::uint64_t peer : {2, 3}) network.install(peer, {.artifacts = {artifact->bytes()}, .targets = {"Poll_servers"}});
  network.introduce();
  Node& node = network.node(1);
  NamedValue inputs[] = {{"servers", peers(node, {2, 3})}, {"x", tensor(node, {1}, {7})}};
  REQUIRE(node.invoke("Poll", inputs));
  network.run();
  CHECK(network.count("OpFailed", "chain_timeout") == 1);
  CHECK(node.stats().executions == 0);
}

TEST_CASE("ended waits: an op whose only input is optional, wired and absent does not run") {
  struct Both final : Module {
    Both() : Module("M") {}
    ModelSlot model{"model"};
    void body(Graph& g) const override {
      g.output("loss", model.train(g, 1, g.input<type::Trigger>("go")));
      g.output("copy", g.pass_through(g.input<type::TensorF32>("x")));
    }
  };
  Registry registry = ops::builtin_registry();
  add_test_components(registry);
  Network network(registry);
  const auto artifact = Compiler(registry).bind("model", "ScalarModel").compile(Both());
  REQUIRE(artifact);
  Node& node = network.install(1, {.artifacts = {artifact->bytes()}, .targets = {"M"}});
  NamedValue inputs[] = {{"x", tensor(node, {1}, {7})}};
  REQUIRE(node.invoke("M", inputs));
  network.run();
  CHECK(network.count("OpFailed", "unsupported_method") == 0);
  CHECK(network.count("AppEvent", "copy") == 1);
}
