// Everything that a node refuses, drops or reports of what its host and its peers hand in, and that nothing stays behind of it.
#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "bb/roles.h"
#include "ops/registry.h"
#include "support/attestation.h"
#include "support/network.h"
#include "wire/envelope_writer.h"

using namespace bb;
using Kind = DeliveryError::Kind;
using Received = ReceiveStatus::Kind;

namespace {

struct Notes final : Module {
  Notes() : Module("Notes") {}
  void body(Graph& g) const override {
    g.output("x_out", g.pass_through(g.input<type::TensorF32>("x")));
    g.output("peers_out", g.pass_through(g.input<type::Peers>("peers")));
    g.output("any_out", g.pass_through(g.input("thing")));
    g.output("tensor_out", g.pass_through(g.input<type::Tensor>("tensor")));
    const NetIn note = g.net_in<type::ByteString>("note");
    g.output("note_out", note.value);
    g.output("any_note", g.net_in("open").value);
  }
};

constexpr std::uint8_t kContent[] = {3, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3};

struct Fixture {
  Registry registry = ops::builtin_registry();
  test::Network network{registry};
  Node* node = nullptr;
  PeerHandle peer;
  std::vector<std::uint64_t> sites;

  explicit Fixture(Limits limits = {}) {
    const auto artifact = Compiler(registry).compile(Notes());
    REQUIRE(artifact);
    node = &network.install(1, {.artifacts = {artifact->bytes()}, .targets = {"Notes"}, .limits = limits});
    const auto admitted = node->admit(PeerAttestation::of(PeerId::from(2)));
    REQUIRE(admitted.has_value());
    peer = *admitted;
    sites = node->inspect().targets[0].sites;
    REQUIRE(sites.size() == 2);
  }
  ByteBuffer frame(Bytes suffix, wire::EnvelopeFields fields = {}, Bytes payload = kContent,
                   std::uint64_t hash = carrier_hash(Carrier::bytes), bool trigger = false) const {
    const wire::FillFields fill[] = {{.suffix = suffix, .payload = payload, .type_hash = hash, .trigger_only = trigger}};
    fields.fills = fill;
    ByteBuffer bytes;
    wire::write_envelope(fields, bytes);
    return bytes;
  }
  ByteBuffer to_site(std::uint64_t site, wire::EnvelopeFields fields = {}) const {
    return frame(Address().with(SiteId{site}).to_bytes(), fields);
  }
  void at_rest() {
    network.run();
    (void)node->poll(0);
    CHECK(node->stats().executions == 0);
    CHECK(node->stats().ingress_bytes == 0);
  }
};

NamedValue named(std::string_view name, Value value) { return {name, std::move(value)}; }

}  // namespace

TEST_CASE("refusals: inputs by name") {
  Limits limits;
  limits.invoke_inputs_max = 3;
  limits.invoke_bytes_max = 200;
  limits.event_bytes_max = 100;
  Fixture f(limits);
  Node& node = *f.node;
  CHECK(node.invoke("Nobody").error().kind == Kind::unknown_module);
  CHECK(node.deliver_event("Nobody", "x", Value::trigger()).error().kind == Kind::unknown_module);
  CHECK(node.deliver_event("Notes", "nothing", Value::trigger()).error().kind == Kind::unknown_input);
  NamedValue unknown[] = {named("nothing", Value::trigger())};
  CHECK(node.invoke("Notes", unknown).error().kind == Kind::unknown_input);
  NamedValue many[] = {named("x", {}), named("x", {}), named("x", {}), named("x", {})};
  CHECK(node.invoke("Notes", many).error().kind == Kind::too_many_inputs);
  InputValue numbers[] = {{InputId{0}, {}}, {InputId{0}, {}}, {InputId{0}, {}}, {InputId{0}, {}}};
  CHECK(node.invoke(TargetId{0}, numbers).error().kind == Kind::too_many_inputs);
  NamedValue absent[] = {named("x", {})};
  CHECK(node.invoke("Notes", absent).error().kind == Kind::type_mismatch);
  NamedValue wrong[] = {named("x", Value::number(Carrier::u64, 1))};
  CHECK(node.invoke("Notes", wrong).error().kind == Kind::type_mismatch);
  const ByteBuffer garbage(5, 9);
  NamedValue unreadable[] = {named("x", *Value::bytes(node.memory(), garbage))};
  CHECK(node.invoke("Notes", unreadable).error().kind == Kind::type_mismatch);
  NamedValue large[] = {named("x", test::tensor(node, {50}, std::vector<float>(50)))};
  CHECK(node.invoke("Notes", large).error().kind == Kind::oversize_payload);
  CHECK(node.deliver_event("Notes", "x", test::tensor(node, {30}, std::vector<float>(30))).error().kind == Kind::oversize_payload);
  f.at_rest();
}

