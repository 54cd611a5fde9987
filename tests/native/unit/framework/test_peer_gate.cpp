// Named permits: limits, lines, who is next.
#include "framework/peer_gate.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

TEST_CASE("peer gate: waiters get permits in the order in which they came") {
  PeerGate gate({});
  CHECK(gate.acquire(1, 1));
  CHECK(!gate.acquire(1, 1));
  REQUIRE(gate.wait(1, 1, CommandId{10}));
  REQUIRE(gate.wait(1, 1, CommandId{11}));
  REQUIRE(gate.wait(1, 1, CommandId{12}));
  CHECK(gate.wait(1, 1, CommandId{12}).error().code == Code::duplicate);
  CHECK(!gate.abandon(CommandId{11}));
  CHECK(!gate.abandon(CommandId{99}));
  CHECK(gate.release(1) == CommandId{10});
  CHECK(gate.inflight(1) == 1);
  CHECK(gate.release(1) == CommandId{12});
  CHECK(!gate.release(1));
  CHECK(gate.inflight(1) == 0);
  CHECK(gate.waiting() == 0);
}

TEST_CASE("peer gate: waiters with different limits") {
  PeerGate gate({});
  for (int i = 0; i < 3; ++i) REQUIRE(gate.acquire(1, 5));
  REQUIRE(gate.wait(1, 2, CommandId{1}));
  REQUIRE(gate.wait(1, 5, CommandId{2}));
  REQUIRE(gate.wait(1, 5, CommandId{3}));
  CHECK(!gate.release(1));  // two are held, and the first in line allows no more
  CHECK(gate.abandon(CommandId{1}) == CommandId{2});
  CHECK(gate.next_holder(1) == CommandId{3});
  CHECK(!gate.next_holder(1));
  CHECK(gate.inflight(1) == 4);
}

TEST_CASE("peer gate: names and waiters are bounded, and a name without use makes room") {
  PeerGate gate({.names_max = 1, .waiters_max = 1});
  CHECK(gate.acquire(1, 1));
  CHECK(!gate.acquire(2, 1));
  CHECK(gate.wait(2, 1, CommandId{1}).error().code == Code::over_cap);
  REQUIRE(gate.wait(1, 1, CommandId{1}));
  CHECK(gate.wait(1, 1, CommandId{2}).error().code == Code::over_cap);
  CHECK(gate.release(1) == CommandId{1});
  CHECK(!gate.release(1));
  CHECK(gate.acquire(2, 1));
}

TEST_CASE("peer gate: permits and lines are saved; without memory nothing changes") {
  PeerGate gate({});
  for (const std::uint32_t name : {7, 3, 9}) REQUIRE(gate.acquire(name, 2));
  REQUIRE(gate.wait(3, 1, CommandId{UINT64_MAX - 1}));
  REQUIRE(gate.wait(3, 2, CommandId{1}));
  PeerGate loaded =
      reloaded(gate, [] { return PeerGate({}); }, [](PeerGate& fresh, StateReader& reader) { return fresh.load(reader); });
  CHECK(loaded.release(3) == CommandId{UINT64_MAX - 1});
  CHECK(loaded.next_holder(3) == CommandId{1});
  PeerGate other({});
  check_allocation_failures([&] { return other.acquire(1, 1); }, [&] { return saved_of(other); });
  check_allocation_failures([&] { return other.wait(2, 1, CommandId{5}).has_value(); }, [&] { return saved_of(other); });
  const ByteBuffer unsorted{2, 5, 1, 0, 5, 1, 0};
  StateReader reader(unsorted);
  CHECK(PeerGate({}).load(reader).error().code == Code::invalid_value);
}
