// One node with one module, written as a lambda: what the scenarios of framework ops run on.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <functional>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/network.h"

namespace bb::test {

class LambdaModule final : public Module {
 public:
  using Body = std::function<void(Graph&)>;
  explicit LambdaModule(Body body, Body bootstrap = {}) : Module("M"), body_(std::move(body)), bootstrap_(std::move(bootstrap)) {}
  void body(Graph& g) const override { body_(g); }
  void bootstrap(Graph& g) const override {
    if (bootstrap_) bootstrap_(g);
  }

 private:
  Body body_;
  Body bootstrap_;
};

using Attributes = std::vector<std::pair<std::string, Attribute>>;

/// Any framework op; its first output, where it has one.
inline Output syscall(Graph& g, std::string op_type, std::vector<Output> inputs = {}, Attributes attributes = {},
                      std::size_t output = 0) {
  const auto outputs = g.record({.domain = std::string(domain::kSyscall),
                                 .op_type = std::move(op_type),
                                 .inputs = std::move(inputs),
                                 .attributes = std::move(attributes)});
  return output < outputs.size() ? outputs[output] : Output();
}
inline Attribute text(std::string value) { return value; }
inline Attribute number(std::int64_t value) { return value; }

struct OneNode {
  Registry registry = ops::builtin_registry();
  Network network{registry};
  Node* node = nullptr;

  explicit OneNode(LambdaModule::Body body, Limits limits = {}, LambdaModule::Body bootstrap = {}) {
    const auto artifact = Compiler(registry).compile(LambdaModule(std::move(body), std::move(bootstrap)));
    INFO((artifact ? std::string() : artifact.error().code + ": " + artifact.error().message));
    REQUIRE(artifact);
    node = &network.install(1, {.artifacts = {artifact->bytes()}, .targets = {"M"}, .limits = limits});
  }
  /// Starts an execution with one trigger, and runs until nothing is left to do now.
  void fire(std::string_view input) {
    NamedValue inputs[] = {{input, Value::trigger()}};
    REQUIRE(node->invoke("M", inputs));
    network.run();
  }
  void give(std::string_view input, std::vector<float> data) {
    NamedValue inputs[] = {{input, tensor(*node, {data.size()}, data)}};
    REQUIRE(node->invoke("M", inputs));
    network.run();
  }
  void wait(std::uint64_t ns) {
    network.advance(ns);
    network.run();
  }
  /// The executions whose output of that name was seen, in order.
  std::vector<std::uint64_t> executions(std::string_view output) const {
    std::vector<std::uint64_t> found;
    for (const Seen& step : network.seen)
      if (step.kind == "AppEvent" && step.name == output) found.push_back(step.exec);
    return found;
  }
  std::vector<std::uint64_t> numbers(std::string_view output) const {
    std::vector<std::uint64_t> found;
    for (const Seen& step : network.seen)
      if (step.kind == "AppEvent" && step.name == output) found.push_back(load_le<std::uint64_t>(step.value.data()));
    return found;
  }
  std::size_t events(std::string_view output) const { return network.count("AppEvent", output); }
};

}  // namespace bb::test
