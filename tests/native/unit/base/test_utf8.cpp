// The strict UTF-8 check, against an independent encoder and every sequence of up to three bytes.
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "base/utf8.h"

using bb::ByteBuffer;

namespace {

ByteBuffer encode(std::uint32_t point) {
  const auto byte = [](std::uint32_t bits) { return static_cast<std::uint8_t>(bits); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xc0 | point >> 6), byte(0x80 | (point & 63))};
  if (point < 0x10000) return {byte(0xe0 | point >> 12), byte(0x80 | (point >> 6 & 63)), byte(0x80 | (point & 63))};
  return {byte(0xf0 | point >> 18), byte(0x80 | (point >> 12 & 63)), byte(0x80 | (point >> 6 & 63)), byte(0x80 | (point & 63))};
}

bool is_scalar(std::uint32_t point) { return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff); }

}  // namespace

TEST_CASE("every scalar value is accepted, and no surrogate or larger number", "[utf8]") {
  std::uint32_t wrong = 0;
  for (std::uint32_t point = 0; point < 0x120000; ++point) wrong += bb::is_utf8(encode(point)) != is_scalar(point);
  CHECK(wrong == 0);
}

TEST_CASE("of all sequences of up to three bytes only the well-formed are accepted", "[utf8]") {
  std::set<ByteBuffer> good;
  for (std::uint32_t point = 0; point < 0x10000; ++point)
    if (is_scalar(point)) good.insert(encode(point));
  std::uint32_t wrong = 0;
  const auto one_character = [&](const ByteBuffer& bytes) { return good.contains(bytes); };
  for (std::uint32_t a = 0; a < 256; ++a) {
    const ByteBuffer single{static_cast<std::uint8_t>(a)};
    wrong += bb::is_utf8(single) != one_character(single);
    // Leads that are ASCII or never valid are covered by the shorter sequences.
    for (std::uint32_t b = 0; b < 256; ++b) {
      const ByteBuffer pair{single[0], static_cast<std::uint8_t>(b)};
      const bool split = one_character(single) && one_character({pair[1]});
      wrong += bb::is_utf8(pair) != (split || one_character(pair));
      if (a < 0xe0 || a > 0xef) continue;
      for (std::uint32_t c = 0; c < 256; ++c) {
        const ByteBuffer triple{pair[0], pair[1], static_cast<std::uint8_t>(c)};
        wrong += bb::is_utf8(triple) != one_character(triple);
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the position of the first bad byte is told", "[utf8]") {
  CHECK(bb::utf8_valid_prefix({}) == 0);
  CHECK(bb::utf8_valid_prefix(bb::as_bytes("ab\xff")) == 2);
  CHECK(bb::utf8_valid_prefix(bb::as_bytes("\xc3\xa9\xe2\x9c")) == 2);
  CHECK(bb::utf8_valid_prefix(bb::as_bytes("\xf0\x9f\x92\xa9!\x80")) == 5);
  CHECK(bb::utf8_valid_prefix(bb::as_bytes("\xc0\x80")) == 0);
  CHECK(bb::utf8_valid_prefix(bb::as_bytes("\xe0\x80\x80")) == 0);
  CHECK(bb::utf8_valid_prefix(bb::as_bytes("\xf0\x80\x80\x80")) == 0);
  CHECK(bb::utf8_valid_prefix(bb::as_bytes("\xf8\x88\x80\x80\x80")) == 0);
  CHECK(bb::is_utf8(bb::as_bytes(std::string_view("\0a", 2))));
}
