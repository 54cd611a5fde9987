// What one node does with executions: plans, parking, slots, budgets, failures and limits.
#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/components.h"
#include "support/network.h"

using namespace bb;

namespace {

/// Parks every forward; other methods answer at once and write down their order.
class SlowModel final : public Stateless<Model> {
 public:
  Outcome forward(OpContext& ctx) override {
    const auto command = ctx.park(deadline_ns);
    if (!command) return ctx.fail(OpErrorKind::cooldown, "pending_async_limit", "too many parked ops");
    calls.push_back("forward@" + std::to_string(ctx.exec().v));
    parked.push_back(*command);
    return Outcome::parked;
  }
  Outcome params(OpContext& ctx) override {
    calls.push_back("params@" + std::to_string(ctx.exec().v));
    const std::uint64_t shape[] = {1};
    const float one = 1;
    ctx.output(0, *Value::tensor_f32(ctx.memory(), shape, {&one, 1}));
    return Outcome::done;
  }
  Outcome load_parameters(OpContext& ctx) override { return ctx.fail(OpErrorKind::bad_input, "no", "refused on purpose"); }
  std::vector<std::string> calls;
  std::vector<CommandId> parked;
  static inline std::uint64_t deadline_ns = 0;
};

template <class Body>
class Lambda final : public Module {
 public:
  Lambda(std::string name, Body body) : Module(std::move(name)), body_(std::move(body)) {}
  void body(Graph& g) const override { body_(g); }

 private:
  Body body_;
};

struct Fixture {
  Registry registry = ops::builtin_registry();
  std::unique_ptr<test::Network> network;

  Fixture() {
    SlowModel::deadline_ns = 0;
    test::add_test_components(registry);
    ComponentClass slow;
    slow.type_name = "SlowModel";
    slow.role = Role::model;
    slow.storage = {{"tensor", "tensor.f32"}};
    slow.construct = [](const Config&) -> std::expected<std::unique_ptr<Component>, std::string> {
      return std::make_unique<SlowModel>();
    };
    REQUIRE(registry.add(std::move(slow)));
    network = std::make_unique<test::Network>(registry);
  }
  template <class Body>
  Node& install(Body body, Limits limits = {}, std::string model = "SlowModel") {
    const auto artifact = Compiler(registry).bind("model", std::move(model)).compile(Lambda("M", body));
    INFO((artifact ? std::string() : artifact.error().code + ": " + artifact.error().message));
    REQUIRE(artifact);
    return network->install(1, {.artifacts = {artifact->bytes()}, .targets = {"M"}, .limits = limits});
  }
  SlowModel& model() { return *static_cast<SlowModel*>(network->node(1).component("model")); }
  void invoke(Node& node, std::string_view input = {}) {
    if (input.empty()) {
      REQUIRE(node.invoke("M"));
    } else {
      NamedValue inputs[] = {{input, test::tensor(node, {1}, {2})}};
      REQUIRE(node.invoke("M", inputs));
    }
  }
};

const ModelSlot kModel{"model"};

}  // namespace

TEST_CASE("executions: a parked op goes on when it is completed, once") {
  Fixture f;
  Node& node = f.install([](Graph& g) { g.output("y", kModel.forward(g, g.input<type::TensorF32>("x"))); });
  f.invoke(node, "x");
  f.network->run();
  REQUIRE(f.model().parked.size() == 1);
  CHECK(f.network->count("AsyncSuspended") == 1);
  CHECK(node.stats().parked == 1);

  const CommandId command = f.model().parked[0];
  Value wrong[] = {Value::trigger()};
  CHECK(node.complete(command, wrong).error().code == Code::type_mismatch);
  Value too_many[] = {test::tensor(node, {1}, {3}), test::tensor(node, {1}, {3})};
  CHECK(node.complete(command, too_many).error().code == Code::too_many_inputs);
  Value answer[] = {test::tensor(node, {1}, {3})};
  REQUIRE(node.complete(command, answer));
  CHECK(node.complete(command, answer).error().code == Code::unknown_command);
  f.network->run();
  CHECK(f.network->count("AppEvent", "y") == 1);
  CHECK(test::floats(f.network->seen.back().value) == std::vector<float>{3});
  CHECK(node.stats().late_completions == 1);
  CHECK(node.stats().executions == 0);
}

