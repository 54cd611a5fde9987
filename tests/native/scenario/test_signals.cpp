// What starts ops on a node besides values: events, phases, the start of a module, and a host that ends a bootstrap.
#include "scenario/one_node.h"

using namespace bb;
using namespace bb::test;

TEST_CASE("signals: EventSource hears failures of ops and topics of the graph") {
  OneNode one([](Graph& g) {
    const Output x = g.input<type::TensorF32>("x");
    syscall(g, "AppEmit", {x}, {{"name", text("news")}});
    syscall(g, "DeadlineCheck", {x}, {{"deadline_ns", number(0)}});
    syscall(g, "AppNotify", {g.input<type::Trigger>("ring")}, {{"name", text("bell")}});
    g.output("failed", syscall(g, "EventSource", {}, {{"kind", text("OpFailure")}}));
    g.output("news_heard", syscall(g, "EventSource", {}, {{"kind", text("news")}}));
    g.output("bell_heard", syscall(g, "EventSource", {}, {{"kind", text("bell")}}));
    g.output("silence", syscall(g, "EventSource", {}, {{"kind", text("PeerDown")}}));
  });
  one.give("x", {1, 2});
  CHECK(one.network.count("OpFailed") == 1);
  CHECK(one.events("failed") == 1);
  CHECK(one.events("news") == 1);
  CHECK(one.events("news_heard") == 1);
  CHECK(one.events("bell_heard") == 0);
  for (const Seen& step : one.network.seen)
    if (step.name == "news") CHECK(floats(step.value) == std::vector<float>{1, 2});
  one.fire("ring");
  CHECK(one.events("bell") == 1);
  CHECK(one.events("bell_heard") == 1);
  CHECK(one.events("silence") == 0);
  CHECK(one.node->stats().executions == 0);
}

TEST_CASE("signals: a reserved topic is refused when the graph is installed") {
  Registry registry = ops::builtin_registry();
  const auto artifact = Compiler(registry).compile(
      LambdaModule([](Graph& g) { syscall(g, "AppNotify", {g.input<type::Trigger>("x")}, {{"name", text("bb.secret")}}); }));
  REQUIRE(artifact);
  const Bytes bytes = artifact->bytes();
  const auto node = Node::install(registry, {.peer = PeerId::from(1), .addresses = {}, .artifacts = {bytes}, .targets = {"M"}});
  REQUIRE(!node);
  CHECK(node.error().kind == InstallError::Kind::unresolved_ops);
  CHECK(node.error().text().find("reserved_topic_prefix") != std::string::npos);
}

TEST_CASE("signals: LifecyclePhase runs when its phase is fired") {
  OneNode one([](Graph& g) {
    g.output("bye", syscall(g, "LifecyclePhase", {}, {{"phase", text("Shutdown")}}));
    g.output("saved", syscall(g, "LifecyclePhase", {}, {{"phase", text("Snapshot")}}));
  });
  one.network.run();
  CHECK(one.events("bye") == 0);
  REQUIRE(one.node->fire_lifecycle("Shutdown"));
  REQUIRE(one.node->fire_lifecycle("Unknown"));
  one.network.run();
  CHECK(one.events("bye") == 1);
  CHECK(one.events("saved") == 0);
}

TEST_CASE("signals: Pulse runs once, when the module starts") {
  OneNode one([](Graph& g) {
    g.output("started", syscall(g, "Pulse"));
    g.output("again", g.pass_through(g.input<type::Trigger>("go")));
  });
  one.network.run();
  CHECK(one.events("started") == 1);
  one.fire("go");
  one.wait(1'000'000);
  CHECK(one.events("started") == 1);
  CHECK(one.events("again") == 1);
}

TEST_CASE("signals: a host ends a bootstrap by completing its BootstrapOutput; then the module starts") {
  for (const bool with_value : {false, true}) {
    OneNode one([](Graph& g) { g.output("started", syscall(g, "Pulse")); }, {},
                [](Graph& g) {
                  const Output answer = syscall(g, "BootstrapOutput", {syscall(g, "BootstrapDispatch")});
                  syscall(g, "AppEmit", {answer}, {{"name", text("booted")}});
                });
    REQUIRE(one.node->bootstrap());
    CommandId command;
    const Poll poll = one.node->poll(0);
    for (const Step& step : poll.steps)
      if (const auto* suspended = std::get_if<AsyncSuspended>(&step)) command = suspended->command;
    REQUIRE(command.valid());
    one.network.run();
    CHECK(one.events("started") == 0);
    if (with_value) {
      Value outputs[] = {tensor(*one.node, {1}, {4})};
      REQUIRE(one.node->complete(command, outputs));
    } else {
      REQUIRE(one.node->complete(command, {}));
    }
    one.network.run();
    REQUIRE(one.events("booted") == 1);
    CHECK(one.events("started") == 1);
    for (const Seen& step : one.network.seen)
      if (step.name == "booted") CHECK(step.value.empty() != with_value);
  }
}
