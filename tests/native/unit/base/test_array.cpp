// The fallible array: contents, moves, order, and that a failed push changes nothing.
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <vector>

#include "bb/array.h"
#include "bb/random.h"

using bb::Array;

TEST_CASE("an array holds what was pushed, in order, over many growths", "[array]") {
  Array<std::uint64_t> array;
  for (std::uint64_t i = 0; i < 5000; ++i) REQUIRE(array.try_push(i * 3));
  REQUIRE(array.size() == 5000);
  for (std::uint32_t i = 0; i < array.size(); ++i) REQUIRE(array[i] == i * 3);
  array.erase_at(10);
  CHECK(array[9] == 27);
  CHECK(array[10] == 33);
  CHECK(array.size() == 4999);
  array.truncate(3);
  CHECK(array.back() == 6);
}

TEST_CASE("entries that are not trivial are moved on growth and destroyed once", "[array]") {
  const auto shared = std::make_shared<int>(7);
  {
    Array<std::shared_ptr<int>> array;
    for (int i = 0; i < 100; ++i) REQUIRE(array.try_push(shared));
    CHECK(shared.use_count() == 101);
    Array<std::shared_ptr<int>> moved = std::move(array);
    CHECK(array.empty());
    CHECK(shared.use_count() == 101);
    moved.erase_at(0);
    CHECK(shared.use_count() == 100);
    array = std::move(moved);
    array.clear();
    CHECK(shared.use_count() == 1);
    CHECK(array.capacity() >= 99);
  }
  CHECK(shared.use_count() == 1);
}

TEST_CASE("bytes are appended and resized; a size no machine has is refused", "[array]") {
  Array<std::uint8_t> array;
  const std::vector<std::uint8_t> text{1, 2, 3};
  REQUIRE(array.try_append(text));
  REQUIRE(array.try_append({}));
  REQUIRE(array.try_resize(6));
  CHECK(std::vector<std::uint8_t>(array.begin(), array.end()) == std::vector<std::uint8_t>{1, 2, 3, 0, 0, 0});
  REQUIRE(array.try_resize(2));
  CHECK(array.size() == 2);
  CHECK_FALSE(array.try_reserve(std::uint64_t{1} << 40));
  CHECK(array.size() == 2);
  CHECK(array[1] == 2);
}

#ifdef BB_FAULT_INJECTION
TEST_CASE("a push that finds no memory changes nothing", "[array]") {
  Array<int> array;
  REQUIRE(array.try_push(1));
  bb::allocation_hook = [](const bb::AllocationSite&) { return true; };
  const bool pushed = array.try_push(2);
  const bool reserved = array.try_reserve(100);
  bb::allocation_hook = nullptr;
  CHECK_FALSE(pushed);
  CHECK_FALSE(reserved);
  CHECK(array.size() == 1);
  CHECK(array[0] == 1);
}
#endif
