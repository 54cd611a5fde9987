// Snapshot and journal primitives: what is written is read back, and every wrong byte has a typed error at its position.
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <vector>

#include "bb/state_codec.h"

using bb::Bytes;
using bb::Code;
using bb::StateReader;
using bb::StateWriter;

namespace {

Code code_of(bb::Status status) { return status ? Code::ok : status.error().code; }

}  // namespace

TEST_CASE("everything that is written is read back", "[state]") {
  StateWriter writer;
  const std::vector<std::uint64_t> numbers{0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
  for (const std::uint64_t number : numbers) writer.number(number);
  writer.flag(true);
  writer.fixed_u32(7);
  writer.fixed_u64(UINT64_MAX);
  writer.real(-0.0);
  writer.text("abc");
  writer.bytes({});
  writer.patch_u32(0, 0);  // overwrites the first four numbers' bytes: 0, 1, 127 and the head of 128
  StateReader reader(writer.view());
  CHECK(reader.fixed_u32() == 0);
  CHECK(reader.number() == 1);  // the tail of 128
  for (std::size_t i = 4; i < numbers.size(); ++i) CHECK(reader.number() == numbers[i]);
  CHECK(reader.flag());
  CHECK(reader.fixed_u32() == 7);
  CHECK(reader.fixed_u64() == UINT64_MAX);
  CHECK(std::signbit(reader.real()));
  CHECK(reader.text() == "abc");
  CHECK(reader.bytes().empty());
  CHECK(reader.finish());
}

TEST_CASE("a number has one encoding", "[state]") {
  const auto read = [](std::vector<std::uint8_t> bytes) {
    StateReader reader(bytes);
    reader.number();
    return code_of(reader.finish());
  };
  CHECK(read({0x80, 0x01}) == Code::ok);
  CHECK(read({0x80, 0x00}) == Code::not_minimal);
  CHECK(read({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}) == Code::ok);
  CHECK(read({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}) == Code::overflow);
  CHECK(read({0x80}) == Code::truncated);
  CHECK(read({}) == Code::truncated);
  CHECK(read({0x00, 0x00}) == Code::trailing_bytes);
}

TEST_CASE("a reader keeps its first error and gives zeros after it", "[state]") {
  const std::vector<std::uint8_t> bytes{0x05, 0x02, 0x09};
  StateReader reader(bytes);
  CHECK(reader.number_to(4) == 0);
  CHECK(reader.number() == 0);
  CHECK_FALSE(reader.flag());
  CHECK(reader.left() == 0);
  CHECK(reader.finish().error() == bb::Error{Code::over_cap, 1});
}

TEST_CASE("a count is never more than the bytes that are left can hold", "[state]") {
  const std::vector<std::uint8_t> bytes{0x03, 1, 2, 3};
  StateReader one(bytes);
  CHECK(one.count(10) == 3);
  StateReader two(bytes);
  CHECK(two.count(10, 2) == 0);
  CHECK(code_of(two.status()) == Code::truncated);
  StateReader three(bytes);
  CHECK(three.count(2) == 0);
  CHECK(code_of(three.status()) == Code::over_cap);
  const std::vector<std::uint8_t> wrong_flag{2};
  StateReader four(wrong_flag);
  CHECK_FALSE(four.flag());
  CHECK(code_of(four.status()) == Code::invalid_value);
}
