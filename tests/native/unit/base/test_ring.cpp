// The bounded queue: order, growth, and a limit that holds whatever its number is.
#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <memory>

#include "base/ring.h"
#include "bb/random.h"

using bb::Ring;

TEST_CASE("a ring holds exactly its limit", "[ring]") {
  for (const std::uint32_t limit : {0u, 1u, 2u, 3u, 5u, 15u, 16u, 17u, 20u, 31u, 32u, 33u, 100u, 1000u}) {
    for (const std::uint32_t initial : {1u, 4u, 16u, 64u}) {
      INFO("limit " << limit << ", initial " << initial);
      Ring<int> ring(limit, initial);
      CHECK(ring.limit() == limit);
      for (std::uint32_t i = 0; i < limit; ++i) REQUIRE(ring.try_push(static_cast<int>(i)));
      CHECK_FALSE(ring.try_push(-1));
      CHECK(ring.size() == limit);
      for (std::uint32_t i = 0; i < limit; ++i) REQUIRE(ring.pop() == static_cast<int>(i));
      CHECK(ring.empty());
    }
  }
}

TEST_CASE("a ring behaves as a queue over any order of pushes and pops", "[ring]") {
  bb::RandomStream random(11);
  Ring<std::uint64_t> ring(37, 4);
  std::deque<std::uint64_t> model;
  for (int step = 0; step < 50000; ++step) {
    // Pushes and pops prevail in turns, so that both ends are reached.
    const bool push = random.below(10) < ((step / 500) % 2 == 0 ? 7u : 3u);
    if (push) {
      const std::uint64_t entry = random.next_u64();
      REQUIRE(ring.try_push(entry) == (model.size() < 37));
      if (model.size() < 37) model.push_back(entry);
    } else if (!model.empty()) {
      REQUIRE(ring.front() == model.front());
      REQUIRE(ring.pop() == model.front());
      model.pop_front();
    }
    REQUIRE(ring.size() == model.size());
    REQUIRE(ring.empty() == model.empty());
    if (!model.empty()) {
      const auto index = static_cast<std::uint32_t>(random.below(model.size()));
      REQUIRE(ring.at(index) == model[index]);
    }
  }
}

namespace {

// Counts the objects that are alive.
struct Counted {
  explicit Counted(int& count) : alive(&count) { ++*alive; }
  Counted(const Counted&) = delete;
  ~Counted() { --*alive; }
  int* alive;
};

}  // namespace

TEST_CASE("a ring moves what cannot be copied, and lets go of it", "[ring]") {
  int alive = 0;
  Ring<std::unique_ptr<Counted>> ring(100);
  for (int i = 0; i < 40; ++i) REQUIRE(ring.try_push(std::make_unique<Counted>(alive)));
  CHECK(alive == 40);
  CHECK(ring.pop() != nullptr);
  CHECK(alive == 39);
  ring.clear();
  CHECK(ring.empty());
  CHECK(alive == 0);
  CHECK(ring.try_push(std::make_unique<Counted>(alive)));
}