TEST_CASE("refusals: a port takes wire bytes of its type, and one peer for a list") {
  Fixture f;
  Node& node = *f.node;
  ByteBuffer encoded;
  REQUIRE(encode_value(test::tensor(node, {1}, {2}), encoded));
  NamedValue inputs[] = {named("x", *Value::bytes(node.memory(), encoded)), named("tensor", *Value::bytes(node.memory(), encoded)),
                         named("peers", *Value::peer(node.memory(), PeerId::from(3))),
                         named("thing", Value::number(Carrier::u64, 4))};
  REQUIRE(node.invoke("Notes", inputs));
  f.network.run();
  CHECK(f.network.count("AppEvent", "x_out") == 1);
  CHECK(f.network.count("AppEvent", "peers_out") == 1);
  CHECK(f.network.count("AppEvent", "any_out") == 1);
  CHECK(f.network.count("AppEvent", "tensor_out") == 1);
  f.at_rest();
}

TEST_CASE("refusals: budgets, queues and memory") {
  Limits limits;
  limits.ingress_bytes_max = 64;
  limits.executions_max = 1;
  Fixture f(limits);
  Node& node = *f.node;
  NamedValue large[] = {named("x", test::tensor(node, {20}, std::vector<float>(20)))};
  CHECK(node.invoke("Notes", large).error().kind == Kind::budget_exceeded);
  const ByteBuffer heavy = f.frame(Address().with(SiteId{f.sites[0]}).to_bytes(), {.source_peer = kContent}, ByteBuffer(60, 0));
  CHECK(node.receive(f.peer, heavy).error.code == Code::budget_exceeded);
  NamedValue one[] = {named("thing", Value::trigger())};
  REQUIRE(node.invoke("Notes", one));
  NamedValue two[] = {named("thing", Value::trigger())};
  CHECK(node.invoke("Notes", two).error().kind == Kind::ingress_full);
  CHECK(node.receive(f.peer, f.to_site(f.sites[0])).error.code == Code::queue_full);
  CHECK(node.stats().refused == 2);
  f.at_rest();

  limits = {};
  limits.ingress_max = 1;
  Fixture g(limits);
  REQUIRE(g.node->receive(g.peer, g.to_site(g.sites[0])).kind == Received::accepted);
  CHECK(g.node->receive(g.peer, g.to_site(g.sites[0], {.sequence = 2})).error.code == Code::queue_full);
  NamedValue three[] = {named("thing", Value::trigger())};
  CHECK(g.node->invoke("Notes", three).error().kind == Kind::ingress_full);
  g.at_rest();
}

TEST_CASE("refusals: peers that are not admitted, frames that are seen or malformed") {
  Fixture f;
  CHECK(f.node->receive(PeerHandle{}, {}).kind == Received::refused);
  const ByteBuffer once = f.to_site(f.sites[0], {.incarnation = 7, .sequence = 1});
  CHECK(f.node->receive(f.peer, once).kind == Received::accepted);
  CHECK(f.node->receive(f.peer, once).kind == Received::duplicate);
  const std::uint8_t malformed[] = {0xff};
  CHECK(f.node->receive(f.peer, malformed).kind == Received::malformed);
  // Without numbers, the payload under the request's id is what tells a message from another.
  for (int i = 0; i < 2; ++i)
    CHECK(f.node->receive(f.peer, f.to_site(f.sites[0], {.has_correlation = true, .correlation_kind = 1, .request_id = 5})).kind ==
          Received::accepted);
  CHECK(f.node->stats().duplicates == 2);
  f.network.run();
  CHECK(f.network.count("AppEvent", "note_out") == 2);
  f.node->retire(f.peer);
  CHECK(f.node->receive(f.peer, once).error.code == Code::unauthenticated);
  f.at_rest();
}

