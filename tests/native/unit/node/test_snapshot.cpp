// Snapshots: what they refuse to be, and what a node refuses to become, with nothing half applied.
#include <catch2/catch_test_macros.hpp>

#include "bb/compiler.h"
#include "bb/hash.h"
#include "bb/roles.h"
#include "node/snapshot.h"
#include "ops/registry.h"
#include "support/attestation.h"
#include "support/network.h"
#include "support/version_1.h"
#include "wire/envelope_writer.h"

using namespace bb;
using Refusal = RestoreError::Kind;

namespace {

/// A model that keeps one number, and can be told to refuse: to save, to load this number, or to load at all.
class Keeper final : public Model {
 public:
  static inline bool saves = true, loads = true;
  static inline std::uint64_t refused = UINT64_MAX;
  static inline Node* asks = nullptr;  // while an op runs
  static inline std::vector<SnapshotError::Kind> answers;
  static inline std::vector<Refusal> refusals;

  Outcome forward(OpContext& ctx) override {
    ++number;
    if (asks) {
      answers.push_back(asks->snapshot().error().kind);
      refusals.push_back(asks->restore({}).error().kind);
    }
    ctx.output(0, ctx.input(0));
    return Outcome::done;
  }
  Status save(StateWriter& out) const override {
    if (!saves) return fail(Code::bad_argument);
    out.number(number);
    return {};
  }
  Status load(StateReader& in, Memory&) override {
    const std::uint64_t read = in.number();
    if (!loads || read == refused) return fail(Code::invalid_value);
    number = read;
    return in.status();
  }
  std::uint64_t number = 0;
};

struct Holding final : Module {
  explicit Holding(std::string name = "Holding", std::string slot = "first", bool twice = true)
      : Module(std::move(name)), first(std::move(slot)), twice_(twice) {}
  ModelSlot first;
  ModelSlot second{"second"};
  void body(Graph& g) const override {
    const Output x = g.input<type::TensorF32>("x");
    g.output("y", twice_ ? second.forward(g, first.forward(g, x)) : first.forward(g, x));
    g.output("slept", g.record({.domain = std::string(domain::kSyscall),
                                .op_type = "Sleep",
                                .inputs = {g.input("thing")},
                                .attributes = {{"duration_ns", std::int64_t{1'000'000}}}})[0]);
  }

 private:
  bool twice_;
};

struct Fixture {
  Registry registry = ops::builtin_registry();
  std::unique_ptr<Node> node;

