// Addresses: both forms of random ones, what their parsers refuse, and truncations.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "unit/wire/samples.h"

using bb::Address;
using bb::AddressError;
using bb::ByteBuffer;
using bb::Code;
using bb::samples::hex;

namespace {

AddressError text_error(std::string_view text) {
  const auto address = Address::from_text(text);
  return address ? AddressError{} : address.error();
}
AddressError bytes_error(const ByteBuffer& bytes) {
  const auto address = Address::from_bytes(bytes);
  return address ? AddressError{} : address.error();
}

}  // namespace

TEST_CASE("random addresses survive their binary form, and their text form where names allow it", "[address]") {
  bb::RandomStream random(2);
  for (int i = 0; i < 1000; ++i) {
    const Address address = bb::samples::random_address(random);
    const ByteBuffer bytes = address.to_bytes();
    REQUIRE(*Address::from_bytes(bytes) == address);
    const std::string text = address.to_text();
    const auto parsed = Address::from_text(text);
    const bool trimmed = text.ends_with(' ');
    REQUIRE((trimmed || (parsed && *parsed == address)));
  }
}

TEST_CASE("a cut address is refused, but where a segment ends", "[address]") {
  bb::RandomStream random(4);
  for (int i = 0; i < 200; ++i) {
    const Address address = bb::samples::random_address(random);
    const ByteBuffer bytes = address.to_bytes();
    std::vector<std::size_t> ends = {0};
    Address built;
    for (const auto& segment : address.segments()) {
      built = built.with(segment);
      ends.push_back(built.to_bytes().size());
    }
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto cut = Address::from_bytes(bb::Bytes(bytes).first(size));
      const bool at_end = std::find(ends.begin(), ends.end(), size) != ends.end();
      REQUIRE(cut.has_value() == at_end);
      if (!cut) REQUIRE(cut.error().code == Code::truncated);
    }
  }
}

TEST_CASE("accessors find the first of a kind anywhere", "[address]") {
  const Address address =
      Address{}.with(Address::Op{"x"}).with(bb::ComponentRef{5}).with(bb::SiteId{9}).with(bb::SiteId{10}).with(bb::PeerId::from(7));
  CHECK(*address.op_name() == "x");
  CHECK(address.component_ref()->v == 5);
  CHECK(address.site_id()->v == 9);
  CHECK(*address.peer_id() == bb::PeerId::from(7));
  CHECK(address.to_text() == "/op/x/component/5/site/9/site/10/p2p/16uZAbWC1AJvS");
  const Address none;
  CHECK(none.op_name() == nullptr);
  CHECK(none.site_id() == nullptr);
  CHECK(Address::p2p(bb::PeerId::from(7)).to_bytes() == hex("a5030a00080000000000000007"));
}

TEST_CASE("texts are refused with the segment that is wrong", "[address]") {
  CHECK(text_error("/site/17").code == Code::ok);
  CHECK(text_error("/").code == Code::malformed_string);
  CHECK(text_error("/site").code == Code::malformed_string);
  CHECK(text_error("site/1").value == "site/1");
  CHECK(text_error(" x ").value == " x ");
  CHECK(text_error("//x").protocol.empty());
  CHECK(text_error("//x").value == "x");
  CHECK(text_error("/p2p/12/site/17").protocol == "p2p");
  // The first error from the left wins.
  CHECK(text_error("/site/a/component").code == Code::invalid_value);
  CHECK(text_error("/site/1/component").code == Code::malformed_string);
  for (const char* number :
       {"-1", "1 ", " 1", "0x1", "+", "++1", "+-1", "1e3", "18446744073709551616", "99999999999999999999999"}) {
    CHECK(text_error(std::string("/site/") + number + "/op/x").code == Code::invalid_value);
    CHECK(text_error(std::string("/component/") + number + "/op/x").code == Code::invalid_value);
  }
  CHECK(text_error("/component/4294967295").code == Code::ok);
  CHECK(text_error("/component/4294967296").value == "4294967296");
  // White space as Unicode knows it is trimmed, and only around the whole.
  CHECK(text_error("\xc2\xa0/site/1\xe3\x80\x80").code == Code::ok);
  CHECK(text_error("\xe2\x80\x8b/site/1").code == Code::malformed_string);
}

TEST_CASE("a text that is not UTF-8 is refused, since its bytes could not be read back", "[address]") {
  const AddressError error = text_error("/op/\xff");
  CHECK(error.code == Code::malformed_string);
  CHECK(text_error("/op/\xed\xa0\x80").code == Code::malformed_string);
}

TEST_CASE("bytes are refused with the position of the segment", "[address]") {
  const AddressError unknown = bytes_error(hex("e2010000000000000005a605"));
  CHECK(unknown.code == Code::unknown_code);
  CHECK(unknown.unknown_code == 0xa6);
  CHECK(unknown.at == 10);
  CHECK(bytes_error(hex("04")).unknown_code == 4);
  CHECK(bytes_error(hex("e40102fffe")).protocol == "op");
  CHECK(bytes_error(hex("e401ffffffffffffffffff01")).code == Code::truncated);
  CHECK(bytes_error(hex("a503ffffffffffffffffff01")).code == Code::truncated);
  CHECK(bytes_error(hex("a50380")).code == Code::truncated);
  CHECK(bytes_error(hex("e28100")).code == Code::truncated);
}

TEST_CASE("an address of very many segments takes time in proportion to its bytes", "[address]") {
  // One payload at the cap of an envelope: 350,000 segments of 12 bytes.
  constexpr std::uint64_t segments = 350'000;
  ByteBuffer bytes(8 + segments * 12);
  bb::store_le(bytes.data(), segments);
  for (std::uint64_t i = 0; i < segments; ++i) bb::store_le<std::uint32_t>(bytes.data() + 8 + i * 12, 1);
  bb::Memory memory;
  const auto started = std::chrono::steady_clock::now();
  const auto value = bb::decode_value(memory, bb::carrier_hash(bb::Carrier::address), bytes);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started).count();
  REQUIRE(value.has_value());
  CHECK(bb::equal(value->as_bytes(), bytes));
  CHECK(seconds < 20);  // takes milliseconds; copying the list for every segment would take minutes
}
