// The peer table: references, admission, handles, eviction, envelope heads, saved state.
#include "framework/peers.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

using Book = AddressBookError;
constexpr PeerTable::Options kSmall{.peers_max = 4, .addresses = {.addresses_max = 3, .hints_max = 2}};

ByteBuffer site(std::uint64_t n) { return Address().with(SiteId{n}).to_bytes(); }

struct Fixture {
  Memory memory;
  Outbound outbound{{.messages_max = 100, .bytes_max = 100'000}};
  PeerTable peers{&memory, PeerId::from(100), RandomStream(1), kSmall};

  Book add(std::uint64_t peer, std::initializer_list<std::uint64_t> sites) {
    std::vector<ByteBuffer> bytes;
    for (const std::uint64_t n : sites) bytes.push_back(site(n));
    const std::vector<Bytes> list(bytes.begin(), bytes.end());
    return peers.add_peer(PeerId::from(peer), list);
  }
  std::uint32_t find(std::uint64_t peer) const { return peers.find(PeerId::from(peer)); }
  PeerRecord& record(std::uint64_t peer) {
    REQUIRE(find(peer) != kNoPeer);
    return peers.at(find(peer));
  }
  Book drop(std::uint64_t peer) { return peers.drop_peer(PeerId::from(peer), outbound); }
};

std::vector<ByteBuffer> addresses(const PeerRecord& record) {
  std::vector<ByteBuffer> out;
  for (const PeerAddress& entry : record.addresses.entries())
    out.emplace_back(entry.bytes.as_bytes().begin(), entry.bytes.as_bytes().end());
  return out;
}

}  // namespace

TEST_CASE("peers: the address book counts references and keeps order") {
  Fixture f;
  CHECK(f.add(5, {}) == Book::empty_list);
  CHECK(f.peers.register_address(PeerId::from(5), site(1)) == Book::unknown_peer);
  REQUIRE(f.add(5, {1, 2, 1}) == Book::none);
  CHECK(addresses(f.record(5)) == std::vector<ByteBuffer>{site(1), site(2)});
  CHECK(f.record(5).references == 1);
  REQUIRE(f.add(5, {1}) == Book::none);
  CHECK(f.record(5).references == 2);
  CHECK(f.peers.register_address(PeerId::from(5), site(3)) == Book::none);
  CHECK(f.record(5).references == 2);
  CHECK(f.peers.forget_address(PeerId::from(5), site(1)) == Book::none);
  CHECK(f.record(5).addresses.size() == 2);
  CHECK(f.drop(5) == Book::none);
  CHECK(f.find(5) != kNoPeer);
  CHECK(f.drop(5) == Book::none);
  CHECK(f.find(5) == kNoPeer);
  CHECK(f.drop(5) == Book::unknown_peer);
  const ByteBuffer kept = site(7);
  const Bytes list[] = {kept, kept};
  REQUIRE(f.peers.restore_entry(PeerId::from(5), list, 3) == Book::none);
  CHECK(f.record(5).references == 3);
  CHECK(addresses(f.record(5)) == std::vector<ByteBuffer>{kept});
}

TEST_CASE("peers: the table is bounded, removal makes room and chains stay whole") {
  Fixture f;
  for (std::uint64_t n = 0; n < 4; ++n) REQUIRE(f.add(n, {1}) == Book::none);
  CHECK(f.add(9, {1}) == Book::full);
  CHECK(f.peers.admit(PeerId::from(9), ChannelKind::encrypted, 1).error().code == Code::over_cap);
  REQUIRE(f.drop(2) == Book::none);
  REQUIRE(f.add(9, {1}) == Book::none);
  for (const std::uint64_t n : {0, 1, 3, 9}) CHECK(f.find(n) != kNoPeer);
  CHECK(f.find(2) == kNoPeer);
  CHECK(f.find(9) == 2);
}

TEST_CASE("peers: a record of hints gives way to whoever comes, the one used longest ago first") {
  Fixture f;
  REQUIRE(f.add(1, {1}) == Book::none);
  for (std::uint64_t n = 2; n <= 4; ++n) REQUIRE(f.peers.add_hint(PeerId::from(n), site(n), AddressSource::observed) == Book::none);
  REQUIRE(f.peers.add_hint(PeerId::from(2), site(9), AddressSource::claimed) == Book::none);  // used again
  f.record(3).policy.blocked = true;
  REQUIRE(f.add(5, {1}) == Book::none);
  CHECK(f.find(4) == kNoPeer);
  CHECK(f.find(3) != kNoPeer);
  REQUIRE(f.add(6, {1}) == Book::none);
  CHECK(f.find(2) == kNoPeer);
  CHECK(f.peers.add_hint(PeerId::from(7), site(7), AddressSource::claimed) == Book::full);
  f.record(3).policy.blocked = false;
  f.peers.remove_if_unused(f.find(3), f.outbound);
  CHECK(f.find(3) != kNoPeer);  // it has an address to remember
  CHECK(f.record(3).evictable());
  REQUIRE(f.add(7, {1}) == Book::none);
  CHECK(f.find(3) == kNoPeer);
}

TEST_CASE("peers: claims never displace the host's addresses, an unreadable claim is ignored whole") {
  Fixture f;
  REQUIRE(f.add(1, {1, 2, 3}) == Book::none);
  const ByteBuffer claim = site(4);
  const Bytes claims[] = {claim};
  f.peers.merge_hints(f.record(1), claims);
  CHECK(addresses(f.record(1)) == std::vector<ByteBuffer>{site(1), site(2), site(3)});
  REQUIRE(f.peers.admit(PeerId::from(2), ChannelKind::encrypted, 1));
  const ByteBuffer junk{0xff};
  const Bytes mixed[] = {claim, junk};
  f.peers.merge_hints(f.record(2), mixed);
  CHECK(f.record(2).addresses.empty());
  for (std::uint64_t n = 10; n < 20; ++n) {
    const ByteBuffer bytes = site(n);
    const Bytes one[] = {bytes};
    f.peers.merge_hints(f.record(2), one);
  }
  CHECK(addresses(f.record(2)) == std::vector<ByteBuffer>{site(18), site(19)});
  CHECK(f.record(2).references == 0);
}

TEST_CASE("peers: a retired handle is nobody's, also when the record is used again") {
  Fixture f;
  const auto index = f.peers.admit(PeerId::from(1), ChannelKind::dtls, 7);
  REQUIRE(index);
  CHECK(f.record(1).channel == ChannelKind::dtls);
  const PeerHandle handle = f.peers.handle_of(*index);
  CHECK(f.peers.resolve(handle) == *index);
  f.peers.retire(*index, f.outbound);
  CHECK(f.peers.resolve(handle) == kNoPeer);
  CHECK(f.find(1) == kNoPeer);
  const auto again = f.peers.admit(PeerId::from(2), ChannelKind::encrypted, 1);
  REQUIRE(again);
  CHECK(*again == *index);
  CHECK(f.peers.resolve(handle) == kNoPeer);
  CHECK(f.peers.resolve(PeerHandle{}) == kNoPeer);
}

TEST_CASE("peers: an earlier life of a peer is not admitted, and a later one is") {
  Fixture f;
  REQUIRE(f.peers.admit(PeerId::from(1), ChannelKind::encrypted, 7));
  CHECK(f.peers.admit(PeerId::from(1), ChannelKind::dtls, 6).error().code == Code::stale_incarnation);
  CHECK(f.record(1).channel == ChannelKind::encrypted);
  CHECK(f.record(1).incarnation == 7);
  REQUIRE(f.peers.admit(PeerId::from(1), ChannelKind::dtls, 7));
  REQUIRE(f.peers.admit(PeerId::from(1), ChannelKind::dtls, 9));
  CHECK(f.record(1).incarnation == 9);
}

TEST_CASE("peers: a retired peer that sent something is remembered, without its queue and its credit") {
  Fixture f;
  const std::uint32_t index = *f.peers.admit(PeerId::from(1), ChannelKind::encrypted, 1);
  PeerRecord& record = f.peers.at(index);
  REQUIRE(record.windows.try_reserve(7));
  record.windows.record_reserved(7, 1);
  record.outbound.next_sequence = 5;
  record.outbound.granted = record.outbound.sent = 12;
  OutboundMessage message{.peer = index, .head = *Value::bytes(f.memory, {}), .body = *Value::bytes(f.memory, {})};
  f.outbound.push(record.outbound, std::move(message), [&](std::uint32_t at) -> PeerOutbound& { return f.peers.at(at).outbound; });
  const PeerHandle handle = f.peers.handle_of(index);
  f.peers.retire(index, f.outbound);
  CHECK(f.outbound.messages() == 0);
  CHECK(f.peers.resolve(handle) == kNoPeer);
  CHECK(f.find(1) == index);
  CHECK(record.windows.seen(7, 1));
  CHECK(record.outbound.next_sequence == 5);
  CHECK(record.outbound.granted == PeerOutbound::kUnlimited);
  CHECK(record.outbound.sent == 0);
  CHECK(record.evictable());
}

TEST_CASE("peers: the head of a peer's envelopes follows its addresses") {
  Fixture f;
  REQUIRE(f.add(5, {1}) == Book::none);
  PeerRecord& record = f.record(5);
  const auto head = [&] {
    const auto made = f.peers.head_of(record);
    REQUIRE(made.has_value());
    return ByteBuffer(made->as_bytes().begin(), made->as_bytes().end());
  };
  const ByteBuffer one = head();
  CHECK(one == head());
  REQUIRE(f.peers.register_address(PeerId::from(5), site(2)) == Book::none);
  const ByteBuffer two = head();
  CHECK(two.size() == 2 * one.size());
  REQUIRE(f.peers.register_address(PeerId::from(5), site(1)) == Book::none);
  CHECK(record.head.present());  // nothing changed
  REQUIRE(f.peers.forget_address(PeerId::from(5), site(2)) == Book::none);
  CHECK(head() == one);
  REQUIRE(f.peers.forget_address(PeerId::from(5), site(1)) == Book::none);
  CHECK(f.peers.head_of(record).error().code == Code::empty_list);
}

TEST_CASE("peers: what envelopes say of the sender follows its own addresses") {
  Fixture f;
  f.peers.set_incarnation(5);
  const auto source = [&] {
    const auto bytes = f.peers.source();
    REQUIRE(bytes.has_value());
    return ByteBuffer(bytes->begin(), bytes->end());
  };
  const ByteBuffer none{0x38, 0x01, 0x48, 0x05};
  CHECK(source() == none);
  REQUIRE(f.add(5, {1}) == Book::none);
  CHECK(source() == none);
  REQUIRE(f.add(100, {1}) == Book::none);
  ByteBuffer one{0x38, 0x01, 0x42, 0x0a};
  const ByteBuffer address = site(1);
  one.insert(one.end(), address.begin(), address.end());
  one.insert(one.end(), {0x48, 0x05});
  CHECK(source() == one);
  REQUIRE(f.peers.forget_address(PeerId::from(100), site(1)) == Book::none);
  CHECK(source() == none);
  for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(f.peers.register_address(PeerId::from(100), site(n)) == Book::none);
  CHECK(source().size() == 4 + 3 * 12);
  f.peers.set_incarnation(6);
  CHECK(source().back() == 6);
  REQUIRE(f.drop(100) == Book::none);
  CHECK(source().size() == 4);
}

TEST_CASE("peers: without memory nothing is added, evicted or changed") {
  Fixture f;
  const auto state = [&] {
    ByteBuffer bytes = saved_of(f.peers);
    for (std::uint64_t n = 0; n < 9; ++n) bytes.push_back(static_cast<std::uint8_t>(f.find(n)));
    return bytes;
  };
  const ByteBuffer one = site(1), two = site(2);
  const Bytes list[] = {one, two};
  for (std::uint64_t n = 1; n <= 4; ++n)
    check_allocation_failures([&] { return f.peers.add_hint(PeerId::from(n), list[0], AddressSource::observed) == Book::none; },
                              state);
  for (std::uint64_t n = 5; n <= 8; ++n) {
    check_allocation_failures([&] { return f.peers.add_peer(PeerId::from(n), list) == Book::none; }, state);
    CHECK(f.find(n - 4) == kNoPeer);
  }
  Fixture g;
  check_allocation_failures([&] { return g.peers.admit(PeerId::from(1), ChannelKind::encrypted, 1).has_value(); },
                            [&] { return saved_of(g.peers); });
  REQUIRE(g.add(1, {1}) == Book::none);
  check_allocation_failures([&] { return g.peers.head_of(g.record(1)).has_value(); }, [&] { return saved_of(g.peers); });
  check_allocation_failures([&] { return g.peers.source().has_value(); }, [&] { return saved_of(g.peers); });
}

TEST_CASE("peers: the table is saved with its handles, and goes on as it was") {
  Fixture f;
  f.peers.set_incarnation(77);
  for (std::uint64_t n = 1; n <= 4; ++n) REQUIRE(f.peers.admit(PeerId::from(n), ChannelKind::encrypted, 1));
  f.peers.retire(f.find(2), f.outbound);
  REQUIRE(f.add(100, {1, 2}) == Book::none);
  f.peers.retire(f.find(4), f.outbound);  // the last index is free, and its generation must not be forgotten
  PeerRecord& record = f.record(3);
  const ByteBuffer claim = site(8);
  const Bytes claims[] = {claim};
  f.peers.merge_hints(record, claims);
  record.policy.listed = true;
  record.health = {.consecutive_failures = 2, .last_event_ns = 5, .down = true};
  record.backoff = {.attempts = 1, .last_attempt_ns = 2, .next_retry_ns = 3};
  record.pressure = {.notices_sent = 1, .silent_drop = true, .last_notice_ns = 6};
  record.conduct = {.strikes = 4, .window_start_ns = 5};
  record.link = {.kind = LinkState::Kind::up, .path = 2, .code = 300, .since_ns = 9};
  REQUIRE(record.windows.try_reserve(9));
  record.windows.record_reserved(9, 4);
  record.outbound.next_sequence = 12;
  const PeerHandle handle = f.peers.handle_of(f.find(3));
  const auto make = [&] { return PeerTable(&f.memory, PeerId::from(100), RandomStream(1), kSmall); };
  PeerTable loaded = reloaded(f.peers, make, [](PeerTable& fresh, StateReader& reader) { return fresh.load(reader); });
  CHECK(loaded.size() == 3);
  CHECK(loaded.resolve(handle) == f.find(3));
  CHECK(loaded.find(PeerId::from(2)) == kNoPeer);
  CHECK(equal(*loaded.source(), *f.peers.source()));
  PeerRecord& back = loaded.at(loaded.find(PeerId::from(3)));
  CHECK(back.windows.seen(9, 4));
  CHECK(back.link.code == 300);
  CHECK(back.id_value.as_peer() == PeerId::from(3));
  CHECK(*loaded.admit(PeerId::from(50), ChannelKind::encrypted, 1) == *f.peers.admit(PeerId::from(50), ChannelKind::encrypted, 1));
  CHECK(saved_of(loaded) == saved_of(f.peers));
}
