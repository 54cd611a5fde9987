// Ops that wait, on a node: for a permit, for a value, for a moment.
#include "scenario/one_node.h"

using namespace bb;
using namespace bb::test;

namespace {

using Executions = std::vector<std::uint64_t>;

void permits(Graph& g, Attributes more) {
  Attributes attributes{{"name", text("p")}, {"on_full", text("wait")}};
  attributes.insert(attributes.end(), more.begin(), more.end());
  g.output("got", syscall(g, "Limit.Acquire", {g.input<type::Trigger>("take")}, attributes));
  syscall(g, "Limit.Release", {g.input<type::Trigger>("give")}, {{"name", text("p")}});
}

}  // namespace

TEST_CASE("waiting_ops: permits pass on in the order in which they were asked for") {
  OneNode one([](Graph& g) { permits(g, {{"n", number(2)}}); });
  for (int i = 0; i < 5; ++i) one.fire("take");
  CHECK(one.executions("got") == Executions{0, 1});
  CHECK(one.node->stats().parked == 3);
  for (int i = 0; i < 3; ++i) one.fire("give");
  CHECK(one.executions("got") == Executions{0, 1, 2, 3, 4});
  for (int i = 0; i < 3; ++i) one.fire("give");
  one.fire("take");
  CHECK(one.executions("got").size() == 6);
  CHECK(one.node->stats().executions == 0);
  CHECK(one.node->stats().parked == 0);
}

TEST_CASE("waiting_ops: a waiter that timed out does not keep a permit") {
  OneNode one([](Graph& g) { permits(g, {{"deadline_ns", number(100)}}); });
  one.fire("take");
  one.fire("take");
  one.wait(50);
  one.fire("take");
  one.wait(50);
  CHECK(one.network.count("OpFailed", "deadline_exceeded") == 1);
  one.fire("give");
  CHECK(one.executions("got") == Executions{0, 2});
  one.fire("give");
  one.fire("take");
  CHECK(one.executions("got").size() == 3);
  CHECK(one.node->stats().timers == 0);
}

TEST_CASE("waiting_ops: a waiter that failed as its permit came gives it to the one behind") {
  OneNode one([](Graph& g) { permits(g, {}); });
  one.fire("take");
  std::vector<CommandId> waiting;
  for (int i = 0; i < 2; ++i) {
    NamedValue inputs[] = {{"take", Value::trigger()}};
    REQUIRE(one.node->invoke("M", inputs));
    const Poll poll = one.node->poll(0);
    for (const Step& step : poll.steps)
      if (const auto* suspended = std::get_if<AsyncSuspended>(&step)) waiting.push_back(suspended->command);
  }
  REQUIRE(waiting.size() == 2);
  REQUIRE(one.node->complete_failed(waiting[0], {OpErrorKind::other, "gone", "the host gave up"}));
  one.fire("give");
  CHECK(one.executions("got") == Executions{0, 2});
}

TEST_CASE("waiting_ops: a lease ends with the next caller") {
  OneNode one([](Graph& g) { permits(g, {{"lease_ns", number(100)}}); });
  one.fire("take");
  one.fire("take");
  one.wait(100);
  CHECK(one.executions("got") == Executions{0});
  one.fire("take");
  CHECK(one.executions("got") == Executions{0, 1});
  one.wait(100);
  one.fire("take");
  CHECK(one.executions("got") == Executions{0, 1, 2});
}

TEST_CASE("waiting_ops: Dequeue waits for the next value, and values wait for a Dequeue") {
  OneNode one([](Graph& g) {
    syscall(g, "Serialize.Enqueue", {g.input<type::TensorF32>("x")}, {{"queue", text("q")}});
    g.output("y", syscall(g, "Serialize.Dequeue", {g.input<type::Trigger>("take")}, {{"queue", text("q")}, {"wait", number(1)}}));
  });
  one.fire("take");
  one.fire("take");
  CHECK(one.events("y") == 0);
  one.give("x", {1});
  one.give("x", {2});
  one.give("x", {3});
  CHECK(one.executions("y") == Executions{0, 1});
  one.fire("take");
  REQUIRE(one.executions("y").size() == 3);
  std::vector<float> taken;
  for (const Seen& step : one.network.seen)
    if (step.kind == "AppEvent" && step.name == "y") taken.push_back(floats(step.value).at(0));
  CHECK(taken == std::vector<float>{1, 2, 3});
  CHECK(one.node->stats().executions == 0);
}

TEST_CASE("waiting_ops: Sleep and After give a trigger when their time has come, and say so") {
  OneNode one([](Graph& g) {
    const Output go = g.input<type::Trigger>("go");
    g.output("slept", syscall(g, "Sleep", {go}, {{"duration_ns", number(100)}}));
    g.output("after", syscall(g, "After", {go}, {{"delay_ns", number(0)}}));
  });
  one.fire("go");
  one.wait(0);
  CHECK(one.events("after") == 1);
  one.wait(99);
  CHECK(one.events("slept") == 0);
  one.wait(1);
  CHECK(one.events("slept") == 1);
  CHECK(one.network.count("OpCompleted", "Sleep") == 1);
  CHECK(one.network.count("OpCompleted", "After") == 1);
  CHECK(one.node->stats().timers == 0);
}

