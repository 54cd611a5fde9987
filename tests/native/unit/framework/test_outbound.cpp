// Outbound queues: turns, credit, limits.
#include <catch2/catch_test_macros.hpp>

#include "framework/outbound.h"

#include <map>

using namespace bb;
using namespace bb::framework;

namespace {

struct Fixture {
  Memory memory;
  std::map<std::uint32_t, PeerOutbound> queues;

  OutboundMessage message(std::uint32_t peer, std::uint64_t sequence, std::size_t bytes = 10) {
    const ByteBuffer content(bytes, 1);
    return {.peer = peer,
            .sequence = sequence,
            .head = *Value::bytes(memory, {}),
            .body = *Value::bytes(memory, content),
            .bytes = bytes};
  }
  std::vector<std::pair<std::uint32_t, std::uint64_t>> drain(Outbound& outbound) {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> out;
    outbound.drain([&](std::uint32_t peer) -> PeerOutbound& { return queues[peer]; },
                   [&](OutboundMessage& m) { out.emplace_back(m.peer, m.sequence); });
    return out;
  }
};

}  // namespace

TEST_CASE("outbound: peers take turns") {
  Fixture f;
  Outbound outbound(100, 10'000);
  for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(outbound.push(f.queues[1], f.message(1, n)));
  REQUIRE(outbound.push(f.queues[2], f.message(2, 1)));
  CHECK(f.drain(outbound) == std::vector<std::pair<std::uint32_t, std::uint64_t>>{{1, 1}, {2, 1}, {1, 2}, {1, 3}});
  CHECK(outbound.messages() == 0);
  CHECK(outbound.bytes() == 0);
}

TEST_CASE("outbound: nothing leaves without credit, and what is granted later does") {
  Fixture f;
  Outbound outbound(100, 10'000);
  f.queues[1].granted = 0;
  for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(outbound.push(f.queues[1], f.message(1, n)));
  CHECK(f.drain(outbound).empty());
  CHECK(outbound.waiting().size() == 1);
  f.queues[1].granted = 15;  // the second message starts within the credit
  CHECK(f.drain(outbound).size() == 2);
  f.queues[1].granted = 1'000;
  CHECK(f.drain(outbound).size() == 1);
  CHECK(outbound.waiting().empty());
}

TEST_CASE("outbound: at the limit a peer loses its own oldest, never another's") {
  Fixture f;
  Outbound outbound(3, 10'000);
  REQUIRE(outbound.push(f.queues[2], f.message(2, 1)));
  for (std::uint64_t n = 1; n <= 4; ++n) REQUIRE(outbound.push(f.queues[1], f.message(1, n)));
  CHECK(outbound.take_dropped() == 2);
  CHECK(f.drain(outbound) == std::vector<std::pair<std::uint32_t, std::uint64_t>>{{2, 1}, {1, 3}, {1, 4}});
}

TEST_CASE("outbound: a message larger than the limit is dropped and counted") {
  Fixture f;
  Outbound outbound(10, 100);
  CHECK(!outbound.push(f.queues[1], f.message(1, 1, 101)));
  CHECK(outbound.take_dropped() == 1);
  CHECK(outbound.messages() == 0);
}

TEST_CASE("outbound: clearing a peer leaves the others' turn") {
  Fixture f;
  Outbound outbound(10, 1'000);
  REQUIRE(outbound.push(f.queues[1], f.message(1, 1)));
  REQUIRE(outbound.push(f.queues[2], f.message(2, 1)));
  outbound.clear(1, f.queues[1]);
  CHECK(f.drain(outbound) == std::vector<std::pair<std::uint32_t, std::uint64_t>>{{2, 1}});
}
