// The open-addressing map against the standard one.
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/flat_map.h"
#include "bb/random.h"

using bb::FlatMap;

namespace {

// Counts the objects that are alive.
struct Counted {
  explicit Counted(int& count) : alive(&count) { ++*alive; }
  Counted(const Counted&) = delete;
  ~Counted() { --*alive; }
  int* alive;
};

void compare(FlatMap<std::uint64_t>& map, const std::unordered_map<std::uint64_t, std::uint64_t>& model) {
  REQUIRE(map.size() == model.size());
  std::size_t visited = 0;
  map.for_each([&](std::uint64_t key, std::uint64_t& value) {
    ++visited;
    const auto at = model.find(key);
    REQUIRE(at != model.end());
    REQUIRE(at->second == value);
  });
  REQUIRE(visited == model.size());
}

void random_operations(std::uint64_t seed, std::uint64_t key_range, std::uint64_t key_step) {
  FlatMap<std::uint64_t> map;
  std::unordered_map<std::uint64_t, std::uint64_t> model;
  bb::RandomStream random(seed);
  for (int step = 0; step < 30000; ++step) {
    const std::uint64_t key = random.below(key_range) * key_step;
    const std::uint64_t action = random.below(3);
    if (action == 0) {
      REQUIRE(map.erase(key) == (model.erase(key) == 1));
    } else if (action == 1) {
      const std::uint64_t value = random.next_u64();
      REQUIRE(*map.try_insert(key, value) == value);
      model[key] = value;
    }
    const std::uint64_t* found = map.find(key);
    const auto at = model.find(key);
    REQUIRE((found != nullptr) == (at != model.end()));
    if (found) REQUIRE(*found == at->second);
    if (step % 3000 == 0) compare(map, model);
  }
  compare(map, model);
}

}  // namespace

TEST_CASE("an empty map holds nothing", "[flat_map]") {
  FlatMap<int> map;
  CHECK(map.size() == 0);
  CHECK(map.find(0) == nullptr);
  CHECK_FALSE(map.erase(0));
  const FlatMap<int>& constant = map;
  CHECK(constant.find(UINT64_MAX) == nullptr);
}

TEST_CASE("a map behaves as the standard one", "[flat_map]") {
  random_operations(1, 50, 1);
  random_operations(2, 5000, 1);
  // Keys that differ only in their high bits, and only in a few places.
  random_operations(3, 300, std::uint64_t{1} << 32);
  random_operations(4, 300, std::uint64_t{1} << 56);
  random_operations(5, 2000, 0x10001);
}

TEST_CASE("keys of one home slot survive each other's removal", "[flat_map]") {
  // Which keys share a slot is the map's own affair; among twelve keys in a table of sixteen some do.
  for (std::uint64_t first = 0; first < 64; ++first) {
    FlatMap<std::uint64_t> map;
    for (std::uint64_t key = first; key < first + 12; ++key) REQUIRE(map.try_insert(key, key * 3));
    for (std::uint64_t key = first; key < first + 12; ++key) {
      REQUIRE(map.erase(key));
      for (std::uint64_t left = key + 1; left < first + 12; ++left) {
        REQUIRE(map.find(left) != nullptr);
        REQUIRE(*map.find(left) == left * 3);
      }
    }
    REQUIRE(map.size() == 0);
  }
}

TEST_CASE("a map moves what cannot be copied, and lets go of it", "[flat_map]") {
  int alive = 0;
  FlatMap<std::unique_ptr<Counted>> map;
  for (std::uint64_t key = 0; key < 200; ++key) REQUIRE(map.try_insert(key, std::make_unique<Counted>(alive)));
  CHECK(alive == 200);
  REQUIRE(map.try_insert(7, std::make_unique<Counted>(alive)));
  CHECK(alive == 200);
  for (std::uint64_t key = 0; key < 200; ++key) REQUIRE(map.erase(key));
  CHECK(alive == 0);
}
