// The peer table and its address book.
#include <catch2/catch_test_macros.hpp>

#include "framework/peers.h"

using namespace bb;
using namespace bb::framework;

namespace {

struct Fixture {
  Memory memory;
  Outbound outbound{100, 100'000};
  PeerTable peers{memory, PeerId::from(100), RandomStream(1), 4, 3};
};

Address site(std::uint64_t n) { return Address().with(SiteId{n}); }

}  // namespace

TEST_CASE("peers: the address book counts references and keeps order") {
  Fixture f;
  const PeerId peer = PeerId::from(5);
  const Address first[] = {site(1), site(2), site(1)};
  CHECK(f.peers.add_peer(peer, {}) == AddressBookError::empty_list);
  CHECK(f.peers.register_address(peer, site(1)) == AddressBookError::unknown_peer);
  REQUIRE(f.peers.add_peer(peer, first) == AddressBookError::none);
  const std::uint32_t at = f.peers.find(peer);
  REQUIRE(at != kNoPeer);
  CHECK(f.peers.at(at).addresses == std::vector<ByteBuffer>{site(1).to_bytes(), site(2).to_bytes()});
  CHECK(f.peers.at(at).references == 1);
  REQUIRE(f.peers.add_peer(peer, {first, 1}) == AddressBookError::none);
  CHECK(f.peers.at(at).references == 2);
  CHECK(f.peers.register_address(peer, site(3)) == AddressBookError::none);
  CHECK(f.peers.at(at).references == 2);
  CHECK(f.peers.forget_address(peer, site(1)) == AddressBookError::none);
  CHECK(f.peers.at(at).addresses.size() == 2);
  CHECK(f.peers.drop_peer(peer, f.outbound) == AddressBookError::none);
  CHECK(f.peers.find(peer) == at);
  CHECK(f.peers.drop_peer(peer, f.outbound) == AddressBookError::none);
  CHECK(f.peers.find(peer) == kNoPeer);
  CHECK(f.peers.drop_peer(peer, f.outbound) == AddressBookError::unknown_peer);
}

TEST_CASE("peers: the table is bounded, removal makes room and chains stay whole") {
  Fixture f;
  const Address address[] = {site(1)};
  for (std::uint64_t n = 0; n < 4; ++n) REQUIRE(f.peers.add_peer(PeerId::from(n), address) == AddressBookError::none);
  CHECK(f.peers.add_peer(PeerId::from(9), address) == AddressBookError::full);
  CHECK(f.peers.admit(PeerId::from(9), "test").error().code == Code::over_cap);
  REQUIRE(f.peers.drop_peer(PeerId::from(2), f.outbound) == AddressBookError::none);
  REQUIRE(f.peers.add_peer(PeerId::from(9), address) == AddressBookError::none);
  for (const std::uint64_t n : {0, 1, 3, 9}) CHECK(f.peers.find(PeerId::from(n)) != kNoPeer);
  CHECK(f.peers.find(PeerId::from(2)) == kNoPeer);
}

TEST_CASE("peers: a claimed address never displaces the host's, an unreadable claim is ignored whole") {
  Fixture f;
  const Address own[] = {site(1), site(2), site(3)};
  REQUIRE(f.peers.add_peer(PeerId::from(1), own) == AddressBookError::none);
  PeerRecord& record = f.peers.at(f.peers.find(PeerId::from(1)));
  const ByteBuffer claim = site(4).to_bytes();
  const Bytes claims[] = {claim};
  f.peers.merge_hints(record, claims);
  CHECK(record.addresses == std::vector<ByteBuffer>{site(1).to_bytes(), site(2).to_bytes(), site(3).to_bytes()});
  CHECK(record.references == 1);

  REQUIRE(f.peers.admit(PeerId::from(2), "test"));
  PeerRecord& stranger = f.peers.at(f.peers.find(PeerId::from(2)));
  const ByteBuffer junk{0xff};
  const Bytes mixed[] = {claim, junk};
  f.peers.merge_hints(stranger, mixed);
  CHECK(stranger.addresses.empty());
  for (std::uint64_t n = 10; n < 20; ++n) {
    const ByteBuffer bytes = site(n).to_bytes();
    const Bytes one[] = {bytes};
    f.peers.merge_hints(stranger, one);
  }
  CHECK(stranger.addresses.size() == 3);
  CHECK(stranger.references == 0);
}

TEST_CASE("peers: a retired handle is nobody's, also when the record is used again") {
  Fixture f;
  const auto index = f.peers.admit(PeerId::from(1), "test");
  REQUIRE(index);
  const PeerHandle handle = f.peers.handle_of(*index);
  CHECK(f.peers.resolve(handle) == *index);
  f.peers.retire(*index, f.outbound);
  CHECK(f.peers.resolve(handle) == kNoPeer);
  const auto again = f.peers.admit(PeerId::from(2), "test");
  REQUIRE(again);
  CHECK(*again == *index);
  CHECK(f.peers.resolve(handle) == kNoPeer);
  CHECK(f.peers.resolve(PeerHandle{}) == kNoPeer);
}

TEST_CASE("peers: the head of a peer's envelopes follows its addresses") {
  Fixture f;
  const Address first[] = {site(1)};
  REQUIRE(f.peers.add_peer(PeerId::from(5), first) == AddressBookError::none);
  PeerRecord& record = f.peers.at(f.peers.find(PeerId::from(5)));
  const auto head = [&] {
    const auto made = f.peers.head_of(record);
    REQUIRE(made.has_value());
    return ByteBuffer(made->as_bytes().begin(), made->as_bytes().end());
  };
  const ByteBuffer one = head();
  CHECK(one == head());
  REQUIRE(f.peers.register_address(PeerId::from(5), site(2)) == AddressBookError::none);
  const ByteBuffer two = head();
  CHECK(two.size() == 2 * one.size());
  REQUIRE(f.peers.forget_address(PeerId::from(5), site(2)) == AddressBookError::none);
  CHECK(head() == one);
  REQUIRE(f.peers.forget_address(PeerId::from(5), site(1)) == AddressBookError::none);
  CHECK(f.peers.head_of(record).error().code == Code::empty_list);
}

TEST_CASE("peers: what envelopes say of the sender follows its own addresses") {
  Fixture f;
  f.peers.set_incarnation(5);
  const auto source = [&] { return ByteBuffer(f.peers.source().begin(), f.peers.source().end()); };
  const ByteBuffer none{0x38, 0x01, 0x48, 0x05};
  CHECK(source() == none);
  const Address own[] = {site(1)};
  REQUIRE(f.peers.add_peer(PeerId::from(5), own) == AddressBookError::none);
  CHECK(source() == none);
  REQUIRE(f.peers.add_peer(PeerId::from(100), own) == AddressBookError::none);
  ByteBuffer one{0x38, 0x01, 0x42, 0x0a};
  const ByteBuffer address = site(1).to_bytes();
  one.insert(one.end(), address.begin(), address.end());
  one.insert(one.end(), {0x48, 0x05});
  CHECK(source() == one);
  REQUIRE(f.peers.forget_address(PeerId::from(100), site(1)) == AddressBookError::none);
  CHECK(source() == none);
  for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(f.peers.register_address(PeerId::from(100), site(n)) == AddressBookError::none);
  CHECK(source().size() == 4 + 3 * 12);
  REQUIRE(f.peers.drop_peer(PeerId::from(100), f.outbound) == AddressBookError::none);
  CHECK(source() == none);
}
