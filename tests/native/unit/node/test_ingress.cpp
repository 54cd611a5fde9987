// What a node takes from its host: targets and inputs by name and by number.
#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/network.h"

using namespace bb;
using Kind = DeliveryError::Kind;

namespace {

struct Sum final : Module {
  Sum() : Module("Sum") {}
  void body(Graph& g) const override {
    g.output("a_out", g.pass_through(g.input<type::TensorF32>("a")));
    g.output("b_out", g.pass_through(g.input<type::TensorF32>("b")));
  }
};

struct Fixture {
  Registry registry = ops::builtin_registry();
  test::Network network{registry};

  Node& install(bool echo = false) {
    const auto artifact = Compiler(registry).compile(Sum());
    REQUIRE(artifact);
    return network.install(1, {.artifacts = {artifact->bytes()}, .targets = {"Sum"}, .echo_app_events = echo});
  }
};

}  // namespace

TEST_CASE("ingress: a call by numbers is the call by names") {
  Fixture f;
  Node& node = f.install();
  const auto target = node.find_target("Sum");
  REQUIRE(target.has_value());
  CHECK(node.target_name(*target) == "Sum");
  CHECK(node.find_target(node.targets().front()) == target);
  const auto a = node.find_input(*target, "a");
  const auto b = node.find_input(*target, "b");
  REQUIRE((a.has_value() && b.has_value()));
  CHECK(*a != *b);

  NamedValue named[] = {{"a", test::tensor(node, {1}, {1})}, {"b", test::tensor(node, {1}, {2})}};
  REQUIRE(node.invoke("Sum", named).has_value());
  const std::size_t first = f.network.seen.size();
  f.network.run();
  const std::size_t second = f.network.seen.size();
  InputValue numbered[] = {{*b, test::tensor(node, {1}, {2})}, {*a, test::tensor(node, {1}, {1})}};
  REQUIRE(node.invoke(*target, numbered).has_value());
  f.network.run();
  REQUIRE(f.network.seen.size() - second == second - first);
  for (std::size_t i = 0; i < second - first; ++i) {
    CHECK(f.network.seen[first + i].kind == f.network.seen[second + i].kind);
    CHECK(f.network.seen[first + i].name == f.network.seen[second + i].name);
    CHECK(f.network.seen[first + i].value == f.network.seen[second + i].value);
  }
}

TEST_CASE("ingress: names and numbers that do not exist are refused and leave nothing behind") {
  Fixture f;
  Node& node = f.install();
  const auto target = node.find_target("Sum");
  REQUIRE(target.has_value());
  CHECK_FALSE(node.find_target("Difference").has_value());
  CHECK_FALSE(node.find_input(*target, "c").has_value());
  CHECK_FALSE(node.find_input(TargetId{}, "a").has_value());
  CHECK(node.target_name(TargetId{9}).empty());

  InputValue unknown[] = {{InputId{7}, test::tensor(node, {1}, {1})}};
  CHECK(node.invoke(*target, unknown).error().kind == Kind::unknown_input);
  CHECK(node.invoke(TargetId{7}, std::span<InputValue>()).error().kind == Kind::unknown_module);
  CHECK(node.deliver_event(*target, InputId{7}, Value::trigger()).error().kind == Kind::unknown_input);
  CHECK(node.deliver_event(TargetId{7}, InputId{0}, Value::trigger()).error().kind == Kind::unknown_module);

  const InputId a = *node.find_input(*target, "a");
  InputValue twice[] = {{a, test::tensor(node, {1}, {1})}, {a, test::tensor(node, {1}, {2})}};
  const auto refused = node.invoke(*target, twice);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == Kind::duplicate_input);
  CHECK(refused.error().input == "a");
  CHECK(node.stats().executions == 0);
  CHECK(node.stats().ingress_bytes == 0);
}

TEST_CASE("ingress: an event by number is echoed when the host wants that") {
  Fixture f;
  Node& node = f.install(true);
  const auto target = node.find_target("Sum");
  REQUIRE(target.has_value());
  REQUIRE(node.deliver_event(*target, *node.find_input(*target, "b"), test::tensor(node, {1}, {2})).has_value());
  const std::size_t first = f.network.seen.size();
  f.network.run();
  REQUIRE(f.network.seen.size() > first);
  CHECK(f.network.seen[first].kind == "AppEvent");
  CHECK(f.network.seen[first].name == "b");
}
