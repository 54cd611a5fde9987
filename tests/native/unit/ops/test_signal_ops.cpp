// Time, signals, gates, the address book, and numbers.
#include <catch2/catch_test_macros.hpp>

#include "unit/ops/op_harness.h"

using namespace bb;
using test::OpHarness;
using Kind = OpErrorKind;

namespace {

std::uint32_t know(OpHarness& h, std::uint64_t id) {
  const ByteBuffer address = Address::p2p(PeerId::from(id)).to_bytes();
  const Bytes views[] = {address};
  REQUIRE(h.services().peers.add_peer(PeerId::from(id), views) == framework::AddressBookError::none);
  return h.services().peers.find(PeerId::from(id));
}

std::string peer_bytes(std::uint64_t id) {
  const ByteBuffer bytes = PeerId::from(id).to_bytes();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("time: After and Sleep park until their time") {
  OpHarness h;
  const auto sleep = h.run("Sleep", {{"duration_ns", 70}});
  const auto after = h.run("After", {{"delay_ns", 80}});
  const auto now = h.run("After");
  REQUIRE((sleep.parked() && after.parked() && now.parked()));
  REQUIRE(h.wakes.size() == 3);
  CHECK(h.wakes[0] == std::pair(sleep.command, std::uint64_t{70}));
  CHECK(h.wakes[1] == std::pair(after.command, std::uint64_t{80}));
  CHECK(h.wakes[2] == std::pair(now.command, std::uint64_t{0}));
  h.timer_error = Code::over_cap;
  CHECK(h.run("Sleep").failed_with(Kind::execution_failed, "timer_cap", "too many timers are set"));
  CHECK(h.run("Interval").failed_with(Kind::execution_failed, "timer_cap", "too many timers are set"));
  h.timer_error = Code::no_memory;
  CHECK(h.run("Sleep").out_of_memory());
  CHECK(h.run("Interval").out_of_memory());
  h.parked_max = 0;
  CHECK(h.run("Sleep").failed_with(Kind::cooldown, "pending_async_limit", "pending-async limit exceeded"));
  CHECK(!h.try_prepare("Sleep", {{"duration_ns", -1}}));
  CHECK(!h.try_prepare("After", {{"delay_ns", "soon"}}));
}

TEST_CASE("time: Interval, Clock and DeadlineCheck") {
  OpHarness h;
  h.set_now(500);
  const auto interval = h.run("Interval");
  CHECK(interval.outputs[0].carrier() == Carrier::timestamp);
  CHECK(interval.outputs[0].as_u64() == 500);
  REQUIRE(h.ticks.size() == 1);
  CHECK(h.ticks[0].second == 1'000'000'000);
  CHECK(!h.try_prepare("Interval", {{"period_ns", 0}}));
  const auto now = h.run("Clock");
  CHECK(now.outputs[0].carrier() == Carrier::timestamp);
  CHECK(now.outputs[0].as_u64() == 500);

  const auto check = h.prepare("DeadlineCheck", {{"deadline_ns", 100}});
  h.start_ns = 401;  // 99 of 100 have passed
  CHECK(h.run(check).triggered());
  h.start_ns = 400;
  CHECK(h.run(check).failed_with(Kind::other, "", "deadline exceeded"));
  CHECK(h.run("DeadlineCheck", {{"deadline_ns", 0}}).failed_with(Kind::other, "", "deadline exceeded"));
  CHECK(!h.try_prepare("DeadlineCheck"));
  CHECK(h.problem == "DeadlineCheck missing required deadline_ns attribute");
  CHECK(!h.try_prepare("DeadlineCheck", {{"deadline_ns", -5}}));
}

TEST_CASE("signals: sources give triggers and name what they listen to") {
  OpHarness h;
  CHECK(h.run("Pulse").triggered());
  CHECK(h.run("EventSource", {{"kind", "OpFailure"}}).triggered());
  CHECK(h.run("LifecyclePhase", {{"phase", "Shutdown"}}).triggered());
  CHECK(!h.try_prepare("EventSource"));
  CHECK(h.problem == "EventSource needs the attribute `kind`");
  CHECK(!h.try_prepare("LifecyclePhase", {{"phase", ""}}));
  const Registry registry = ops::builtin_registry();
  const auto source = [&](std::string_view op) { return registry.find_op(domain::kSyscall, op)->source; };
  CHECK(source("EventSource") == OpSource::event);
  CHECK(source("LifecyclePhase") == OpSource::lifecycle);
  CHECK(source("Interval") == OpSource::interval);
  CHECK(source("Pulse") == OpSource::pulse);
}

TEST_CASE("signals: topics are published, reserved ones refused before anything runs") {
  OpHarness h;
  CHECK(h.run("AppEmit", {{"name", "news"}}, {h.tensor({1})}).done());
  CHECK(h.run("AppEmit", {{"name", "news"}}).done());
  CHECK(h.run("AppNotify", {{"name", "bell"}}).done());
  REQUIRE(h.published.size() == 3);
  CHECK(h.published[0].first == "news");
  CHECK(h.published[0].second.is_f32_tensor());
  CHECK(h.published[1].second.as_bytes().empty());
  CHECK(h.published[2].first == "bell");
  CHECK(encoded_size(h.published[2].second) == 0);
  for (const char* op : {"AppEmit", "AppNotify"}) {
    CHECK(!h.try_prepare(op, {{"name", "bb.secret"}}));
    CHECK(h.problem == "reserved_topic_prefix: AppEvent topic bb.secret collides with the framework-reserved prefix bb.");
    CHECK(!h.try_prepare(op, {{"name", "ai.bytesandbrains.x"}}));
    CHECK(h.try_prepare(op, {{"name", "bbq"}}));
  }
  CHECK(h.starved(h.prepare("AppEmit", {{"name", "news"}})).out_of_memory());
}

TEST_CASE("signals: BootstrapOutput waits for the host, with a trigger as its value until then") {
  OpHarness h;
  const auto dispatch = h.run("BootstrapDispatch");
  REQUIRE(dispatch.done());
  CHECK(dispatch.outputs[0].carrier() == Carrier::command_id);
  const auto output = h.run("BootstrapOutput", {}, {dispatch.outputs[0]});
  CHECK(output.parked());
  CHECK(output.outputs[0].carrier() == Carrier::trigger);
  CHECK(h.run("BootstrapOutput").failed_with(Kind::other, "", "BootstrapOutput: missing cmd input"));
  CHECK(h.run("BootstrapOutput", {}, {h.bytes("a")})
            .failed_with(Kind::other, "", "BootstrapOutput: cmd input is not a CommandIdValue"));
  h.parked_max = 0;
  CHECK(h.run("BootstrapDispatch").failed_with(Kind::cooldown, "pending_async_limit"));
  CHECK(h.run("BootstrapOutput", {}, {dispatch.outputs[0]}).failed_with(Kind::cooldown, "pending_async_limit"));
}

TEST_CASE("gates: equal values of one request are one, of two peers or two requests they are two") {
  OpHarness h;
  const auto gate = h.prepare("DedupGateRx", {}, 1);
  const auto next = h.prepare("DedupGateRx", {}, 1);
  CHECK(h.run(gate, {Value()}).failed_with(Kind::other, "", "DedupGateRx requires one input"));
  CHECK(h.run(gate, {h.bytes("a")}).done());
  CHECK(h.run(gate, {h.bytes("a")}).done());  // nothing says that it is the same
  h.set_inbound(2, 0);
  CHECK(h.run(gate, {h.bytes("a")}).done());
  CHECK(h.run(gate, {h.bytes("a")}).done());
  h.set_inbound(2, 7);
  CHECK(h.starved(gate, {h.bytes("a")}).out_of_memory());
  CHECK(test::text_of(h.run(gate, {h.bytes("a")}).outputs[0]) == "a");
  CHECK(h.run(gate, {h.bytes("a")}).failed_with(Kind::other, "", "DedupGateRx dropped envelope: reason=duplicate"));
  CHECK(h.run(gate, {h.bytes("b")}).done());
  CHECK(h.run(next, {h.bytes("a")}).done());  // another place
  h.set_inbound(2, 8);
  CHECK(h.run(gate, {h.bytes("a")}).done());
  h.set_inbound(3, 7);
  CHECK(h.run(gate, {h.bytes("a")}).done());
}

TEST_CASE("gates: inbound policy") {
  OpHarness h;
  const std::string text = PeerId::from(2).to_text();
  for (const char* op : {"PeerHealthGateRx", "BackoffGateRx"}) {
    CHECK(h.run(op).failed_with(Kind::other, "", std::string(op) + " requires one input"));
    CHECK(h.run(op, {}, {h.bytes("a")})
              .failed_with(Kind::other, "", std::string(op) + ": no envelope source peer in runtime context"));
  }
  h.set_inbound(2, 0);
  for (const char* op : {"PeerHealthGateRx", "BackoffGateRx"})
    CHECK(test::text_of(h.run(op, {}, {h.bytes("a")}).outputs[0]) == "a");
  h.services().governor.set_allowlist_active(true);
  const std::string denied = "PeerHealthGateRx denied envelope from peer " + text + ": reason=";
  CHECK(h.run("PeerHealthGateRx", {}, {h.bytes("a")}).failed_with(Kind::other, "", denied + "not_allowlisted"));
  auto& record = h.services().peers.at(know(h, 2));
  record.policy = {.listed = true};
  CHECK(h.run("PeerHealthGateRx", {}, {h.bytes("a")}).done());
  record.policy.blocked = true;
  CHECK(h.run("PeerHealthGateRx", {}, {h.bytes("a")}).failed_with(Kind::other, "", denied + "blocklisted"));
  record.policy.blocked = false;
  record.conduct.quarantined_until_ns = 9;
  CHECK(h.run("PeerHealthGateRx", {}, {h.bytes("a")}).failed_with(Kind::other, "", denied + "quarantined"));
  h.services().backoff.record_failure(record.backoff, 0, nullptr);
  CHECK(h.run("BackoffGateRx", {}, {h.bytes("a")})
            .failed_with(Kind::other, "", "BackoffGateRx dropped envelope from peer " + text + ": reason=cooldown"));
  h.set_now(10'000'000);
  CHECK(h.run("BackoffGateRx", {}, {h.bytes("a")}).done());
}

TEST_CASE("gates: outbound policy of the peer that the attribute names") {
  OpHarness h;
  const std::string text = PeerId::from(2).to_text();
  const test::OpAttributes attributes{{"peer", peer_bytes(2)}};
  CHECK(h.run("PeerHealthGateTx", attributes).triggered());
  CHECK(h.run("BackoffGateTx", attributes).triggered());
  auto& record = h.services().peers.at(know(h, 2));
  h.services().backoff.record_failure(record.backoff, 0, nullptr);
  const std::string denied = "PeerHealthGateTx denied send to peer " + text + ": reason=";
  CHECK(h.run("PeerHealthGateTx", attributes).failed_with(Kind::other, "", denied + "cooldown"));
  CHECK(h.run("BackoffGateTx", attributes)
            .failed_with(Kind::other, "", "BackoffGateTx held send to peer " + text + ": reason=cooldown"));
  h.set_now(10'000'000);
  CHECK(h.run("BackoffGateTx", attributes).triggered());
  CHECK(h.run("PeerHealthGateTx", attributes).triggered());
  record.policy.blocked = true;
  CHECK(h.run("PeerHealthGateTx", attributes).failed_with(Kind::other, "", denied + "blocklisted"));
  for (const char* op : {"PeerHealthGateTx", "BackoffGateTx"}) {
    CHECK(!h.try_prepare(op));
    CHECK(h.problem == std::string(op) + " missing required peer attribute");
    CHECK(!h.try_prepare(op, {{"peer", "x"}}));
  }
}

TEST_CASE("numbers: random values come from the ops' stream, tokens are never 0") {
  OpHarness h;
  const auto random = h.run("RngU64");
  CHECK(random.outputs[0].carrier() == Carrier::u64_value);
  CHECK(random.outputs[0].as_u64() == RandomStream(1).next_u64());
  const auto first = h.run("CorrelateTag"), second = h.run("CorrelateTag");
  CHECK(first.outputs[0].carrier() == Carrier::correlation_token);
  CHECK(first.outputs[0].as_u64() != 0);
  CHECK(first.outputs[0].as_u64() != second.outputs[0].as_u64());
}

TEST_CASE("address book: inserting and looking up, with the reasons of each refusal") {
  OpHarness h;
  const auto run = [&](std::string_view op, std::vector<Value> values) {
    return h.run(h.prepare(op, {}, static_cast<std::uint32_t>(values.size()), {}, domain::kAddressBook), std::move(values));
  };
  const Address home = Address::p2p(PeerId::from(2));
  const auto address = [&] { return Value::address(h.memory(), home).value(); };
  const auto list = [&](std::vector<Address> addresses) { return Value::addresses(h.memory(), addresses).value(); };
  CHECK(run("Insert", {Value(), address()}).failed_with(Kind::missing_slot, "missing_peer"));
  CHECK(run("Insert", {h.bytes("a"), address()}).failed_with(Kind::type_mismatch, "expected_peer_id"));
  CHECK(run("Insert", {h.peer(2), Value()}).failed_with(Kind::missing_slot, "missing_addr"));
  CHECK(run("Insert", {h.peer(2), h.bytes("a")}).failed_with(Kind::type_mismatch, "expected_multiaddress"));
  CHECK(run("InsertMany", {h.peer(2), Value()}).failed_with(Kind::missing_slot, "missing_addresses"));
  CHECK(run("InsertMany", {h.peer(2), h.bytes("a")}).failed_with(Kind::type_mismatch, "expected_address_vec"));
  CHECK(run("InsertMany", {h.peer(2), list({})})
            .failed_with(Kind::execution_failed, "address_book_insert_many_empty",
                         "AddressBook::InsertMany: requires a non-empty address list"));
  CHECK(run("Lookup", {Value()}).failed_with(Kind::missing_slot, "missing_peer"));
  CHECK(run("Lookup", {h.bytes("a")}).failed_with(Kind::type_mismatch, "expected_peer_id"));
  CHECK(run("Lookup", {h.peer(2)}).failed_with(Kind::execution_failed, "address_book_lookup_miss"));

  CHECK(run("Insert", {h.peer(2), address()}).triggered());
  CHECK(run("InsertMany", {h.peer(2), list({home, Address::p2p(PeerId::from(9))})}).triggered());
  const auto& record = h.services().peers.at(h.services().peers.find(PeerId::from(2)));
  CHECK(record.addresses.entries().size() == 2);
  CHECK(run("Lookup", {h.peer(2)}).outputs[0].carrier() == Carrier::addresses);

  for (std::uint64_t id = 3; id < 9; ++id) {
    const auto ran = run("Insert", {h.peer(id), address()});
    if (ran.done()) continue;
    CHECK(
        ran.failed_with(Kind::execution_failed, "address_book_insert_failed", "AddressBook::Insert: at cap 3, new peer rejected"));
    CHECK(run("InsertMany", {h.peer(id), list({home})}).failed_with(Kind::execution_failed, "address_book_insert_many_failed"));
    return;
  }
  FAIL("the book has no end");
}