  Fixture() {
    Keeper::saves = Keeper::loads = true;
    Keeper::refused = UINT64_MAX;
    Keeper::asks = nullptr;
    Keeper::answers.clear();
    Keeper::refusals.clear();
    ComponentClass keeper{.type_name = "Keeper", .role = Role::model, .storage = {{"tensor", "tensor.f32"}}};
    keeper.construct = [](const Config&) -> std::expected<std::unique_ptr<Component>, std::string> {
      return std::make_unique<Keeper>();
    };
    REQUIRE(registry.add(keeper));
    keeper.type_name = "Other";
    REQUIRE(registry.add(std::move(keeper)));
    node = install({Holding()});
  }
  std::unique_ptr<Node> install(std::vector<Holding> modules, std::uint64_t peer = 1, std::string type = "Keeper",
                                Limits limits = {}) const {
    std::vector<ByteBuffer> artifacts;
    InstallOptions options{.peer = PeerId::from(peer), .addresses = {Address::p2p(PeerId::from(peer))}, .limits = limits};
    for (const Holding& module : modules) {
      const auto artifact = Compiler(registry).bind("first", type).bind("second", type).bind("third", type).compile(module);
      INFO((artifact ? std::string() : artifact.error().message));
      REQUIRE(artifact);
      artifacts.emplace_back(artifact->bytes().begin(), artifact->bytes().end());
      options.targets.push_back(std::string(module.name()));
    }
    options.artifacts.assign(artifacts.begin(), artifacts.end());
    options.incarnation = 1;
    options.mask = StepMask::all();
    auto made = Node::install(registry, options);
    INFO((made ? std::string() : made.error().text()));
    REQUIRE(made);
    return std::move(*made);
  }
  Keeper& keeper(std::string_view slot) { return *static_cast<Keeper*>(node->component(slot)); }
};

ByteBuffer taken(const Node& node) {
  const auto snapshot = node.snapshot();
  REQUIRE(snapshot);
  return {snapshot->begin(), snapshot->end()};
}
// With the length and the checksum that a body of this size has.
ByteBuffer sealed(ByteBuffer bytes) {
  const std::uint64_t length = bytes.size() - kSnapshotHeaderSize;
  for (int i = 0; i < 8; ++i) bytes[32 + i] = static_cast<std::uint8_t>(length >> (8 * i));
  const auto checksum = sha256(bytes);
  bytes.insert(bytes.end(), checksum.begin(), checksum.end());
  return bytes;
}
ByteBuffer body_of(const ByteBuffer& snapshot, std::size_t size) {
  return {snapshot.begin(), snapshot.begin() + static_cast<std::ptrdiff_t>(kSnapshotHeaderSize + size)};
}
void busy_life(Node& node) {
  NamedValue inputs[] = {{"x", test::tensor(node, {1}, {2})}, {"thing", test::tensor(node, {1}, {3})}};
  REQUIRE(node.invoke("Holding", inputs));
  const Address address = Address::p2p(PeerId::from(2));
  REQUIRE(node.add_peer(PeerId::from(2), {&address, 1}));
  REQUIRE(node.admit(PeerAttestation::of(PeerId::from(2))));
  (void)node.poll(1'000);
}

}  // namespace

TEST_CASE("snapshot: cut anywhere, with a header and a checksum that fit, it is refused and changes nothing", "[snapshot]") {
  Fixture f;
  busy_life(*f.node);
  const ByteBuffer whole = taken(*f.node);
  const std::size_t body = whole.size() - kSnapshotHeaderSize - kSnapshotChecksumSize;
  auto other = f.install({Holding()});
  const ByteBuffer before = taken(*other);
  for (std::size_t size = 0; size < body; ++size) {
    const auto restored = other->restore(sealed(body_of(whole, size)));
    INFO("body cut at " << size << " of " << body);
    REQUIRE(!restored);
    CHECK(restored.error().kind == Refusal::malformed);
    CHECK(!restored.error().text().empty());
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto restored = other->restore(Bytes(whole).first(size));
    INFO("cut at " << size);
    REQUIRE(!restored);
    CHECK(restored.error().kind == Refusal::malformed);
  }
  CHECK(taken(*other) == before);
  ByteBuffer longer = body_of(whole, body);
  longer.push_back(0);
  CHECK(other->restore(sealed(longer)).error().kind == Refusal::malformed);
  REQUIRE(other->restore(sealed(body_of(whole, body)), {.same_incarnation = true}));
  CHECK(taken(*other) == whole);
}

TEST_CASE("snapshot: any byte changed, it is refused, or makes a node that can be saved", "[snapshot]") {
  Fixture f;
  busy_life(*f.node);
  const ByteBuffer whole = taken(*f.node);
  auto other = f.install({Holding()});
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size() - kSnapshotChecksumSize; ++at) {
    for (const std::uint8_t change : {0x01, 0x80, 0xff}) {
      ByteBuffer bytes(whole.begin(), whole.end() - kSnapshotChecksumSize);
      bytes[at] ^= change;
      const ByteBuffer changed = at < kSnapshotHeaderSize ? [&] {
        const auto checksum = sha256(bytes);
        bytes.insert(bytes.end(), checksum.begin(), checksum.end());
        return bytes;
      }()
                                                          : sealed(bytes);
      INFO("byte " << at << " xor " << int(change));
      if (other->restore(changed)) {
        CHECK(other->snapshot().has_value());
        (void)other->poll(0);
      } else {
        ++refused;
      }
    }
  }
  CHECK(refused > whole.size());
  ByteBuffer checksum = whole;
  checksum.back() ^= 1;
  const auto restored = other->restore(checksum);
  REQUIRE(!restored);
  CHECK(restored.error().text() == "Malformed `checksum`: malformed at 0");
  ByteBuffer version = whole;
  version[8] = 9;
  CHECK(other->restore(version).error().text() == "SpecVersionMismatch: got 9, expected 2");
}

