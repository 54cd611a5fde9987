// Byte helpers, FNV-1a, ids, error codes and the macros that hand errors on.
#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <set>
#include <string>

#include "bb/bytes.h"
#include "bb/error.h"
#include "bb/hash.h"
#include "bb/ids.h"

using bb::Code;
using bb::Error;
using bb::Result;
using bb::Status;

TEST_CASE("hex, equality and little-endian access", "[bytes]") {
  CHECK(bb::to_hex({}).empty());
  CHECK(bb::to_hex(bb::ByteBuffer{0x00, 0x0f, 0xa0, 0xff}) == "000fa0ff");
  CHECK(bb::equal({}, {}));
  CHECK(bb::equal(bb::as_bytes("ab"), bb::as_bytes("ab")));
  CHECK_FALSE(bb::equal(bb::as_bytes("ab"), bb::as_bytes("ac")));
  CHECK_FALSE(bb::equal(bb::as_bytes("ab"), bb::as_bytes("abc")));
  CHECK(bb::as_text(bb::as_bytes("text")) == "text");
  std::uint8_t buffer[9] = {};
  bb::store_le<std::uint32_t>(buffer + 1, 0x01020304);
  CHECK(buffer[1] == 4);
  CHECK(buffer[4] == 1);
  CHECK(bb::load_le<std::uint32_t>(buffer + 1) == 0x01020304);
  bb::store_le(buffer + 1, -0.5);
  CHECK(bb::load_le<double>(buffer + 1) == -0.5);
}

TEST_CASE("FNV-1a-64 yields its published values", "[hash]") {
  static_assert(bb::fnv1a64("") == 0xcbf29ce484222325);
  static_assert(bb::fnv1a64("a") == 0xaf63dc4c8601ec8c);
  static_assert(bb::fnv1a64("foobar") == 0x85944171f73967e8);
  CHECK(bb::fnv1a64(bb::as_bytes("foobar")) == 0x85944171f73967e8);
  CHECK(bb::fnv1a64(bb::as_bytes("\xff\x80")) == bb::fnv1a64("\xff\x80"));
  CHECK(bb::fnv1a64("Server,Client") == 0x27fa022e315ffcd9);
  CHECK(bb::fnv1a64("bar", bb::fnv1a64("foo")) == bb::fnv1a64("foobar"));
}

TEST_CASE("ids are invalid until set, and op references pack two halves", "[ids]") {
  CHECK_FALSE(bb::SiteId{}.valid());
  CHECK(bb::SiteId{0}.valid());
  CHECK_FALSE(bb::ComponentRef{}.valid());
  CHECK(bb::ComponentRef{5} < bb::ComponentRef{6});
  const bb::OpRef op = bb::OpRef::pack(1, 3);
  CHECK(op.v == 4294967299);
  CHECK(op.graph() == 1);
  CHECK(op.op() == 3);
  CHECK(bb::OpRef::pack(UINT32_MAX, UINT32_MAX).graph() == UINT32_MAX);
}

TEST_CASE("every code has one name of its own", "[error]") {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(Code::bad_argument); ++code) {
    const std::string name(bb::code_name(static_cast<Code>(code)));
    CHECK(name != "unknown");
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos);
    names.insert(name);
  }
  CHECK(names.size() == static_cast<std::size_t>(Code::bad_argument) + 1);
  CHECK(bb::code_name(static_cast<Code>(255)) == "unknown");
}

namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return bb::fail(Code::bad_argument, static_cast<std::uint64_t>(number));
  return number / 2;
}
Result<int> quarter(int number) {
  BB_TRY(first, half(number));
  BB_TRY(second, half(first));
  return second;
}
Status is_even(int number) {
  BB_CHECK(half(number));
  return {};
}

}  // namespace

TEST_CASE("errors are handed on with their position", "[error]") {
  CHECK(*quarter(8) == 2);
  CHECK(quarter(6).error() == Error{Code::bad_argument, 3});
  CHECK(is_even(4).has_value());
  CHECK(is_even(5).error() == Error{Code::bad_argument, 5});
  CHECK(bb::fail(Code::over_cap, std::uint64_t{1} << 40).error() == Error{Code::over_cap, UINT32_MAX});
}
