// Numbers in error texts.
#include <catch2/catch_test_macros.hpp>

#include <limits>

#include "base/number_text.h"

using bb::number_text;

TEST_CASE("number text: whole numbers, decimals without trailing zeros, carries and what is too large") {
  CHECK(number_text(0) == "0");
  CHECK(number_text(-12) == "-12");
  CHECK(number_text(0.5) == "0.5");
  CHECK(number_text(-3.25) == "-3.25");
  CHECK(number_text(1.000001) == "1.000001");
  CHECK(number_text(1.9999999) == "2");
  CHECK(number_text(1e14) == "100000000000000");
  CHECK(number_text(1e15) == "inf");
  CHECK(number_text(-1e300) == "-inf");
  CHECK(number_text(std::numeric_limits<double>::quiet_NaN()) == "inf");
}
