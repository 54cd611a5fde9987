// Scenario 3: one node with all that ops keep on it.
#include "bb/compiler.h"
#include "memory/scenarios.h"
#include "scenario/one_node.h"

namespace bb::test {
namespace {

struct Everything final : Module {
  Everything() : Module("Everything") {}
  ModelSlot slow{"slow"};
  void body(Graph& g) const override {
    const Output go = g.input<type::Trigger>("go");
    const Output x = g.input<type::TensorF32>("x");
    g.output("slept", syscall(g, "Sleep", {go}, {{"duration_ns", number(100)}, {"deadline_ns", number(900'000)}}));
    g.output("after", syscall(g, "After", {go}, {{"delay_ns", number(50)}}));
    g.output("tick", syscall(g, "Interval", {g.input<type::Trigger>("arm")}, {{"period_ns", number(40'000'000'000)}}));
    g.output("clock", syscall(g, "Clock", {go}));
    g.output("random", syscall(g, "RngU64", {go}));
    g.output("tag", syscall(g, "CorrelateTag", {go}));
    const Output take = g.input<type::Trigger>("take");
    g.output("got",
             syscall(g, "Limit.Acquire", {take}, {{"name", text("p")}, {"on_full", text("wait")}, {"lease_ns", number(1'000)}}));
    syscall(g, "Limit.Release", {g.input<type::Trigger>("give")}, {{"name", text("p")}});
    syscall(g, "Serialize.Enqueue", {x}, {{"queue", text("q")}});
    g.output("y", syscall(g, "Serialize.Dequeue", {g.input<type::Trigger>("pull")}, {{"queue", text("q")}, {"wait", number(1)}}));
    syscall(g, "Hold.Stash", {x}, {{"slot", text("h")}});
    g.output("flushed", syscall(g, "Hold.Flush", {g.input<type::Trigger>("flush")}, {{"slot", text("h")}}));
    syscall(g, "Record", {x}, {{"name", text("r")}});
    syscall(g, "IncrMetric", {x}, {{"name", text("m")}});
    syscall(g, "AppEmit", {x}, {{"name", text("news")}});
    syscall(g, "AppNotify", {go}, {{"name", text("bell")}});
    syscall(g, "DeadlineCheck", {x}, {{"deadline_ns", number(0)}});
    g.output("failed", syscall(g, "EventSource", {}, {{"kind", text("OpFailure")}}));
    g.output("news_heard", syscall(g, "EventSource", {}, {{"kind", text("news")}}));
    g.output("bye", syscall(g, "LifecyclePhase", {}, {{"phase", text("Shutdown")}}));
    g.output("third", syscall(g, "Threshold", {go}, {{"n", number(2)}, {"name", text("t")}}));
    g.output("raced", syscall(g, "Any", {go}, {{"group", text("g")}, {"scope", text("node")}}));
    g.output("first", g.any({x, syscall(g, "Gate", {x, go})}));
    const Output pair = g.bundle({x, go});
    g.output("pair", pair);
    g.output("left", g.unbundle(pair, {"any", "any"}).front());
    g.output("copy", g.tee(x, 2).back());
    g.output("constant", g.constant(TensorLiteral{{2}, {1, 2}}));
    const Output waited = g.input<type::TensorF32>("slow_x");
    g.output("slow_y", slow.forward(g, waited));
    g.output("slow_p", slow.params(g));
    g.output("alone", slow.forward(g, g.input<type::TensorF32>("alone_x")));
    const Output raced_then = syscall(g, "Sleep", {g.input<type::Trigger>("race")}, {{"duration_ns", number(70)}});
    syscall(g, "DeadlineMatch", {raced_then, Output()}, {});
    g.output("spread", g.gate_dispatch({go, x}));
  }
};

struct Pulsing final : Module {
  Pulsing() : Module("Pulsing") {}
  void body(Graph& g) const override {
    g.output("started", syscall(g, "Pulse"));
    g.output("heard", g.pass_through(g.input("event")));
    g.output("ticked", syscall(g, "Interval", {}, {{"period_ns", number(35'000'000'000)}}));
  }
};

void give(Stage& stage, std::string_view input, bool is_tensor) {
  (void)stage.call(1, [&](Node& node) {
    NamedValue inputs[] = {{input, is_tensor ? tensor(node, {2}, {1, 2}) : Value::trigger()}};
    const Faults::Window window;
    return node.invoke("Everything", inputs);
  });
}

}  // namespace

const ByteBuffer& everything() { return compiled("everything", Everything()); }
const ByteBuffer& pulsing() { return compiled("pulsing", Pulsing()); }

void timers_and_stores(Stage& stage) {
  stage.install(1, {.artifacts = {everything(), pulsing()}, .targets = {"Everything", "Pulsing"}, .echo_app_events = true});
  (void)stage.call(1, [](Node& node) {
    const Faults::Window window;
    return node.subscribe_event("bell", "Pulsing", "event");
  });
  (void)stage.call(1, [](Node& node) {
    const Faults::Window window;
    return node.subscribe_event("brand_new", "Pulsing", "event");
  });
  stage.run();
  for (const char* input : {"go", "take", "take", "take", "pull", "arm", "give", "race"}) {
    give(stage, input, false);
    stage.run();
    stage.advance(200);
  }
  stage.run();
  for (const char* input : {"x", "slow_x", "slow_x", "alone_x", "x"}) {
    give(stage, input, true);
    stage.run();
  }
  give(stage, "flush", false);
  for (const char* phase : {"Shutdown", "Unheard"})
    (void)stage.call(1, [&](Node& node) {
      const Faults::Window window;
      return node.fire_lifecycle(phase);
    });
  (void)stage.call(1, [](Node& node) {
    Value value = tensor(node, {2}, {5, 6});
    const Faults::Window window;
    return node.deliver_event("Everything", "x", std::move(value));
  });
  (void)stage.call(1, [](Node& node) {
    const auto target = node.find_target("Everything");
    InputValue inputs[] = {{*node.find_input(*target, "x"), *Value::bytes(node.memory(), bytes_of_value(tensor(node, {1}, {3})))}};
    const Faults::Window window;
    return node.invoke(*target, inputs);
  });
  stage.run();
  // What is parked and the host's to end, ends: with a value, or a failure.
  for (std::size_t i = 0; i < stage.suspended.size(); ++i) {
    const CommandId command = stage.suspended[i];
    if (i % 2 == 0) {
      (void)stage.call(
          1,
          [&](Node& node) {
            Value outputs[] = {tensor(node, {1}, {1})};
            const Faults::Window window;
            return node.complete(command, outputs);
          },
          Stage::Keeps::all_but_counters);
    } else {
      (void)stage.call(
          1,
          [&](Node& node) {
            OpError error{OpErrorKind::remote_failed, "completion_failed", "broken"};
            const Faults::Window window;
            return node.complete_failed(command, std::move(error));
          },
          Stage::Keeps::all_but_counters);
    }
    stage.run();
  }
  (void)stage.call(1, [](Node& node) {
    const Faults::Window window;
    return node.suspended(1'000);
  });
  stage.advance(2'000);
  give(stage, "go", false);
  stage.run();
  stage.finish();
}

}  // namespace bb::test