TEST_CASE("snapshot: of another node, it says in what that differs", "[snapshot]") {
  Fixture f;
  const ByteBuffer snapshot = taken(*f.node);
  const auto refused = [&](std::unique_ptr<Node> other) {
    const auto restored = other->restore(snapshot);
    REQUIRE(!restored);
    CHECK(restored.error().kind == Refusal::snapshot_mismatch);
    return restored.error().text();
  };
  CHECK(refused(f.install({Holding()}, 2)).starts_with("SnapshotMismatch `peer id"));
  CHECK(refused(f.install({Holding(), Holding("More")})).starts_with("SnapshotMismatch `1 graphs, 2 installed"));
  CHECK(refused(f.install({Holding("More")})).starts_with("SnapshotMismatch `graph Holding"));
  CHECK(refused(f.install({Holding("Holding", "first", false)})).starts_with("SnapshotMismatch `graph Holding"));
  CHECK(refused(f.install({Holding()}, 1, "Other")).starts_with("SnapshotMismatch `"));
}

TEST_CASE("snapshot: of a state that has no form, it says which", "[snapshot]") {
  Fixture f;
  Node& node = *f.node;
  Keeper::saves = false;
  CHECK(node.snapshot().error().text() == "ComponentFailed `first`: bad_argument");
  Keeper::saves = true;
  const std::uint8_t bytes[] = {1, 2};
  // Bytes under the hash of a type that has another form.
  NamedValue inputs[] = {{"thing", *Value::foreign(node.memory(), carrier_hash(Carrier::tensor), bytes)}};
  REQUIRE(node.invoke("Holding", inputs));
  const auto saved = node.snapshot();
  REQUIRE(!saved);
  CHECK(saved.error().kind == SnapshotError::Kind::value_not_encodable);
  CHECK(saved.error().text() == "ValueNotEncodable `Holding.thing`: not_encodable");
  for (int kind = 0; kind < 4; ++kind) CHECK(!SnapshotError::kind_name(static_cast<SnapshotError::Kind>(kind)).empty());
  for (int kind = 0; kind < 6; ++kind) CHECK(!RestoreError::kind_name(static_cast<Refusal>(kind)).empty());
}

TEST_CASE("snapshot: an op cannot save or restore its own node", "[snapshot]") {
  Fixture f;
  Keeper::asks = f.node.get();
  busy_life(*f.node);
  CHECK(Keeper::answers == std::vector{SnapshotError::Kind::busy, SnapshotError::Kind::busy});
  CHECK(Keeper::refusals == std::vector{Refusal::busy, Refusal::busy});
}

TEST_CASE("snapshot: a component that refuses leaves the others as they were", "[snapshot]") {
  Fixture f;
  f.keeper("first").number = 3;
  f.keeper("second").number = 4;
  const ByteBuffer snapshot = taken(*f.node);
  f.keeper("first").number = 5;
  f.keeper("second").number = 6;
  const ByteBuffer before = taken(*f.node);
  Keeper::refused = 4;
  const auto refused = f.node->restore(snapshot);
  REQUIRE(!refused);
  CHECK(refused.error().text() == "ComponentRestoreFailed `second (Keeper)`: invalid_value at 0");
  CHECK(f.keeper("first").number == 5);
  CHECK(taken(*f.node) == before);
  Keeper::refused = UINT64_MAX;
  Keeper::saves = false;
  CHECK(f.node->restore(snapshot).error().where == "first");
  Keeper::saves = true;
  Keeper::loads = false;
  CHECK(f.node->restore(snapshot).error().where == "first (Keeper); first has lost its state");
  Keeper::loads = true;
  REQUIRE(f.node->restore(snapshot));
  CHECK(f.keeper("first").number == 3);
  CHECK(f.keeper("second").number == 4);
}