TEST_CASE("waiting_ops: what is set for now is left to do now, not to be waited for") {
  OneNode one(
      [](Graph& g) { g.output("then", syscall(g, "After", {g.input<type::Trigger>("start")}, {{"delay_ns", number(0)}})); });
  NamedValue inputs[] = {{"start", Value::trigger()}};
  REQUIRE(one.node->invoke("M", inputs));
  CHECK(one.node->poll(7).more);
  const Poll poll = one.node->poll(7);
  CHECK_FALSE(poll.more);
  CHECK(poll.next_wakeup_ns == UINT64_MAX);
  CHECK(std::any_of(poll.steps.begin(), poll.steps.end(), [](const Step& step) { return std::holds_alternative<AppEvent>(step); }));
}

TEST_CASE("waiting_ops: timers have a limit") {
  Limits limits;
  limits.timers_max = 1;
  OneNode one(
      [](Graph& g) { g.output("slept", syscall(g, "Sleep", {g.input<type::Trigger>("go")}, {{"duration_ns", number(5)}})); },
      limits);
  one.fire("go");
  one.fire("go");
  CHECK(one.network.count("OpFailed", "timer_cap") == 1);
  one.wait(5);
  CHECK(one.executions("slept") == Executions{0});
  CHECK(one.node->stats().parked == 0);
}

TEST_CASE("waiting_ops: Interval does not drift, and ticks that were missed are one") {
  OneNode one([](Graph& g) { g.output("tick", syscall(g, "Interval", {}, {{"period_ns", number(100)}})); });
  one.network.run();
  CHECK(one.events("tick") == 0);
  one.wait(100);
  one.wait(150);  // 250: late by 50
  one.wait(49);
  one.wait(1);    // 300
  one.wait(750);  // 1050
  one.wait(49);
  one.wait(1);  // 1100
  CHECK(one.numbers("tick") == std::vector<std::uint64_t>{100, 250, 300, 1050, 1100});
  CHECK(one.node->stats().timers == 1);
}

TEST_CASE("waiting_ops: an Interval that a value starts ticks from then on") {
  OneNode one(
      [](Graph& g) { g.output("tick", syscall(g, "Interval", {g.input<type::Trigger>("go")}, {{"period_ns", number(100)}})); });
  one.wait(300);
  CHECK(one.events("tick") == 0);
  one.fire("go");
  CHECK(one.events("tick") == 1);
}

TEST_CASE("waiting_ops: the first of an answer and a timeout wins, the other is absorbed") {
  OneNode one([](Graph& g) {
    const Output go = g.input<type::Trigger>("go");
    const Output then = syscall(g, "Serialize.Dequeue", {go}, {{"queue", text("q")}, {"wait", number(1)}});
    const Output timeout = syscall(g, "Sleep", {go}, {{"duration_ns", number(100)}});
    const auto outputs = g.record({.domain = std::string(domain::kSyscall), .op_type = "DeadlineMatch", .inputs = {then, timeout}});
    g.output("winner", outputs[0]);
    g.output("port", outputs[1]);
    syscall(g, "Serialize.Enqueue", {g.input<type::TensorF32>("x")}, {{"queue", text("q")}});
  });
  one.fire("go");
  one.wait(100);
  CHECK(one.numbers("port") == std::vector<std::uint64_t>{1});
  one.give("x", {1});  // too late
  one.fire("go");
  one.give("x", {2});
  one.wait(100);
  CHECK(one.numbers("port") == std::vector<std::uint64_t>{1, 0});
  CHECK(one.events("winner") == 2);
  CHECK(one.node->stats().executions == 0);
}

TEST_CASE("waiting_ops: DeadlineCheck counts from the start of the execution, not from the clock's zero") {
  OneNode one([](Graph& g) {
    const Output slept = syscall(g, "Sleep", {g.input<type::Trigger>("go")}, {{"duration_ns", number(60)}});
    g.output("early", syscall(g, "DeadlineCheck", {slept}, {{"deadline_ns", number(61)}}));
    g.output("late", syscall(g, "DeadlineCheck", {slept}, {{"deadline_ns", number(60)}}));
  });
  one.wait(1'000'000);
  one.fire("go");
  one.wait(60);
  CHECK(one.events("early") == 1);
  CHECK(one.events("late") == 0);
  CHECK(one.network.count("OpFailed") == 1);
}

TEST_CASE("waiting_ops: a group of Any fires once in an execution, a Threshold with every third") {
  OneNode one([](Graph& g) {
    const Output go = g.input<type::Trigger>("go");
    g.output("a", syscall(g, "Any", {go}, {{"group", text("g")}}));
    g.output("b", syscall(g, "Any", {go}, {{"group", text("g")}}));
    g.output("third", syscall(g, "Threshold", {go}, {{"n", number(3)}}));
  });
  for (int i = 0; i < 7; ++i) one.fire("go");
  CHECK(one.events("a") + one.events("b") == 7);
  CHECK(one.executions("third") == Executions{2, 5});
}

TEST_CASE("waiting_ops: what one input orders does not run for another") {
  OneNode one([](Graph& g) {
    syscall(g, "IncrMetric", {g.input<type::Trigger>("count")}, {{"name", text("m")}});
    syscall(g, "AppEmit", {g.input<type::TensorF32>("x")}, {{"name", text("news")}});
    g.output("time", syscall(g, "Clock", {g.input<type::Trigger>("ask")}));
  });
  one.fire("ask");
  CHECK(one.events("time") == 1);
  CHECK(one.events("news") == 0);
  CHECK(one.node->metric("m") == 0);
  one.fire("count");
  CHECK(one.node->metric("m") == 1);
  CHECK(one.events("time") == 1);
}
