// A Send whose answer is awaited: the answer completes the op, silence fails it, strangers' answers count for nothing.
#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/components.h"
#include "support/modules.h"
#include "support/network.h"

using namespace bb;

namespace {

using test::Ask;

struct Setup {
  Registry registry = ops::builtin_registry();
  std::unique_ptr<test::Network> network;

  Setup() {
    const auto artifact = Compiler(registry).compile(Ask());
    INFO((artifact ? std::string() : artifact.error().code + ": " + artifact.error().message));
    REQUIRE(artifact);
    network = std::make_unique<test::Network>(registry);
    network->install(1, {.artifacts = {artifact->bytes()}, .targets = {"Ask"}});
    for (const std::uint64_t peer : {2, 3}) network->install(peer, {.artifacts = {artifact->bytes()}, .targets = {"Ask_servers"}});
    network->introduce();
  }
  void ask(std::vector<std::uint64_t> servers) {
    Node& node = network->node(1);
    NamedValue inputs[] = {{"servers", test::peers(node, std::move(servers))}, {"x", test::tensor(node, {2}, {1, 2})}};
    REQUIRE(node.invoke("Ask", inputs));
  }
};

}  // namespace

TEST_CASE("request_and_answer: the answer completes the op that awaits it") {
  Setup setup;
  setup.ask({2});
  setup.network->run();
  CHECK(setup.network->count("AsyncSuspended") == 1);
  CHECK(setup.network->count("AppEvent", "answer") == 1);
  CHECK(setup.network->count("OpFailed") == 0);
  REQUIRE(setup.network->sent.size() == 2);
  CHECK(test::floats(setup.network->seen.back().value) == std::vector<float>{1, 2});
  CHECK(setup.network->node(1).stats().requests == 0);
  CHECK(setup.network->node(1).stats().timers == 0);
  CHECK(setup.network->node(1).stats().executions == 0);
}

TEST_CASE("request_and_answer: of two answers the first counts, the second finds nobody") {
  Setup setup;
  setup.ask({2, 3});
  setup.network->run();
  CHECK(setup.network->count("AppEvent", "answer") == 1);
  CHECK(setup.network->node(1).stats().unmatched_responses == 1);
  CHECK(setup.network->node(1).stats().requests == 0);
}

TEST_CASE("request_and_answer: silence is a timeout and a failed op") {
  Setup setup;
  setup.network->hold = true;
  setup.ask({2});
  setup.network->run();
  setup.network->advance(49'999'999);
  setup.network->run();
  CHECK(setup.network->count("OpFailed") == 0);
  setup.network->advance(1);
  setup.network->run();
  CHECK(setup.network->count("OpFailed", "deadline_exceeded") == 1);
  setup.network->advance(1'000'000'000);
  setup.network->run();
  CHECK(setup.network->count("WireTimeout") == 1);
  CHECK(setup.network->node(1).stats().requests == 0);
  CHECK(setup.network->node(1).stats().executions == 0);

  // The answer comes when nobody waits any more.
  const auto question = setup.network->sent.at(0);
  setup.network->hold = false;
  REQUIRE(setup.network->deliver(2, 1, question.bytes).kind == ReceiveStatus::Kind::accepted);
  setup.network->run();
  CHECK(setup.network->node(1).stats().unmatched_responses == 1);
  CHECK(setup.network->count("AppEvent") == 0);
}

TEST_CASE("request_and_answer: a peer that was not asked cannot answer") {
  Setup setup;
  setup.network->hold = true;
  setup.ask({2});
  setup.network->run();
  const auto question = setup.network->sent.at(0);
  REQUIRE(setup.network->deliver(2, 1, question.bytes).kind == ReceiveStatus::Kind::accepted);
  setup.network->run();
  REQUIRE(setup.network->sent.size() == 2);
  REQUIRE(setup.network->deliver(1, 3, setup.network->sent[1].bytes).kind == ReceiveStatus::Kind::accepted);
  setup.network->run();
  CHECK(setup.network->count("AppEvent", "answer") == 0);
  CHECK(setup.network->node(1).stats().unmatched_responses == 1);
  REQUIRE(setup.network->deliver(1, 2, setup.network->sent[1].bytes).kind == ReceiveStatus::Kind::accepted);
  setup.network->run();
  CHECK(setup.network->count("AppEvent", "answer") == 1);
}