TEST_CASE("snapshot: the clock, the life and what waits are as the host asks", "[snapshot]") {
  Fixture f;
  busy_life(*f.node);
  const ByteBuffer snapshot = taken(*f.node);
  const auto slept_at = [&](const RestoreOptions& options, std::uint64_t now_ns) {
    auto other = f.install({Holding()});
    REQUIRE(other->restore(snapshot, options));
    CHECK(other->incarnation() == (options.same_incarnation ? 1 : 2));
    std::size_t done = 0;
    for (const Step& step : other->poll(now_ns).steps) done += std::holds_alternative<OpCompleted>(step);
    return done > 0;
  };
  CHECK(!slept_at({}, 1'000'000));
  CHECK(slept_at({}, 1'001'000));
  CHECK(!slept_at({.now_ns = 5'000'000'000, .same_incarnation = true}, 5'000'999'999));
  CHECK(slept_at({.now_ns = 5'000'000'000, .same_incarnation = true}, 5'001'000'000));
  CHECK(slept_at({.pending = RestoreOptions::Pending::fail}, 1'001'000));
}

namespace {

ByteBuffer envelope_to(std::uint64_t peer) {
  const ByteBuffer destination = Address::p2p(PeerId::from(peer)).to_bytes();
  const Bytes destinations[] = {destination};
  ByteBuffer bytes;
  wire::write_envelope({.destinations = destinations}, bytes);
  return bytes;
}

}  // namespace

TEST_CASE("snapshot version 1: what the reference had is taken, cut anywhere it is refused", "[snapshot]") {
  Fixture f;
  const ByteBuffer whole = test::snapshot_of_the_reference("counted", envelope_to(2));
  auto other = f.install({Holding()});
  const ByteBuffer before = taken(*other);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto restored = other->restore(Bytes(whole).first(size));
    INFO("cut at " << size << " of " << whole.size());
    REQUIRE(!restored);
    CHECK(restored.error().kind == Refusal::malformed);
  }
  CHECK(taken(*other) == before);
  REQUIRE(other->restore(whole, {.now_ns = 50}));
  CHECK(other->incarnation() == 5);
  CHECK(other->metric("counted") == 5);
  CHECK(other->stats().parked == 1);
  CHECK(other->stats().outbound_bytes > 0);
  const auto blocked = other->peer_health(PeerId::from(3));
  REQUIRE(blocked);
  CHECK(blocked->blocked);
  const auto listed = other->peer_health(PeerId::from(2));
  REQUIRE(listed);
  CHECK(!listed->blocked);
  CHECK(listed->consecutive_failures == 2);
  REQUIRE(other->restore(whole, {.same_incarnation = true, .pending = RestoreOptions::Pending::fail}));
  CHECK(other->incarnation() == 4);
}

TEST_CASE("snapshot version 1: any byte changed, it is refused, or makes a node that can be saved", "[snapshot]") {
  Fixture f;
  const ByteBuffer whole = test::snapshot_of_the_reference("counted", envelope_to(2));
  auto other = f.install({Holding()});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const std::uint8_t change : {0x01, 0x02, 0x80, 0xff}) {
      ByteBuffer bytes = whole;
      bytes[at] ^= change;
      INFO("byte " << at << " xor " << int(change));
      if (other->restore(bytes)) CHECK(other->snapshot().has_value());
    }
  }
}

