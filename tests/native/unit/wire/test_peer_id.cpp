// Peer ids: forms, bounds, order, and every truncation of the bytes.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "unit/wire/samples.h"

using bb::ByteBuffer;
using bb::Code;
using bb::PeerId;
using bb::samples::hex;

namespace {

Code refused(const ByteBuffer& bytes) {
  const auto peer = PeerId::from_bytes(bytes);
  return peer ? Code::ok : peer.error().code;
}

}  // namespace

TEST_CASE("the smallest and the largest peer id", "[peer_id]") {
  const auto smallest = PeerId::from_bytes(hex("0000"));
  REQUIRE(smallest.has_value());
  CHECK(*smallest == PeerId{});
  CHECK(smallest->to_bytes() == hex("0000"));
  CHECK_FALSE(smallest->as_identity_u64().has_value());
  CHECK(smallest->digest_bytes().empty());

  PeerId largest;
  largest.code = UINT64_MAX;
  largest.size = 64;
  largest.digest.fill(0xff);
  const ByteBuffer bytes = largest.to_bytes();
  CHECK(bytes.size() == PeerId::kBytesMax);
  CHECK(*PeerId::from_bytes(bytes) == largest);
  CHECK(*PeerId::from_text(largest.to_text()) == largest);
  largest.digest.fill(0);
  largest.code = 0;
  CHECK(*PeerId::from_text(largest.to_text()) == largest);
}

TEST_CASE("malformed peer ids are refused with their reason", "[peer_id]") {
  CHECK(refused(hex("")) == Code::truncated);
  CHECK(refused(hex("00")) == Code::truncated);
  CHECK(refused(hex("000205")) == Code::truncated);
  CHECK(refused(hex("00010506")) == Code::invalid_value);
  CHECK(refused(hex("800000")) == Code::not_minimal);
  CHECK(refused(hex("00810001")) == Code::not_minimal);
  CHECK(refused(hex("008001")) == Code::invalid_value);
  CHECK(refused(hex("00ffffffffffffffffff01")) == Code::invalid_value);
  ByteBuffer over = hex("0041");
  over.resize(2 + 65, 1);
  CHECK(refused(over) == Code::invalid_value);
  ByteBuffer full = hex("0040");
  full.resize(2 + 64, 1);
  CHECK(refused(full) == Code::ok);
  CHECK(PeerId::from_text("").error().code == Code::truncated);
  CHECK(PeerId::from_text("0OIl").error().code == Code::malformed_string);
  CHECK(PeerId::from_text(std::string(129, '1')).error().code == Code::over_cap);
  CHECK(PeerId::from_text(std::string(1'000'000, 'z')).error().code == Code::over_cap);
}

TEST_CASE("no prefix of a peer id is a peer id, and neither is one with more behind it", "[peer_id]") {
  bb::RandomStream random(1);
  for (int i = 0; i < 300; ++i) {
    const PeerId peer = bb::samples::random_peer(random);
    ByteBuffer bytes = peer.to_bytes();
    REQUIRE(*PeerId::from_bytes(bytes) == peer);
    REQUIRE(*PeerId::from_text(peer.to_text()) == peer);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      REQUIRE_FALSE(PeerId::from_bytes(bb::Bytes(bytes).first(size)).has_value());
    bytes.push_back(0);
    REQUIRE_FALSE(PeerId::from_bytes(bytes).has_value());
  }
}

TEST_CASE("peers are ordered by code, size and digest", "[peer_id]") {
  std::vector<PeerId> peers = {*PeerId::from_bytes(hex("1220000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")),
                               PeerId::from(300), *PeerId::from_bytes(hex("00020909")), PeerId::from(2)};
  std::sort(peers.begin(), peers.end());
  CHECK(peers[0] == *PeerId::from_bytes(hex("00020909")));
  CHECK(peers[1] == PeerId::from(2));
  CHECK(peers[2] == PeerId::from(300));
  CHECK(peers[3].code == 0x12);
}

TEST_CASE("the site of a peer is the hash of its digest", "[peer_id]") {
  CHECK(PeerId::from(0).site_hash() == 0xa8c7f832281a39c5);
  CHECK(PeerId::from(1).site_hash() == 0xa8c7f732281a3812);
  CHECK(PeerId::from(7).site_hash() == 0xa8c7f132281a2de0);
}
