// The random stream: numbers fixed by an independent computation, and forks that do not disturb each other.
#include <catch2/catch_test_macros.hpp>

#include "bb/random.h"

using bb::RandomStream;

TEST_CASE("the stream yields fixed numbers for a seed", "[random]") {
  const auto first_four = [](std::uint64_t seed) {
    RandomStream random(seed);
    return std::array<std::uint64_t, 4>{random.next_u64(), random.next_u64(), random.next_u64(), random.next_u64()};
  };
  CHECK(first_four(0) ==
        std::array<std::uint64_t, 4>{0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c});
  CHECK(first_four(1) ==
        std::array<std::uint64_t, 4>{0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514, 0x642e1c7bc266a3a7});
  CHECK(first_four(UINT64_MAX) ==
        std::array<std::uint64_t, 4>{0x8f5520d52a7ead08, 0xc476a018caa1802d, 0x81de31c0d260469e, 0xbf658d7e065f3c2f});
}

TEST_CASE("forks are named, fixed and do not advance their parent", "[random]") {
  RandomStream random(42);
  const RandomStream& parent = random;
  CHECK(parent.fork("op").next_u64() == 0x3b864b58e02f9d4d);
  CHECK(parent.fork("wire").next_u64() == 0x4f55065a196c8afe);
  CHECK(parent.fork("incarnation").next_u64() == 0xa25acc37196a3665);
  CHECK(parent.fork("").next_u64() == 0x3adc562e3215d62d);
  RandomStream fresh(42);
  CHECK(random.next_u64() == fresh.next_u64());
}

TEST_CASE("numbers below a bound and in the unit interval", "[random]") {
  RandomStream random(7);
  for (const std::uint64_t expected : {7u, 2u, 8u, 9u, 9u, 8u, 0u, 1u, 4u, 1u, 5u, 7u}) CHECK(random.below(10) == expected);
  RandomStream unit(7);
  for (const std::uint32_t expected : {11753722u, 4676669u, 14086611u, 16460088u})
    CHECK(unit.next_f32() == static_cast<float>(expected) / 16777216.0f);
  std::uint32_t counts[8] = {};
  for (int i = 0; i < 80000; ++i) {
    ++counts[random.below(8)];
    const float number = random.next_f32();
    REQUIRE(number >= 0.0f);
    REQUIRE(number < 1.0f);
  }
  for (const std::uint32_t count : counts) CHECK((count > 9500 && count < 10500));
  CHECK(random.below(0) == 0);
  CHECK(random.below(1) == 0);
}