TEST_CASE("snapshot version 1: of another node, or of a version to come", "[snapshot]") {
  Fixture f;
  Node& node = *f.node;
  const auto error = [&](const ByteBuffer& bytes) {
    const auto restored = node.restore(bytes);
    REQUIRE(!restored);
    return restored.error();
  };
  const auto head = [](std::uint64_t peer) { return test::Version1().number(4).peer(peer).number(0, 3).number(1'024); };
  CHECK(error(head(2).bytes).text().starts_with("SnapshotMismatch `peer id`"));
  CHECK(error(head(1).number(1).text("Nobody#1").text("").bytes).text().starts_with("SnapshotMismatch `graph Nobody#1`"));
  const std::string graph = node.inspect().targets[0].name;
  const auto component = [&](std::string_view type, std::uint32_t instance, std::uint32_t package, std::string_view bytes) {
    return head(1)
        .number(2)
        .text(graph)
        .text("")
        .text("::" + graph)
        .text("")
        .number(1)
        .text(type)
        .number(instance, 4)
        .number(package, 4)
        .text(bytes)
        .bytes;
  };
  CHECK(error(component("Keeper", 7, 0, "")).where == "component Keeper");
  CHECK(error(component("Stranger", 0, 0, "")).where == "component Stranger");
  CHECK(error(component("Keeper", 0, 2, "")).kind == Refusal::malformed);
  const auto refused = error(component("Keeper", 0, 1, "its state"));
  CHECK(refused.kind == Refusal::component_restore_failed);
  CHECK(refused.where == "Keeper");
  CHECK(error(component("Keeper", 0, 0, "")).kind == Refusal::malformed);  // goes on, and ends too early

  // Limits that are set, lists that are not empty, envelopes that nobody can take, peers and addresses that cannot be read.
  test::Version1 odd;
  odd.number(4).peer(1);
  for (int i = 0; i < 3; ++i) odd.number(1, 1).number(9);
  odd.number(1'024).number(0).number(0).number(0).number(0).number(0).number(0).number(0).number(0);
  const ByteBuffer address = Address::p2p(PeerId::from(5)).to_bytes();
  odd.number(3);
  odd.text("??").number(1).text(address).number(1);
  odd.peer(5).number(0).number(1);
  odd.peer(6).number(2).text(address).text("??").number(1);
  odd.number(0).number(0, 1).number(0).number(5, 4);  // nobody blocked, no allow list, no health
  odd.number(0);
  odd.number(3)
      .text("no envelope")
      .number(0, 1)
      .text(ByteBuffer())
      .number(1, 1)
      .text([] {
        const ByteBuffer nowhere = Address().with(SiteId{3}).to_bytes();
        const Bytes destinations[] = {nowhere};
        ByteBuffer bytes;
        wire::write_envelope({.destinations = destinations}, bytes);
        return bytes;
      }())
      .number(0, 1);
  const std::size_t tail = odd.bytes.size();
  odd.peer(1).number(8).number(4).number(1, 4);
  odd.number(2).text("PeerDown").number(1).number(77).text("news").number(1).number(78);
  const auto cut_everywhere = [&](const ByteBuffer& bytes) {
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK(!node.restore(Bytes(bytes).first(size)));
  };
  cut_everywhere(odd.bytes);
  cut_everywhere(component("Keeper", 0, 0, ""));
  REQUIRE(node.restore(odd.bytes));
  CHECK(node.stats().outbound_bytes == 0);
  ByteBuffer newer(odd.bytes.begin(), odd.bytes.begin() + static_cast<std::ptrdiff_t>(tail));
  test::Version1 end;
  end.peer(1).number(8).number(4).number(2, 4).number(0);
  newer.insert(newer.end(), end.bytes.begin(), end.bytes.end());
  CHECK(error(newer).text() == "SpecVersionMismatch: got 2, expected 1");
  ByteBuffer others(odd.bytes.begin(), odd.bytes.begin() + static_cast<std::ptrdiff_t>(tail));
  test::Version1 stranger;
  stranger.peer(9).number(8).number(4).number(1, 4).number(0);
  others.insert(others.end(), stranger.bytes.begin(), stranger.bytes.end());
  CHECK(error(others).where == "peer id");
}

TEST_CASE("snapshot version 1: more names or phases than a node keeps are refused", "[snapshot]") {
  Fixture f;
  const auto up_to_counters = [] {
    test::Version1 out;
    out.number(4).peer(1).number(0, 3).number(1'024);
    for (int empty = 0; empty < 6; ++empty) out.number(0);
    return out;
  };
  test::Version1 names = up_to_counters();
  names.number(1'025);
  for (int i = 0; i < 1'025; ++i) names.text("counter " + std::to_string(i)).number(1);
  const auto many_names = f.node->restore(names.bytes);
  REQUIRE(!many_names);
  CHECK(many_names.error().error.code == Code::over_cap);
  Limits limits;
  limits.phases_max = 1;
  auto other = f.install({Holding()}, 1, "Keeper", limits);
  test::Version1 phases = up_to_counters();
  phases.number(0).number(2).text("One").text("Two");
  const auto many_phases = other->restore(phases.bytes);
  REQUIRE(!many_phases);
  CHECK(many_phases.error().error.code == Code::over_cap);
}
