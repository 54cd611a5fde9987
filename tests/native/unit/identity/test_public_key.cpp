// Public keys and the ids made of them, against the published vectors of libp2p.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "bb/openssl.h"

namespace {

using namespace bb;

ByteBuffer from_hex(std::string_view hex) {
  const auto digit = [](char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  ByteBuffer bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return bytes;
}

struct Published {
  SignatureAlgorithm algorithm;
  std::string_view encoded;
  std::string_view id;
};
// The keys of the libp2p specification "Peer Ids and Keys", section "Test vectors".
constexpr Published kPublished[] = {
    {SignatureAlgorithm::ed25519, "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e",
     "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"},
    {SignatureAlgorithm::p256,
     "0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda02"
     "0e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62",
     "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk"}};
constexpr std::string_view kPublishedSeed = "7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d";

TEST_CASE("public key: the published vectors have their published ids") {
  for (const Published& published : kPublished) {
    const ByteBuffer encoded = from_hex(published.encoded);
    const auto key = PublicKey::from_bytes(encoded);
    REQUIRE(key);
    CHECK(key->algorithm == published.algorithm);
    CHECK(key->peer_id().to_text() == published.id);
    CHECK(equal(key->key, Bytes(encoded).subspan(4)));
  }
}

TEST_CASE("public key: the published seed is the published key") {
  const auto identity = OpenSslIdentity::from_seed(from_hex(kPublishedSeed));
  REQUIRE(identity);
  CHECK(equal(identity->public_key(), from_hex(kPublished[0].encoded)));
  CHECK(identity->id().to_text() == kPublished[0].id);
}

TEST_CASE("public key: every other length and every changed constant is refused with its position") {
  for (const Published& published : kPublished) {
    const ByteBuffer encoded = from_hex(published.encoded);
    for (std::size_t size = 0; size < encoded.size(); ++size) {
      const auto cut = PublicKey::from_bytes(Bytes(encoded).first(size));
      REQUIRE(!cut);
      CHECK(cut.error() == Error{Code::truncated, static_cast<std::uint32_t>(size)});
    }
    ByteBuffer longer = encoded;
    longer.push_back(0);
    CHECK(PublicKey::from_bytes(longer).error() == Error{Code::trailing_bytes, static_cast<std::uint32_t>(encoded.size())});
    const std::size_t constants = published.algorithm == SignatureAlgorithm::p256 ? 31 : 4;
    for (std::size_t at = 0; at < constants; ++at)
      for (int bit = 0; bit < 8; ++bit) {
        ByteBuffer changed = encoded;
        changed[at] ^= static_cast<std::uint8_t>(1 << bit);
        INFO(at << " " << bit);
        CHECK(!PublicKey::from_bytes(changed));
      }
  }
}

TEST_CASE("identity: what is kept in a file comes back as the same peer") {
  for (const auto algorithm : {SignatureAlgorithm::ed25519, SignatureAlgorithm::p256}) {
    const auto identity = OpenSslIdentity::generate(algorithm);
    REQUIRE(identity);
    CHECK(identity->algorithm() == algorithm);
    const auto kept = identity->to_pkcs8();
    REQUIRE(kept);
    const auto again = OpenSslIdentity::from_pkcs8(*kept);
    REQUIRE(again);
    CHECK(again->id() == identity->id());
    CHECK(!OpenSslIdentity::from_pkcs8(Bytes(*kept).first(kept->size() - 1)));
  }
  CHECK(OpenSslIdentity::from_seed(Bytes()).error().code == Code::bad_argument);
}

}  // namespace
