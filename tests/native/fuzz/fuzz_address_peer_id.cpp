// Peer ids and addresses from bytes and from text: what is accepted has one canonical form in each, and comes back from it.
#include "bb/address.h"
#include "fuzz/support/feed.h"
#include "fuzz/support/fuzz_target.h"
#include "fuzz/support/vectors.h"

namespace bb::fuzz {
namespace {

enum Form : std::uint8_t { kPeerBytes, kPeerText, kAddressBytes, kAddressText, kForms };

void check_peer(const PeerId& peer) {
  const ByteBuffer bytes = peer.to_bytes();
  require(bytes.size() <= PeerId::kBytesMax, "a peer id has at most 75 bytes");
  const auto from_bytes = PeerId::from_bytes(bytes);
  require(from_bytes && *from_bytes == peer && from_bytes->to_bytes() == bytes, "a peer id comes back from its bytes");
  const auto from_text = PeerId::from_text(peer.to_text());
  require(from_text && *from_text == peer, "a peer id comes back from its text");
  for (std::size_t i = peer.size; i < PeerId::kDigestMax; ++i) require(peer.digest[i] == 0, "a digest is zero beyond its size");
}

// The text form has no way to write a slash or outer white space of a name.
bool has_text_form(const Address& address) {
  for (const Address::Segment& segment : address.segments())
    if (const auto* op = std::get_if<Address::Op>(&segment))
      for (const char c : op->name)
        if (c <= ' ' || c > '~' || c == '/') return false;
  return true;
}

void check_address(const Address& address) {
  for (const Address::Segment& segment : address.segments())
    if (const auto* peer = std::get_if<PeerId>(&segment)) check_peer(*peer);
  const ByteBuffer bytes = address.to_bytes();
  const auto from_bytes = Address::from_bytes(bytes);
  require(from_bytes && *from_bytes == address && from_bytes->to_bytes() == bytes, "an address comes back from its bytes");
  const std::string text = address.to_text();
  const auto from_text = Address::from_text(text);
  require(!has_text_form(address) || (from_text && *from_text == address), "an address comes back from its text");
}

}  // namespace

std::vector<ByteBuffer> seeds() {
  std::vector<ByteBuffer> seeds;
  const auto add = [&seeds](std::uint8_t form, Bytes content) {
    ByteBuffer seed{form};
    seed.insert(seed.end(), content.begin(), content.end());
    seeds.push_back(std::move(seed));
  };
  for (const std::string& hex : address_texts({"bytes"})) {
    add(kPeerBytes, from_hex(hex));
    add(kAddressBytes, from_hex(hex));
  }
  for (const std::string& text : address_texts({"base58"})) add(kPeerText, as_bytes(text));
  for (const std::string& text : address_texts({"text", "input"})) add(kAddressText, as_bytes(text));
  return seeds;
}

}  // namespace bb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bb;
  using namespace bb::fuzz;
  Feed feed({data, size});
  const std::uint32_t form = feed.below(kForms);
  const Bytes content = feed.rest();
  if (form == kPeerBytes) {
    const auto peer = PeerId::from_bytes(content);
    if (!peer) return 0;
    check_peer(*peer);
    require(peer->to_bytes().size() <= content.size(), "the canonical form is the shortest");
  } else if (form == kPeerText) {
    if (const auto peer = PeerId::from_text(as_text(content))) check_peer(*peer);
  } else if (form == kAddressBytes) {
    const auto address = Address::from_bytes(content);
    if (!address) return 0;
    check_address(*address);
    require(address->to_bytes().size() <= content.size(), "the canonical form is the shortest");
  } else if (const auto address = Address::from_text(as_text(content))) {
    check_address(*address);
    const auto again = Address::from_text(address->to_text());
    // Text carries no slash in a name, so only the trimmed space of a last name can be lost.
    require(again.has_value() && again->segments().size() == address->segments().size(), "a text that was read reads again");
  }
  return 0;
}