TEST_CASE("refusals: fills that reach nothing are reported, each by its reason") {
  Fixture f;
  const auto deliver = [&f](const ByteBuffer& frame) { REQUIRE(f.node->receive(f.peer, frame).kind == Received::accepted); };
  const ByteBuffer suffix = Address().with(SiteId{f.sites[0]}).to_bytes();
  const ByteBuffer open = Address().with(SiteId{f.sites[1]}).to_bytes();
  const auto reason = [](WireReceiveFailed::Kind kind) { return std::to_string(static_cast<int>(kind)); };

  deliver(f.to_site(99));
  // A site behind a peer is found, too; a component and an op are nobody's; anything else is no address of ours.
  deliver(f.frame(Address::p2p(PeerId::from(1)).with(SiteId{98}).to_bytes()));
  deliver(f.frame(Address().with(ComponentRef{0}).with(Address::Op{"op"}).to_bytes()));
  deliver(f.frame(Address().with(ComponentRef{0}).to_bytes()));
  deliver(f.frame(Address().with(Address::Op{"lonely"}).to_bytes()));
  deliver(f.frame(kContent));
  ByteBuffer ten(10, 1);
  deliver(f.frame(ten));
  ten[0] = 0xe2;
  ten[1] = 2;
  deliver(f.frame(ten));
  deliver(f.frame(suffix, {}, kContent, carrier_hash(Carrier::u64)));
  deliver(f.frame(suffix, {}, Bytes(kContent, 4)));
  deliver(f.frame(open, {}, kContent, 12345));
  deliver(f.frame(suffix, {}, {}, 0, true));
  f.network.run();
  CHECK(f.network.count("WireReceiveFailed", reason(WireReceiveFailed::Kind::unknown_site)) == 2);
  CHECK(f.network.count("WireReceiveFailed", reason(WireReceiveFailed::Kind::unknown_component)) == 1);
  CHECK(f.network.count("WireDecodeFailed") == 5);
  CHECK(f.network.count("WireReceiveFailed", reason(WireReceiveFailed::Kind::type_mismatch)) == 1);
  CHECK(f.network.count("WireReceiveFailed", reason(WireReceiveFailed::Kind::decode_failed)) == 1);
  CHECK(f.network.count("WireReceiveFailed", reason(WireReceiveFailed::Kind::unknown_type_hash)) == 1);
  CHECK(f.network.count("AppEvent", "note_out") == 1);
  f.at_rest();
}

TEST_CASE("refusals: answers to nothing, and answers that do not read") {
  Fixture f;
  const wire::EnvelopeFields answer{.has_correlation = true, .correlation_kind = 2, .request_id = 77};
  const auto deliver = [&f](const ByteBuffer& frame) { REQUIRE(f.node->receive(f.peer, frame).kind == Received::accepted); };
  deliver(f.frame({}, answer));
  deliver(f.frame({}, answer, {}, 0, true));
  deliver(f.frame({}, {.has_correlation = true, .correlation_kind = 2}));
  ByteBuffer empty;
  wire::write_envelope(answer, empty);
  deliver(empty);
  CHECK(f.node->stats().unmatched_responses == 4);
  deliver(f.frame({}, answer, Bytes(kContent, 4)));
  deliver(f.frame({}, answer, kContent, 12345));
  f.network.run();
  CHECK(f.network.count("WireReceiveFailed") == 2);
  f.at_rest();
}