TEST_CASE("executions: a completion that fails, and one that never comes, fail the op with their reason") {
  Fixture f;
  SlowModel::deadline_ns = 1'000;
  Node& node = f.install([](Graph& g) { g.output("y", kModel.forward(g, g.input<type::TensorF32>("x"))); });
  f.invoke(node, "x");
  f.invoke(node, "x");
  f.network->run();
  REQUIRE(node.complete_failed(f.model().parked.at(0), {OpErrorKind::remote_failed, "completion_failed", "broken"}));
  f.network->run();
  CHECK(f.network->count("OpFailed", "completion_failed") == 1);
  f.network->advance(1'000);
  f.network->run();
  CHECK(f.network->count("OpFailed", "deadline_exceeded") == 1);
  Value answer[] = {test::tensor(node, {1}, {3})};
  CHECK(node.complete(f.model().parked.at(1), answer).error().code == Code::unknown_command);
  CHECK(node.stats().executions == 0);
  CHECK(node.stats().timers == 0);
}

TEST_CASE("executions: a completion pushed in the poll of its deadline wins") {
  Fixture f;
  SlowModel::deadline_ns = 1'000;
  Node& node = f.install([](Graph& g) { g.output("y", kModel.forward(g, g.input<type::TensorF32>("x"))); });
  f.invoke(node, "x");
  f.network->run();
  Value answer[] = {test::tensor(node, {1}, {3})};
  REQUIRE(node.complete(f.model().parked.at(0), answer));
  f.network->advance(5'000);
  f.network->run();
  CHECK(f.network->count("AppEvent", "y") == 1);
  CHECK(f.network->count("OpFailed") == 0);
}

TEST_CASE("executions: two ops on one slot have it to themselves until the second is done") {
  Fixture f;
  Node& node = f.install([](Graph& g) {
    const Output x = g.input<type::TensorF32>("x");
    kModel.forward(g, x);
    g.output("w", g.gate(kModel.params(g), x));
  });
  f.invoke(node, "x");
  f.invoke(node, "x");
  f.network->run();
  CHECK(f.model().calls == std::vector<std::string>{"forward@0"});
  Value first[] = {test::tensor(node, {1}, {3})};
  REQUIRE(node.complete(f.model().parked.at(0), first));
  f.network->run();
  CHECK(f.model().calls == std::vector<std::string>{"forward@0", "params@0", "forward@1"});
  Value second[] = {test::tensor(node, {1}, {3})};
  REQUIRE(node.complete(f.model().parked.at(1), second));
  f.network->run();
  CHECK(f.model().calls.back() == "params@1");
  CHECK(f.network->count("AppEvent", "w") == 2);
  CHECK(node.stats().executions == 0);
}

TEST_CASE("executions: a failed op starts nothing downstream, and the execution ends") {
  Fixture f;
  Node& node = f.install([](Graph& g) {
    g.output("ack", kModel.load_parameters(g, g.input<type::TensorF32>("x")));
    g.output("w", kModel.params(g));
  });
  f.invoke(node, "x");
  f.network->run();
  CHECK(f.network->count("OpFailed", "no") == 1);
  CHECK(f.network->count("AppEvent") == 0);
  CHECK(f.model().calls.empty());
  CHECK(node.stats().executions == 0);
  // The slot is free again.
  f.network->clear();
  f.invoke(node);
  f.network->run();
  CHECK(f.network->count("AppEvent", "w") == 1);
}

TEST_CASE("executions: what nobody asked for does not run") {
  Fixture f;
  Node& node = f.install([](Graph& g) {
    g.output("copy", g.pass_through(g.input<type::TensorF32>("x")));
    g.output("w", kModel.params(g));
  });
  f.invoke(node, "x");
  f.network->run();
  CHECK(f.network->count("AppEvent", "copy") == 1);
  CHECK(f.network->count("AppEvent", "w") == 0);
  f.network->clear();
  f.invoke(node);
  f.network->run();
  CHECK(f.network->count("AppEvent", "copy") == 0);
  CHECK(f.network->count("AppEvent", "w") == 1);
}

TEST_CASE("executions: any takes the first that arrives and absorbs the rest") {
  Fixture f;
  Node& node = f.install([](Graph& g) {
    const Output slow = kModel.forward(g, g.input<type::TensorF32>("x"));
    g.output("first", g.any({slow, g.pass_through(g.input<type::TensorF32>("y"))}));
  });
  NamedValue inputs[] = {{"x", test::tensor(node, {1}, {1})}, {"y", test::tensor(node, {1}, {2})}};
  REQUIRE(node.invoke("M", inputs));
  f.network->run();
  REQUIRE(f.network->count("AppEvent", "first") == 1);
  Value late[] = {test::tensor(node, {1}, {9})};
  REQUIRE(node.complete(f.model().parked.at(0), late));
  f.network->run();
  CHECK(f.network->count("AppEvent", "first") == 1);
  CHECK(node.stats().executions == 0);
}

TEST_CASE("executions: a poll stops at its budget and says that there is more") {
  Fixture f;
  Node& node = f.install([](Graph& g) {
    Output value = g.input<type::TensorF32>("x");
    for (int i = 0; i < 20; ++i) value = g.pass_through(value);
    g.output("y", value);
  });
  f.invoke(node, "x");
  const Poll first = node.poll(0, 5);
  CHECK(first.more);
  CHECK(std::get<CycleBudgetExceeded>(first.steps.back()).ops == 5);
  int polls = 1;
  while (node.poll(0, 5).more) ++polls;
  CHECK(polls == 4);
  // Exactly at the budget with nothing left is no excess.
  f.invoke(node, "x");
  CHECK(!node.poll(0, 21).more);
}

TEST_CASE("executions: limits refuse with a reason and free what they had taken") {
  Fixture f;
  Limits limits;
  limits.ingress_max = 2;
  limits.ingress_bytes_max = 220;
  limits.parked_ops_max = 1;
  limits.invoke_bytes_max = 150;
  limits.invoke_inputs_max = 1;
  Node& node = f.install([](Graph& g) { g.output("y", kModel.forward(g, g.input<type::TensorF32>("x"))); }, limits);
  const auto attempt = [&](std::vector<std::uint64_t> shape, std::vector<float> data) {
    NamedValue inputs[] = {{"x", test::tensor(node, std::move(shape), data)}};
    return node.invoke("M", inputs);
  };
  CHECK(attempt({40}, std::vector<float>(40)).error().kind == DeliveryError::Kind::oversize_payload);
  NamedValue two[] = {{"x", Value::trigger()}, {"x", Value::trigger()}};
  CHECK(node.invoke("M", two).error().kind == DeliveryError::Kind::too_many_inputs);
  REQUIRE(attempt({10}, std::vector<float>(10)));  // 81 wire bytes
  REQUIRE(attempt({10}, std::vector<float>(10)));
  CHECK(attempt({20}, std::vector<float>(20)).error().kind == DeliveryError::Kind::budget_exceeded);
  CHECK(attempt({1}, {1}).error().kind == DeliveryError::Kind::ingress_full);
  f.network->run();
  CHECK(f.network->count("OpFailed", "pending_async_limit") == 1);
  CHECK(node.stats().parked == 1);
  Value answer[] = {test::tensor(node, {1}, {3})};
  REQUIRE(node.complete(f.model().parked.at(0), answer));
  f.network->run();
  CHECK(node.stats().ingress_bytes == 0);
  CHECK(node.stats().executions == 0);
}

TEST_CASE("executions: more starts than may be ready at once begin one after the other") {
  Fixture f;
  Limits limits;
  limits.ready_ops_max = 4;
  Node& node = f.install(
      [](Graph& g) {
        const Output x = g.input<type::TensorF32>("x");
        for (const char* name : {"a", "b", "c"}) g.output(name, g.pass_through(x));
      },
      limits);
  for (const std::uint32_t ops : {0u, 2u}) {
    constexpr int kCalls = 5;
    for (int i = 0; i < kCalls; ++i) f.invoke(node, "x");
    std::uint64_t events = 0;
    int polls = 0;
    for (bool more = true; more && polls < 100; ++polls) {
      const Poll poll = node.poll(1, ops);
      for (const Step& step : poll.steps) events += std::holds_alternative<AppEvent>(step);
      more = poll.more;
      CHECK(node.stats().frontier <= limits.ready_ops_max);
    }
    CHECK(polls < 100);
    CHECK(events == 3 * kCalls);
    CHECK(node.stats().executions == 0);
    CHECK(node.stats().stalls == 0);
  }
}

TEST_CASE("executions: an interval that finds too many timers does not hold up the rest") {
  Fixture f;
  Limits limits;
  limits.timers_max = 1;
  Node& node = f.install(
      [](Graph& g) {
        for (const char* name : {"first", "second"})
          g.output(name, g.record({.domain = std::string(domain::kSyscall),
                                   .op_type = "Interval",
                                   .inputs = {},
                                   .attributes = {{"period_ns", std::int64_t{1'000}}}})[0]);
        g.output("y", g.pass_through(g.input<type::TensorF32>("x")));
      },
      limits);
  f.invoke(node, "x");
  f.network->run();
  CHECK(f.network->count("AppEvent", "y") == 1);
  CHECK(node.stats().timers == 1);
  CHECK(node.stats().stalls == 0);
}

TEST_CASE("executions: an interval ends with the time that a clock can tell") {
  Fixture f;
  Limits limits;
  limits.clock_gap_ns = UINT64_MAX;
  Node& node = f.install(
      [](Graph& g) {
        g.output("tick", g.record({.domain = std::string(domain::kSyscall),
                                   .op_type = "Interval",
                                   .inputs = {},
                                   .attributes = {{"period_ns", std::int64_t{1'000}}}})[0]);
      },
      limits);
  (void)node.poll(1);
  CHECK(node.stats().timers == 1);
  std::size_t ticks = 0;
  for (int round = 0; round < 3; ++round)
    for (const Step& step : node.poll(UINT64_MAX).steps) ticks += std::holds_alternative<AppEvent>(step);
  CHECK(ticks == 1);
  CHECK(node.stats().timers == 0);
}

TEST_CASE("executions: what a queue keeps is no input any more, and a restored node holds no less of it") {
  Fixture f;
  Node& node = f.install([](Graph& g) {
    const auto of_queue = [&](std::string op, Output input) {
      return g.record({.domain = std::string(domain::kSyscall),
                       .op_type = std::move(op),
                       .inputs = {input},
                       .attributes = {{"queue", std::string("q")}}});
    };
    of_queue("Serialize.Enqueue", g.input<type::TensorF32>("x"));
    const Output y = of_queue("Serialize.Dequeue", g.input<type::Trigger>("next"))[0];
    g.output("y", kModel.forward(g, y));
  });
  f.invoke(node, "x");
  f.network->run();
  CHECK(node.stats().executions == 0);
  CHECK(node.stats().ingress_bytes == 0);
  const auto before = node.snapshot();
  REQUIRE(before);
  const auto go_on = [&] {
    NamedValue inputs[] = {{"next", Value::trigger()}};
    REQUIRE(node.invoke("M", inputs));
    REQUIRE(node.poll(5).steps.size() > 0);
    CHECK(node.stats().parked == 1);
    const auto after = node.snapshot();
    REQUIRE(after);
    return ByteBuffer(after->begin(), after->end());
  };
  const ByteBuffer lived_on = go_on();
  REQUIRE(node.restore({before->data(), before->size()}, {.same_incarnation = true}));
  CHECK(equal(go_on(), lived_on));
}

TEST_CASE("executions: a node that goes away frees what still waits") {
  Fixture f;
  Node& node = f.install([](Graph& g) {
    const Output x = g.input<type::TensorF32>("x");
    kModel.forward(g, x);
    g.output("w", g.gate(kModel.params(g), x));
  });
  f.invoke(node, "x");
  f.invoke(node, "x");
  f.network->run();
  f.invoke(node, "x");
  f.network.reset();  // asserts in Memory that nothing is left
  SUCCEED("every block was given back");
}

TEST_CASE("executions: the clock never goes back, and a gap is one step") {
  Fixture f;
  SlowModel::deadline_ns = 10'000;
  Limits limits;
  limits.clock_gap_ns = 5'000;
  Node& node = f.install([](Graph& g) { g.output("y", kModel.forward(g, g.input<type::TensorF32>("x"))); }, limits);
  (void)node.poll(1'000);
  f.invoke(node, "x");
  Poll poll = node.poll(2'000);
  CHECK(poll.next_wakeup_ns == 12'000);
  CHECK(node.poll(500).next_wakeup_ns == 12'000);
  poll = node.poll(1'000'000);  // the host slept: the deadline moves with it
  REQUIRE(poll.steps.size() == 1);
  CHECK(std::get<HostSuspended>(poll.steps[0]).gap_ns == 998'000);
  CHECK(poll.next_wakeup_ns == 1'010'000);
  for (std::uint64_t now = 1'004'000; now < 1'010'000; now += 4'000) CHECK(node.poll(now).steps.empty());
  poll = node.poll(1'010'000);
  REQUIRE(poll.steps.size() == 1);
  CHECK(std::get<OpFailed>(poll.steps[0]).error.reason == "deadline_exceeded");
}
