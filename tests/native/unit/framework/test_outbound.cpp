// Outbound queues: turns by bytes, credit, lanes, limits, shares.
#include <catch2/catch_test_macros.hpp>
#include <map>

#include "framework/outbound.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

using Sent = std::vector<std::pair<std::uint32_t, std::uint64_t>>;
using Kind = Outbound::Pushed::Kind;

struct Fixture {
  explicit Fixture(Outbound::Options options) : outbound(options) {}
  Memory memory;
  std::map<std::uint32_t, PeerOutbound> queues;
  Outbound outbound;

  auto queue_of() {
    return [this](std::uint32_t peer) -> PeerOutbound& { return queues[peer]; };
  }
  OutboundMessage message(std::uint32_t peer, std::uint64_t sequence, std::size_t bytes = 10, Lane lane = Lane::bulk) {
    const ByteBuffer content(bytes, static_cast<std::uint8_t>(sequence));
    return {.peer = peer,
            .lane = lane,
            .sequence = sequence,
            .head = *Value::bytes(memory, {}),
            .body = *Value::bytes(memory, content),
            .bytes = bytes};
  }
  Outbound::Pushed push(std::uint32_t peer, std::uint64_t sequence, std::size_t bytes = 10, Lane lane = Lane::bulk) {
    return outbound.push(queues[peer], message(peer, sequence, bytes, lane), queue_of());
  }
  Sent drain(std::size_t room = SIZE_MAX) {
    Sent out;
    outbound.drain(queue_of(), [&](OutboundMessage& m) {
      if (out.size() == room) return false;
      out.emplace_back(m.peer, m.sequence);
      return true;
    });
    return out;
  }
};

}  // namespace

