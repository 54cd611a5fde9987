// The varints of multihashes, base58, and the bincode reader's bounds.
#include <catch2/catch_test_macros.hpp>

#include "unit/wire/samples.h"
#include "wire/base58.h"
#include "wire/bincode.h"
#include "wire/varint.h"

using bb::ByteBuffer;
using bb::Code;
using bb::samples::hex;

namespace {

ByteBuffer varint(std::uint64_t value) {
  std::uint8_t buffer[bb::wire::kVarintMax];
  return {buffer, buffer + bb::wire::write_varint(value, buffer)};
}

struct Read {
  Code code;
  std::uint64_t value;
  std::size_t at;
  bool operator==(const Read&) const = default;
};

Read read(const ByteBuffer& bytes, std::size_t at = 0) {
  const auto value = bb::wire::read_varint(bytes, at);
  return value ? Read{Code::ok, *value, at} : Read{value.error().code, 0, at};
}

}  // namespace

TEST_CASE("varints are written minimally", "[varint]") {
  CHECK(varint(0) == hex("00"));
  CHECK(varint(127) == hex("7f"));
  CHECK(varint(128) == hex("8001"));
  CHECK(varint(300) == hex("ac02"));
  CHECK(varint(421) == hex("a503"));
  CHECK(varint(226) == hex("e201"));
  CHECK(varint(UINT64_MAX) == hex("ffffffffffffffffff01"));
  for (std::uint32_t bit = 0; bit < 64; ++bit)
    for (const std::uint64_t value : {(std::uint64_t{1} << bit) - 1, std::uint64_t{1} << bit, (std::uint64_t{1} << bit) + 1}) {
      const ByteBuffer bytes = varint(value);
      REQUIRE(read(bytes) == Read{Code::ok, value, bytes.size()});
    }
}

TEST_CASE("varints are read by the rules of multihash, not by protobuf's", "[varint]") {
  CHECK(read(hex("")) == Read{Code::truncated, 0, 0});
  CHECK(read(hex("80")) == Read{Code::truncated, 0, 0});
  CHECK(read(hex("8000")) == Read{Code::not_minimal, 0, 0});
  CHECK(read(hex("ff8000")) == Read{Code::not_minimal, 0, 0});
  CHECK(read(hex("ffffffffffffffffffff")) == Read{Code::overflow, 0, 0});
  CHECK(read(hex("808080808080808080808001")) == Read{Code::overflow, 0, 0});
  // Bits beyond the 63rd are lost, as in the reference.
  CHECK(read(hex("ffffffffffffffffff7f")) == Read{Code::ok, UINT64_MAX, 10});
  CHECK(read(hex("80808080808080808002")) == Read{Code::ok, 0, 10});
  CHECK(read(hex("00ac0205"), 1) == Read{Code::ok, 300, 3});
  CHECK(read(hex("00"), 1) == Read{Code::truncated, 0, 1});
}

TEST_CASE("base58 keeps leading zeros and refuses foreign characters", "[base58]") {
  using bb::wire::base58_decode;
  using bb::wire::base58_encode;
  CHECK(base58_encode({}).empty());
  CHECK(base58_decode("", 10)->empty());
  CHECK(base58_encode(hex("000000")) == "111");
  CHECK(*base58_decode("111", 10) == hex("000000"));
  CHECK(base58_encode(hex("61")) == "2g");
  CHECK(base58_encode(hex("626262")) == "a3gV");
  CHECK(base58_encode(hex("636363")) == "aPEr");
  CHECK(base58_encode(hex("516b6fcd0f")) == "ABnLTmg");
  CHECK(base58_encode(hex("00eb15231dfceb60925886b67d065299925915aeb172c06647")) == "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L");
  for (const char bad : {'0', 'O', 'I', 'l', '+', '/', ' ', '\0', '\x80', '\xff'}) {
    const auto decoded = base58_decode(std::string("2g") + bad, 10);
    REQUIRE_FALSE(decoded.has_value());
    CHECK(decoded.error() == bb::Error{Code::malformed_string, 2});
  }
  CHECK(base58_decode("1111111111", 10).has_value());
  CHECK(base58_decode("11111111111", 10).error() == bb::Error{Code::over_cap, 11});
  bb::RandomStream random(3);
  for (int i = 0; i < 500; ++i) {
    const ByteBuffer bytes = bb::samples::random_bytes(random, 75);
    REQUIRE(*base58_decode(base58_encode(bytes), 128) == bytes);
  }
}

TEST_CASE("the bincode reader never reads beyond its bytes", "[bincode]") {
  const ByteBuffer bytes = hex("0300000000000000aabbcc01");
  bb::wire::BincodeReader reader(bytes);
  CHECK(bb::to_hex(*reader.lengthy()) == "aabbcc");
  CHECK(reader.remaining() == 1);
  CHECK(reader.number<std::uint16_t>().error() == bb::Error{Code::truncated, 12});
  CHECK(*reader.number<std::uint8_t>() == 1);
  CHECK(reader.take(0)->empty());
  CHECK(reader.take(1).error().code == Code::truncated);
  CHECK(reader.number<std::uint8_t>().error().code == Code::truncated);

  for (const char* huge : {"ffffffffffffffff", "0100000000000080", "0400000000000000aabbcc"}) {
    const ByteBuffer claim = hex(huge);
    bb::wire::BincodeReader lengthy(claim);
    CHECK(lengthy.lengthy().error().code == Code::truncated);
    bb::wire::BincodeReader counted(claim);
    CHECK(counted.count(1).error().code == Code::truncated);
  }
  const ByteBuffer three = hex("0300000000000000aaaabbbbccccdd");
  CHECK(*bb::wire::BincodeReader(three).count(2) == 3);
  CHECK(bb::wire::BincodeReader(three).count(3).error() == bb::Error{Code::truncated, 0});
  CHECK(bb::wire::BincodeReader(three, three.size()).remaining() == 0);
}
