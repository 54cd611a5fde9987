// The journal and the output gate: a node that is given its inputs again is the same node to the byte, and nothing leaves before the
// inputs behind it are durable.
#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "node/journal.h"
#include "ops/registry.h"
#include "support/attestation.h"
#include "support/modules.h"
#include "support/network.h"

using namespace bb;

namespace {

using test::Ask;

struct Recorded {
  Registry registry = ops::builtin_registry();
  ByteBuffer artifact;
  std::unique_ptr<Node> node;
  std::uint64_t now_ns = 0;

  explicit Recorded(Durability durability, Limits limits = {}) {
    const auto compiled = Compiler(registry).compile(Ask());
    REQUIRE(compiled);
    artifact.assign(compiled->bytes().begin(), compiled->bytes().end());
    node = install(durability, limits);
  }
  std::unique_ptr<Node> install(Durability durability, Limits limits = {}, std::string target = "Ask") const {
    auto made = Node::install(registry, {.peer = PeerId::from(1),
                                         .addresses = {Address::p2p(PeerId::from(1))},
                                         .artifacts = {artifact},
                                         .targets = {std::move(target)},
                                         .limits = limits,
                                         .seed = 7,
                                         .incarnation = 1,
                                         .durability = durability,
                                         .mask = StepMask::all()});
    REQUIRE(made);
    return std::move(*made);
  }
  void know(std::uint64_t number) {
    const PeerId peer = PeerId::from(number);
    const Address address = Address::p2p(peer);
    REQUIRE(node->add_peer(peer, {&address, 1}));
    REQUIRE(node->admit(PeerAttestation::of(peer)));
  }
  void ask(std::uint64_t server) {
    NamedValue inputs[] = {{"servers", test::peers(*node, {server})}, {"x", test::tensor(*node, {2}, {1, 2})}};
    REQUIRE(node->invoke("Ask", inputs));
  }
  std::size_t poll() { return node->poll(now_ns += 1'000'000).steps.size(); }
  ByteBuffer take() {
    auto part = node->journal();
    REQUIRE(part);
    return {part->bytes.begin(), part->bytes.end()};
  }
  // Of everything a node can be told, something.
  void live() {
    know(2);
    know(3);
    ask(2);
    poll();
    const PeerHandle two = *node->handle_of(PeerId::from(2));
    REQUIRE(node->link_up(two, 3));
    const std::uint8_t garbage[] = {0xff, 0xff};
    CHECK(node->receive(two, garbage).kind == ReceiveStatus::Kind::malformed);
    REQUIRE(node->block_peer(PeerId::from(3)));
    CHECK(node->receive(*node->handle_of(PeerId::from(3)), garbage).error.code == Code::blocked);
    poll();
    REQUIRE(node->unblock_peer(PeerId::from(3)));
    const PeerId only[] = {PeerId::from(2)};
    REQUIRE(node->set_allowlist(only));
    REQUIRE(node->clear_allowlist());
    REQUIRE(node->link_down(two, 9));
    REQUIRE(node->fire_lifecycle("ready"));
    REQUIRE(node->subscribe_event("PeerDown", "Ask", "x"));
    REQUIRE(node->observe_address(PeerId::from(2), Address::p2p(PeerId::from(77))));
    REQUIRE(node->register_address(PeerId::from(2), Address::p2p(PeerId::from(78))));
    REQUIRE(node->forget_address(PeerId::from(2), Address::p2p(PeerId::from(78))));
    REQUIRE(node->suspended(500'000));
    REQUIRE(node->grant(two, 12'345));
    REQUIRE(node->bootstrap());
    ask(3);
    poll();
    REQUIRE(node->send_failed(4711, two, "nak"));
    now_ns += 200'000'000;
    poll();
    REQUIRE(node->retire(two));
    REQUIRE(node->drop_peer(PeerId::from(3)));
    REQUIRE(node->set_mask({.sends = false}));
    poll();
  }
};

ByteBuffer snapshot_of(const Node& node) {
  const auto snapshot = node.snapshot();
  REQUIRE(snapshot);
  return {snapshot->begin(), snapshot->end()};
}

}  // namespace

TEST_CASE("journal: the same inputs make the same node, from the start or from a snapshot in between", "[journal]") {
  Recorded recorded(Durability::recorded);
  recorded.live();
  const ByteBuffer first = recorded.take();
  const ByteBuffer between = snapshot_of(*recorded.node);
  recorded.know(4);
  recorded.ask(4);
  recorded.poll();
  const ByteBuffer second = recorded.take();
  const ByteBuffer expected = snapshot_of(*recorded.node);
  ByteBuffer journal = first;
  journal.insert(journal.end(), second.begin(), second.end());

  auto from_start = recorded.install(Durability::none);
  std::size_t polls = 0;
  const auto replayed = from_start->replay(journal, [&](const Poll&) { ++polls; });
  INFO((replayed ? std::string() : replayed.error().text()));
  REQUIRE(replayed);
  CHECK(replayed->inputs > 25);
  CHECK(replayed->polls == polls);
  CHECK_FALSE(replayed->torn);
  CHECK(snapshot_of(*from_start) == expected);

  auto from_snapshot = recorded.install(Durability::none);
  REQUIRE(from_snapshot->restore(between, {.same_incarnation = true}));
  REQUIRE(from_snapshot->replay(journal));  // what was before the snapshot is passed over
  CHECK(snapshot_of(*from_snapshot) == expected);
}

TEST_CASE("journal: a new life asks under other request ids than the life that it goes on from", "[journal]") {
  Recorded recorded(Durability::none);
  recorded.know(2);
  const ByteBuffer before = snapshot_of(*recorded.node);
  const auto request_id = [&] {
    recorded.ask(2);
    std::uint64_t id = 0;
    for (const Step& step : recorded.node->poll(recorded.now_ns += 1'000'000).steps)
      if (const auto* sent = std::get_if<SendEnvelope>(&step)) id = sent->request_id;
    REQUIRE(id != 0);
    return id;
  };
  const std::uint64_t first = request_id();
  const auto go_on = [&](bool same) {
    recorded.node = recorded.install(Durability::none);
    REQUIRE(recorded.node->restore(before, {.same_incarnation = same}));
  };
  go_on(true);
  CHECK(request_id() == first);
  go_on(false);
  const std::uint64_t restored = request_id();
  CHECK(restored != first);
  go_on(true);
  recorded.node->reincarnate(9);
  const std::uint64_t reborn = request_id();
  CHECK(reborn != first);
  CHECK(reborn != restored);
}

TEST_CASE("journal: a node remembers between two polls whom it called blocked, across a restore, too", "[journal]") {
  Limits limits;
  limits.ingress_max = 1;  // and so one step that is told later
  for (const Limits& some : {Limits(), limits}) {
    Recorded recorded(Durability::none, some);
    recorded.know(2);
    recorded.know(3);
    for (const std::uint64_t peer : {2, 3}) REQUIRE(recorded.node->block_peer(PeerId::from(peer)));
    const std::uint8_t garbage[] = {0xff};
    const auto blocked = [&] {
      for (const std::uint64_t peer : {2, 3})
        CHECK(recorded.node->receive(*recorded.node->handle_of(PeerId::from(peer)), garbage).error.code == Code::blocked);
    };
    recorded.ask(3);
    recorded.poll();
    blocked();
    const ByteBuffer between = snapshot_of(*recorded.node);
    blocked();
    const ByteBuffer after = snapshot_of(*recorded.node);
    const std::size_t steps = recorded.poll();
    recorded.node = recorded.install(Durability::none, some);
    REQUIRE(recorded.node->restore(between, {.same_incarnation = true}));
    blocked();
    CHECK(equal(snapshot_of(*recorded.node), after));
    recorded.now_ns -= 1'000'000;
    CHECK(recorded.poll() == steps);
  }
}

TEST_CASE("journal: a completion that came too late is counted, and so it is in a replay", "[journal]") {
  Recorded recorded(Durability::recorded);
  recorded.know(2);
  CHECK(recorded.node->complete(CommandId{5}, {}).error().code == Code::unknown_command);
  CHECK(recorded.node->complete_failed(CommandId{6}, {OpErrorKind::other, "gone", {}}).error().code == Code::unknown_command);
  CHECK(recorded.node->stats().late_completions == 2);
  auto replayed = recorded.install(Durability::none);
  REQUIRE(replayed->replay(recorded.take()));
  CHECK(replayed->stats().late_completions == 2);
  CHECK(snapshot_of(*replayed) == snapshot_of(*recorded.node));
}

TEST_CASE("journal: a waiter that was told to fail and has not yet is the same in a replay and after a restore", "[journal]") {
  for (const bool by_host : {true, false}) {
    Recorded recorded(Durability::recorded);
    recorded.know(2);
    recorded.ask(2);
    CommandId command;
    std::uint64_t request = 0;
    const Poll poll = recorded.node->poll(recorded.now_ns += 1'000'000);
    for (const Step& step : poll.steps) {
      if (const auto* suspended = std::get_if<AsyncSuspended>(&step)) command = suspended->command;
      if (const auto* send = std::get_if<SendEnvelope>(&step)) request = send->request_id;
    }
    if (by_host)
      REQUIRE(recorded.node->complete_failed(command, {OpErrorKind::other, "gone", "the host gave up"}));
    else
      REQUIRE(recorded.node->send_failed(request, *recorded.node->handle_of(PeerId::from(2)), "no route"));
    const ByteBuffer expected = snapshot_of(*recorded.node);
    auto restored = recorded.install(Durability::none);
    REQUIRE(restored->restore(expected, {.same_incarnation = true}));
    CHECK(snapshot_of(*restored) == expected);
    auto replayed = recorded.install(Durability::none);
    REQUIRE(replayed->replay(recorded.take()));
    CHECK(snapshot_of(*replayed) == expected);
  }
}

TEST_CASE("journal: a silenced peer that was quiet is heard again, by whatever frame", "[journal]") {
  Recorded asks(Durability::none);
  asks.know(1);
  std::vector<ByteBuffer> questions;
  for (int i = 0; i < 2; ++i) {
    asks.ask(1);
    const Poll poll = asks.node->poll(asks.now_ns += 1'000'000);
    for (const Step& step : poll.steps)
      if (const auto* send = std::get_if<SendEnvelope>(&step)) questions.push_back(send->bytes());
  }
  REQUIRE(questions.size() == 2);
  Limits limits;
  limits.ingress_max = 4;
  limits.peer_share_percent = 100;
  limits.high_water_percent = 1;
  limits.notices_before_silent = 1;
  Recorded answers(Durability::recorded);
  answers.node = answers.install(Durability::recorded, limits, "Ask_servers");
  answers.know(2);
  const PeerHandle from = *answers.node->handle_of(PeerId::from(2));
  REQUIRE(answers.node->receive(from, questions[0]).kind == ReceiveStatus::Kind::accepted);
  REQUIRE(answers.node->receive(from, questions[1]).error.code == Code::silenced);
  answers.poll();
  answers.now_ns += 60'000'000'000;
  answers.poll();
  CHECK(answers.node->receive(from, questions[0]).kind == ReceiveStatus::Kind::duplicate);
  auto replayed = answers.install(Durability::none, limits, "Ask_servers");
  REQUIRE(replayed->replay(answers.take()));
  CHECK(snapshot_of(*replayed) == snapshot_of(*answers.node));
  REQUIRE(answers.node->receive(from, questions[1]).kind == ReceiveStatus::Kind::accepted);
}

TEST_CASE("journal: a torn tail is told, a hole and a wrong byte are errors", "[journal]") {
  Recorded recorded(Durability::recorded);
  recorded.know(2);
  const ByteBuffer first = recorded.take();
  recorded.ask(2);
  recorded.poll();
  const ByteBuffer second = recorded.take();
  ByteBuffer whole = first;
  whole.insert(whole.end(), second.begin(), second.end());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    auto node = recorded.install(Durability::none);
    const auto replayed = node->replay(Bytes(whole).first(length));
    REQUIRE(replayed);
    const std::size_t frames_end = length < first.size() ? 0 : first.size();
    CHECK(replayed->torn == (length != frames_end));
    CHECK((!replayed->torn || replayed->torn_at == frames_end));
    CHECK(replayed->inputs == (length < first.size() ? 0 : 2));
  }
  auto node = recorded.install(Durability::none);
  const auto hole = node->replay(second);
  REQUIRE_FALSE(hole);
  CHECK(hole.error().kind == ReplayError::Kind::sequence_hole);
  CHECK(hole.error().got == 2);
  for (std::size_t at = 0; at < first.size(); ++at) {
    ByteBuffer wrong = whole;
    wrong[at] ^= 0x40;
    auto other = recorded.install(Durability::none);
    const auto replayed = other->replay(wrong);
    // A length that now reaches past the end looks like a torn tail, and nothing of it is applied.
    if (replayed) CHECK(replayed->inputs == 0);
  }
}

TEST_CASE("journal: when it is full, inputs are refused until the host has taken it", "[journal]") {
  Limits limits;
  limits.journal_bytes_max = 200;
  Recorded recorded(Durability::recorded, limits);
  Status refused;
  std::uint64_t peer = 2;
  for (; peer < 50 && refused; ++peer) {
    const Address address = Address::p2p(PeerId::from(peer));
    refused = recorded.node->add_peer(PeerId::from(peer), {&address, 1});
  }
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::busy);
  CHECK(recorded.node->handle_of(PeerId::from(peer - 1)).error().code == Code::unknown_peer);
  Node& node = *recorded.node;
  NamedValue inputs[] = {{"servers", test::peers(node, {2})}, {"x", test::tensor(node, {2}, {1, 2})}};
  CHECK(node.invoke("Ask", inputs).error().kind == DeliveryError::Kind::journal_full);
  CHECK(node.deliver_event("Ask", "x", test::tensor(node, {2}, {1, 2})).error().text() == "JournalFull `Ask`");
  while (node.set_mask(StepMask::all())) {}
  CHECK(node.complete(CommandId{1}, {}).error().code == Code::busy);
  CHECK(node.complete_failed(CommandId{1}, {OpErrorKind::other, "gone", {}}).error().code == Code::busy);
  CHECK(node.poll(1).more);
  CHECK(node.stats().late_completions == 0);
  (void)recorded.take();
  const Address address = Address::p2p(PeerId::from(peer));
  CHECK(recorded.node->add_peer(PeerId::from(peer), {&address, 1}));
}

TEST_CASE("journal: a value that has no form to be written in is refused before it is applied", "[journal]") {
  Recorded recorded(Durability::recorded);
  const std::uint8_t bytes[] = {1, 2};
  // Bytes under the hash of a type that has another form.
  Value outputs[] = {*Value::foreign(recorded.node->memory(), carrier_hash(Carrier::tensor), bytes)};
  CHECK(recorded.node->complete(CommandId{1}, outputs).error().code == Code::not_encodable);
  CHECK(recorded.node->stats().late_completions == 0);
  CHECK(recorded.take().empty());
}

TEST_CASE("journal: frames of a blocked peer are refused again in a replay, those that a full journal refused are not",
          "[journal]") {
  Limits limits;
  limits.journal_bytes_max = 400;
  Recorded recorded(Durability::recorded, limits);
  recorded.know(2);
  const PeerHandle peer = *recorded.node->handle_of(PeerId::from(2));
  REQUIRE(recorded.node->block_peer(PeerId::from(2)));
  const ByteBuffer frame(100, 0xff);
  std::uint64_t refused = 0;
  while (recorded.node->receive(peer, frame).error.code == Code::blocked) REQUIRE(++refused < 100);
  CHECK(refused > 1);
  CHECK(recorded.node->receive(peer, frame).error.code == Code::busy);
  CHECK(recorded.node->stats().refused == refused);
  auto replayed = recorded.install(Durability::none);
  REQUIRE(replayed->replay(recorded.take()));
  CHECK(replayed->stats().refused == refused);
  CHECK(snapshot_of(*replayed) == snapshot_of(*recorded.node));
}

TEST_CASE("gate: no step leaves before its inputs are durable, and then in order", "[journal]") {
  Recorded recorded(Durability::gated);
  recorded.know(2);
  recorded.ask(2);
  CHECK(recorded.poll() == 0);
  const auto part = recorded.node->journal();
  REQUIRE(part);
  CHECK(recorded.poll() == 0);
  CHECK_FALSE(recorded.node->committed(part->sequence + 1));
  REQUIRE(recorded.node->committed(part->sequence));
  const Poll released = recorded.node->poll(recorded.now_ns);
  REQUIRE(released.steps.size() > 0);
  CHECK(released.more);
  CHECK(std::any_of(released.steps.begin(), released.steps.end(),
                    [](const Step& step) { return std::holds_alternative<SendEnvelope>(step); }));
  CHECK(recorded.node->poll(recorded.now_ns).steps.empty());
}

TEST_CASE("gate: a poll that cannot be withheld does not run", "[journal]") {
  Limits limits;
  limits.withheld_polls_max = 1;
  Recorded recorded(Durability::gated, limits);
  recorded.know(2);
  recorded.ask(2);
  CHECK(recorded.poll() == 0);
  recorded.ask(2);
  const std::uint64_t ops = recorded.node->stats().ops;
  const Poll held = recorded.node->poll(recorded.now_ns += 1);
  CHECK(held.more);
  CHECK(held.uncommitted > 0);
  CHECK(recorded.node->stats().ops == ops);
  REQUIRE(recorded.node->committed(recorded.node->journal()->sequence));
  CHECK(recorded.node->poll(recorded.now_ns).steps.size() > 0);
  CHECK(recorded.poll() == 0);
  CHECK(recorded.node->stats().ops > ops);
}