TEST_CASE("outbound: peers take turns of a quantum of bytes") {
  Fixture f({.messages_max = 100, .bytes_max = 10'000, .share_percent = 100, .quantum_bytes = 100});
  for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(f.push(1, n, 100).kind == Kind::queued);
  for (std::uint64_t n = 1; n <= 6; ++n) REQUIRE(f.push(2, n, 50).kind == Kind::queued);
  CHECK(f.drain() == Sent{{1, 1}, {2, 1}, {2, 2}, {1, 2}, {2, 3}, {2, 4}, {1, 3}, {2, 5}, {2, 6}});
  CHECK(f.outbound.messages() == 0);
  CHECK(f.outbound.bytes() == 0);
}

TEST_CASE("outbound: a large message waits for its turns, small ones of others go meanwhile") {
  Fixture f({.messages_max = 100, .bytes_max = 10'000, .share_percent = 100, .quantum_bytes = 100});
  REQUIRE(f.push(1, 1, 250).kind == Kind::queued);
  for (std::uint64_t n = 1; n <= 4; ++n) REQUIRE(f.push(2, n, 100).kind == Kind::queued);
  CHECK(f.drain() == Sent{{2, 1}, {2, 2}, {1, 1}, {2, 3}, {2, 4}});
}

TEST_CASE("outbound: control goes before bulk of the same peer") {
  Fixture f({.messages_max = 100, .bytes_max = 10'000});
  f.push(1, 1);
  f.push(1, 2, 10, Lane::control);
  f.push(1, 3, 10, Lane::control);
  CHECK(f.drain() == Sent{{1, 2}, {1, 3}, {1, 1}});
}

TEST_CASE("outbound: when the host has no room, the message stays and its peer goes on where it was") {
  Fixture f({.messages_max = 100, .bytes_max = 10'000, .share_percent = 100, .quantum_bytes = 20});
  for (std::uint64_t n = 1; n <= 4; ++n) {
    f.push(1, n);
    f.push(2, n);
    f.push(3, n);
  }
  Sent all;
  for (const std::size_t room : {1, 2, 0, 4, 100}) {
    const Sent part = f.drain(room);
    all.insert(all.end(), part.begin(), part.end());
  }
  CHECK(all == Sent{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {3, 1}, {3, 2}, {1, 3}, {1, 4}, {2, 3}, {2, 4}, {3, 3}, {3, 4}});
  CHECK(f.outbound.waiting().empty());
}

TEST_CASE("outbound: nothing leaves without credit, and what is granted later does") {
  Fixture f({.messages_max = 100, .bytes_max = 10'000});
  f.queues[1].granted = 0;
  for (std::uint64_t n = 1; n <= 3; ++n) f.push(1, n);
  CHECK(f.drain().empty());
  CHECK(f.outbound.waiting().size() == 1);
  f.queues[1].granted = 15;  // the second message starts within the credit
  CHECK(f.drain().size() == 2);
  f.queues[1].granted = 1'000;
  CHECK(f.drain().size() == 1);
  CHECK(f.outbound.waiting().empty());
}

TEST_CASE("outbound: a peer alone may fill the queue, and loses its oldest bulk beyond") {
  Fixture f({.messages_max = 3, .bytes_max = 10'000});
  f.push(1, 1, 10, Lane::control);
  f.push(1, 2);
  f.push(1, 3);
  const auto pushed = f.push(1, 4);
  CHECK(pushed.kind == Kind::queued);
  CHECK(pushed.dropped == 1);
  CHECK(pushed.dropped_bytes == 10);
  CHECK(f.push(1, 5, 10, Lane::control).dropped == 1);
  CHECK(f.push(1, 6, 10, Lane::control).dropped == 1);
  CHECK(f.push(1, 7).kind == Kind::full);               // bulk displaces no control message
  CHECK(f.push(1, 8, 10, Lane::control).dropped == 1);  // control displaces the oldest of its own
  CHECK(f.queues[1].dropped == 5);
  CHECK(f.outbound.take_dropped() == 5);
  CHECK(f.drain() == Sent{{1, 5}, {1, 6}, {1, 8}});
}

TEST_CASE("outbound: with others waiting a peer keeps to its share, and one over it makes room") {
  Fixture f({.messages_max = 8, .bytes_max = 10'000});
  for (std::uint64_t n = 1; n <= 8; ++n) REQUIRE(f.push(1, n).dropped == 0);
  const auto pushed = f.push(2, 1);  // the queue is full of what peer 1 should not have
  CHECK(pushed.kind == Kind::queued);
  CHECK(pushed.dropped == 1);
  CHECK(f.queues[1].dropped == 1);
  CHECK(f.push(2, 2).dropped == 1);
  const auto third = f.push(2, 3);  // beyond a quarter of eight
  CHECK(third.kind == Kind::queued);
  CHECK(f.queues[2].dropped == 1);
  CHECK(f.queues[2].messages == 2);
  CHECK(f.push(1, 9).dropped > 1);
  CHECK(f.queues[1].messages == 2);
  CHECK(f.drain() == Sent{{1, 8}, {1, 9}, {2, 2}, {2, 3}});
}

TEST_CASE("outbound: a share counts bytes too, but one message is always allowed") {
  Fixture f({.messages_max = 100, .bytes_max = 1'000});
  f.push(1, 1, 10);
  CHECK(f.push(2, 1, 600).kind == Kind::queued);
  CHECK(f.push(2, 2, 10).dropped == 1);
  CHECK(f.queues[2].bytes == 10);
}

TEST_CASE("outbound: a message larger than the limit is dropped and counted") {
  Fixture f({.messages_max = 10, .bytes_max = 100});
  CHECK(f.push(1, 1, 101).kind == Kind::full);
  CHECK(f.outbound.take_dropped() == 1);
  CHECK(f.outbound.messages() == 0);
  Fixture none({.messages_max = 0, .bytes_max = 100});
  CHECK(none.push(1, 1).kind == Kind::full);
}

TEST_CASE("outbound: clearing a peer leaves the others' turn") {
  Fixture f({.messages_max = 10, .bytes_max = 1'000});
  f.push(1, 1);
  f.push(2, 1);
  f.outbound.clear(1, f.queues[1]);
  CHECK(f.drain() == Sent{{2, 1}});
}

TEST_CASE("outbound: without memory the message is not queued, and nothing else is dropped for it") {
  Fixture f({.messages_max = 10, .bytes_max = 1'000});
  const OutboundMessage original = f.message(1, 1);
  check_allocation_failures(
      [&] {
        OutboundMessage message = original;
        return f.outbound.push(f.queues[1], std::move(message), f.queue_of()).kind == Kind::queued;
      },
      [&] {
        return ByteBuffer{static_cast<std::uint8_t>(f.outbound.messages()), static_cast<std::uint8_t>(f.queues[1].messages)};
      });
}

TEST_CASE("outbound: queued messages are saved in turn, with shared bodies once") {
  const Outbound::Options options{.messages_max = 50, .bytes_max = 100'000, .share_percent = 100, .quantum_bytes = 25};
  Fixture f(options);
  const Value shared = *Value::bytes(f.memory, ByteBuffer(300, 9));
  for (std::uint64_t n = 1; n <= 4; ++n) {
    for (std::uint32_t peer = 1; peer <= 3; ++peer) {
      OutboundMessage message = f.message(peer, n, 10, n % 2 ? Lane::bulk : Lane::control);
      if (n == 3) {
        message.body = shared;
        message.bytes = 301;
        message.tail_size = 1;
        message.tail[0] = 5;
      }
      REQUIRE(f.outbound.push(f.queues[peer], std::move(message), f.queue_of()).kind == Kind::queued);
    }
  }
  REQUIRE(f.drain(5).size() == 5);
  const auto save = [](Fixture& from) {
    ByteBuffer bytes = saved([&](StateWriter& writer) {
      return from.outbound.save(writer, [&](std::uint32_t peer) -> const PeerOutbound& { return from.queues[peer]; });
    });
    for (const auto& [peer, queue] : from.queues) {
      const ByteBuffer more = saved_of(queue);
      bytes.insert(bytes.end(), more.begin(), more.end());
    }
    return bytes;
  };
  const ByteBuffer bytes = save(f);
  CHECK(bytes.size() < 600);
  const auto load = [&](Fixture& into, StateReader& reader) -> Status {
    for (std::uint32_t peer = 1; peer <= 3; ++peer) into.queues[peer];
    BB_CHECK(into.outbound.load(reader, into.memory, [&](std::uint32_t peer) -> PeerOutbound* {
      return into.queues.contains(peer) ? &into.queues[peer] : nullptr;
    }));
    for (std::uint32_t peer = 1; peer <= 3; ++peer) BB_CHECK(into.queues[peer].load(reader));
    return {};
  };
  check_truncation(bytes, [&](StateReader& reader) {
    Fixture fresh(options);
    return load(fresh, reader);
  });
  Fixture loaded(options);
  StateReader reader(bytes);
  REQUIRE(load(loaded, reader));
  REQUIRE(reader.finish());
  CHECK(save(loaded) == bytes);
  CHECK(loaded.drain() == f.drain());
}