TEST_CASE("refusals: what needs memory that is not there leaves nothing behind, and comes again") {
  Limits limits;
  limits.memory_bytes_max = 1 << 20;
  Fixture f(limits);
  Memory& memory = f.node->memory();
  const ByteBuffer suffix = Address().with(SiteId{f.sites[0]}).to_bytes();
  const ByteBuffer open = Address().with(SiteId{f.sites[1]}).to_bytes();
  ByteBuffer large(40'000);
  store_le<std::uint64_t>(large.data(), large.size() - 8);
  const ByteBuffer frame = f.frame(suffix, {.incarnation = 1, .sequence = 1}, large);
  const ByteBuffer trigger = f.frame(suffix, {}, {}, 0, true);
  const wire::FillFields fills[] = {{.suffix = open, .trigger_only = true},
                                    {.suffix = suffix, .payload = large, .type_hash = carrier_hash(Carrier::bytes)}};
  ByteBuffer both;
  wire::write_envelope({.fills = fills}, both);
  // All but `left` bytes, its own block's head among them, are taken by another value.
  const auto take_all_but = [&memory](std::uint64_t left) {
    std::uint8_t* unused = nullptr;
    auto hog = Value::bytes_of_size(memory, memory.limit_bytes() - memory.live_bytes() - left, unused);
    REQUIRE(hog.has_value());
    return std::move(*hog);
  };
  {
    const Value hog = take_all_but(10'000);
    CHECK(f.node->receive(f.peer, frame).error.code == Code::no_memory);
    CHECK(f.node->receive(f.peer, both).error.code == Code::no_memory);
    CHECK(f.node->stats().executions == 0);
  }
  const Value peer = *Value::peer(memory, PeerId::from(3));
  {
    const Value hog = take_all_but(200);
    CHECK(f.node->receive(f.peer, trigger).error.code == Code::no_memory);
    NamedValue thing[] = {named("thing", Value::trigger())};
    CHECK(f.node->invoke("Notes", thing).error().kind == Kind::no_memory);
  }
  {
    const Value hog = take_all_but(100);
    NamedValue list[] = {named("peers", peer)};
    CHECK(f.node->invoke("Notes", list).error().kind == Kind::no_memory);
  }
  f.at_rest();
  CHECK(f.node->receive(f.peer, frame).kind == Received::accepted);
  f.network.run();
  CHECK(f.network.count("AppEvent", "note_out") == 1);
  f.at_rest();
}

namespace {

/// A model that calls its own node while that polls.
class Impatient final : public Stateless<Model> {
 public:
  Outcome params(OpContext& ctx) override {
    NamedValue none[] = {named("x", {})};
    refusals = {node->invoke("Call", none).error().kind, node->invoke(TargetId{0}, std::span<InputValue>()).error().kind,
                node->deliver_event("Call", "x", Value::trigger()).error().kind};
    received = node->receive(peer, {}).error.code;
    polled = node->poll(1).steps.size();
    return ctx.fail(OpErrorKind::other, "done", "all was tried");
  }
  static inline Node* node = nullptr;
  static inline PeerHandle peer;
  static inline std::vector<Kind> refusals;
  static inline Code received = Code::ok;
  static inline std::size_t polled = 7;
};

struct Call final : Module {
  Call() : Module("Call") {}
  void body(Graph& g) const override { g.output("params", ModelSlot("model").params(g)); }
};

}  // namespace

TEST_CASE("refusals: a node that polls is busy for whoever it calls") {
  Registry registry = ops::builtin_registry();
  ComponentClass impatient;
  impatient.type_name = "Impatient";
  impatient.role = Role::model;
  impatient.storage = {{"tensor", "tensor.f32"}};
  impatient.construct = [](const Config&) -> std::expected<std::unique_ptr<Component>, std::string> {
    return std::make_unique<Impatient>();
  };
  REQUIRE(registry.add(std::move(impatient)));
  const auto artifact = Compiler(registry).bind("model", "Impatient").compile(Call());
  REQUIRE(artifact);
  test::Network network(registry);
  Node& node = network.install(1, {.artifacts = {artifact->bytes()}, .targets = {"Call"}});
  Impatient::node = &node;
  Impatient::peer = *node.admit(PeerAttestation::of(PeerId::from(2)));
  REQUIRE(node.invoke("Call"));
  network.run();
  CHECK(network.count("OpFailed", "done") == 1);
  CHECK(Impatient::refusals == std::vector<Kind>{Kind::busy, Kind::busy, Kind::busy});
  CHECK(Impatient::received == Code::busy);
  CHECK(Impatient::polled == 0);
}

TEST_CASE("refusals: every reason has a name and a text") {
  for (int i = 0; i <= static_cast<int>(Kind::journal_full); ++i) {
    const DeliveryError error{.kind = static_cast<Kind>(i), .module = "M", .input = "x", .got = 2, .cap = 1};
    CHECK(error.text() == std::string(DeliveryError::kind_name(error.kind)) + " `M.x`: got 2, at most 1");
  }
  CHECK(DeliveryError{.kind = Kind::busy, .module = "M", .input = {}}.text() == "Busy `M`");
  CHECK(DeliveryError{.kind = Kind::busy, .module = "M", .input = {}, .got = 2}.text() == "Busy `M`: got 2, at most 0");
}
