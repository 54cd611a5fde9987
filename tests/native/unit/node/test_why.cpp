// Why a node waits: for whom, since when, until when, and that it says nothing once nothing waits.
#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/attestation.h"
#include "support/modules.h"
#include "support/network.h"

using namespace bb;

namespace {

using test::Ask;

std::unique_ptr<Node> asking(const Registry& registry, bool credit_required) {
  const auto compiled = Compiler(registry).compile(Ask());
  REQUIRE(compiled);
  auto node = Node::install(registry, {.peer = PeerId::from(1),
                                       .addresses = {Address::p2p(PeerId::from(1))},
                                       .artifacts = {compiled->bytes()},
                                       .targets = {"Ask"},
                                       .seed = 7,
                                       .incarnation = 1,
                                       .credit_required = credit_required});
  REQUIRE(node);
  const Address address = Address::p2p(PeerId::from(2));
  REQUIRE((*node)->add_peer(PeerId::from(2), {&address, 1}));
  REQUIRE((*node)->admit(PeerAttestation::of(PeerId::from(2))));
  return std::move(*node);
}

const Wait* of_kind(const std::vector<Wait>& waits, Wait::Kind kind) {
  for (const Wait& wait : waits)
    if (wait.kind == kind) return &wait;
  return nullptr;
}

}  // namespace

TEST_CASE("a node with nothing to do waits for nothing") {
  const Registry registry = ops::builtin_registry();
  const auto node = asking(registry, false);
  CHECK(node->why().empty());
  node->poll(1);
  CHECK(node->why().empty());
}

TEST_CASE("an unanswered request names the peer, its link and the deadline") {
  const Registry registry = ops::builtin_registry();
  const auto node = asking(registry, true);
  const PeerHandle two = *node->handle_of(PeerId::from(2));
  REQUIRE(node->link_up(two, 3));
  NamedValue inputs[] = {{"servers", test::peers(*node, {2})}, {"x", test::tensor(*node, {1}, {1})}};
  REQUIRE(node->invoke("Ask", inputs));
  node->poll(1'000'000);
  REQUIRE(node->link_down(two, 9));

  const std::vector<Wait> waits = node->why();
  const Wait* const answer = of_kind(waits, Wait::Kind::answer);
  REQUIRE(answer);
  CHECK(answer->target == "Ask");
  CHECK_FALSE(answer->op.empty());
  CHECK(answer->command.valid());
  CHECK(answer->since_ns == 1'000'000);
  CHECK(answer->deadline_ns == 51'000'000);
  REQUIRE(answer->peers.size() == 1);
  CHECK(answer->peers[0].id == PeerId::from(2));
  CHECK(answer->peers[0].link == "down");
  CHECK(answer->peers[0].link_code == 9);
  CHECK(answer->peers[0].queued == 1);
  CHECK(answer->text().find("waits for answers; peer " + PeerId::from(2).to_text() + ": link down, 1 queued") != std::string::npos);

  const Wait* const credit = of_kind(waits, Wait::Kind::credit);
  REQUIRE(credit);
  REQUIRE(credit->peers.size() == 1);
  CHECK(credit->peers[0].id == PeerId::from(2));
  CHECK(node->why(1).size() == 1);
}

TEST_CASE("what has waited and been given up is no wait") {
  const Registry registry = ops::builtin_registry();
  const auto node = asking(registry, false);
  NamedValue inputs[] = {{"servers", test::peers(*node, {2})}, {"x", test::tensor(*node, {1}, {1})}};
  REQUIRE(node->invoke("Ask", inputs));
  node->poll(1'000'000);
  REQUIRE(of_kind(node->why(), Wait::Kind::answer));
  node->poll(60'000'000);
  CHECK(node->why().empty());
}
