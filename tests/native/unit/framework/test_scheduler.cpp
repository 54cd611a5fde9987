// The scheduler's heap: order, limits, cancelling.
#include <catch2/catch_test_macros.hpp>

#include "bb/random.h"
#include "framework/scheduler.h"

#include <algorithm>

using namespace bb;
using namespace bb::framework;

TEST_CASE("scheduler: earliest first, ties in the order they were set") {
  Scheduler scheduler(16);
  REQUIRE(scheduler.schedule(30, {Timer::Kind::command_deadline, 3}));
  REQUIRE(scheduler.schedule(10, {Timer::Kind::command_deadline, 1}));
  REQUIRE(scheduler.schedule(10, {Timer::Kind::request_expiry, 2}));
  CHECK(scheduler.next_ns() == 10);
  Timer due;
  CHECK(!scheduler.pop_due(due));
  scheduler.set_now(29);
  REQUIRE(scheduler.pop_due(due));
  CHECK(due.key == 1);
  REQUIRE(scheduler.pop_due(due));
  CHECK(due.key == 2);
  CHECK(!scheduler.pop_due(due));
  scheduler.set_now(5);
  CHECK(scheduler.now_ns() == 29);
  CHECK(scheduler.next_ns() == 30);
}

TEST_CASE("scheduler: at its limit it refuses, a cancelled timer makes room") {
  Scheduler scheduler(2);
  const auto first = scheduler.schedule(1, {});
  REQUIRE(first);
  REQUIRE(scheduler.schedule(2, {}));
  CHECK(scheduler.schedule(3, {}).error().code == Code::over_cap);
  scheduler.cancel(*first);
  CHECK(scheduler.schedule(3, {}).has_value());
}

TEST_CASE("scheduler: a thousand random timers with cancellations come out in order") {
  Scheduler scheduler(2'000);
  RandomStream random(7);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> expected;  // (time, key)
  std::vector<TimerId> cancelled;
  for (std::uint64_t key = 0; key < 1'000; ++key) {
    const std::uint64_t at = random.below(500);
    const auto id = scheduler.schedule(at, {Timer::Kind::command_deadline, key});
    REQUIRE(id);
    if (random.below(3) == 0) {
      cancelled.push_back(*id);
    } else {
      expected.emplace_back(at, key);
    }
  }
  for (const TimerId id : cancelled) scheduler.cancel(id);
  std::stable_sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  scheduler.set_now(1'000);
  Timer due;
  for (const auto& [at, key] : expected) {
    REQUIRE(scheduler.pop_due(due));
    REQUIRE(due.key == key);
  }
  CHECK(!scheduler.pop_due(due));
  CHECK(scheduler.next_ns() == Scheduler::kNever);
}
