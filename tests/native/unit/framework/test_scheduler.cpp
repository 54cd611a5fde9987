// The scheduler's heap: order, limits, cancelling.
#include <catch2/catch_test_macros.hpp>

#include "bb/random.h"
#include "framework/scheduler.h"
#include "unit/framework/saved_state.h"

#include <algorithm>

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

TEST_CASE("scheduler: earliest first, ties in the order they were set") {
  Scheduler scheduler({.timers_max = 16});
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
  Scheduler scheduler({.timers_max = 2});
  const auto first = scheduler.schedule(1, {});
  REQUIRE(first);
  REQUIRE(scheduler.schedule(2, {}));
  CHECK(scheduler.schedule(3, {}).error().code == Code::over_cap);
  CHECK(scheduler.dropped() == 1);
  scheduler.cancel(*first);
  CHECK(scheduler.schedule(3, {}).has_value());
}

TEST_CASE("scheduler: a thousand random timers with cancellations come out in order") {
  Scheduler scheduler({.timers_max = 2'000});
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

TEST_CASE("scheduler: a moved timer is as one set anew") {
  Scheduler scheduler({.timers_max = 3});
  const auto first = scheduler.schedule(10, {Timer::Kind::silence, 1});
  REQUIRE(first);
  REQUIRE(scheduler.schedule(20, {Timer::Kind::wake, 2}));
  REQUIRE(scheduler.schedule(20, {Timer::Kind::interval, 3}));
  scheduler.move(*first, 20, {Timer::Kind::silence, 4});
  CHECK(scheduler.id_of(Timer::Kind::silence, 4) == *first);
  CHECK(!scheduler.id_of(Timer::Kind::silence, 1).valid());
  scheduler.set_now(20);
  Timer due;
  for (const std::uint64_t key : {2, 3, 4}) {
    REQUIRE(scheduler.pop_due(due));
    CHECK(due.key == key);
  }
}

TEST_CASE("scheduler: saved bytes know nothing of the heap, and the loaded timers mature alike") {
  Scheduler scheduler({.timers_max = 100});
  RandomStream random(3);
  scheduler.set_now(7);
  std::vector<TimerId> ids;
  for (std::uint64_t key = 0; key < 60; ++key)
    ids.push_back(*scheduler.schedule(random.below(20), {static_cast<Timer::Kind>(key % Timer::kKinds), key}));
  for (std::size_t i = 0; i < ids.size(); i += 3) scheduler.cancel(ids[i]);
  const auto make = [] { return Scheduler({.timers_max = 100}); };
  Scheduler loaded = reloaded(scheduler, make, [](Scheduler& fresh, StateReader& reader) { return fresh.load(reader); });
  REQUIRE(loaded.schedule(5, {Timer::Kind::wake, 99}));
  REQUIRE(scheduler.schedule(5, {Timer::Kind::wake, 99}));
  CHECK(saved_of(loaded) == saved_of(scheduler));
  scheduler.set_now(1'000);
  loaded.set_now(1'000);
  Timer a, b;
  while (scheduler.pop_due(a)) {
    REQUIRE(loaded.pop_due(b));
    CHECK(a.kind == b.kind);
    CHECK(a.key == b.key);
  }
  CHECK(!loaded.pop_due(b));
}

TEST_CASE("scheduler: without memory nothing is set") {
  Scheduler scheduler({.timers_max = 100});
  check_allocation_failures([&] { return scheduler.schedule(5, {}).has_value(); },
                            [&] { return ByteBuffer{static_cast<std::uint8_t>(scheduler.size())}; });
  CHECK(scheduler.size() == 1);
  CHECK(scheduler.dropped() == 2);
}

TEST_CASE("scheduler: timers out of order, of no kind or of the future are refused") {
  const auto load = [](std::initializer_list<std::uint64_t> numbers) {
    StateWriter writer;
    for (const std::uint64_t number : numbers) writer.number(number);
    Scheduler scheduler({.timers_max = 2});
    StateReader reader(writer.view());
    return scheduler.load(reader);
  };
  // now, next sequence, dropped, count; then time, sequence, kind, key
  CHECK(load({0, 2, 0, 2, 5, 0, 0, 0, 5, 1, 0, 1}).has_value());
  CHECK(load({0, 2, 0, 2, 5, 1, 0, 0, 5, 0, 0, 1}).error().code == Code::invalid_value);
  CHECK(load({0, 2, 0, 2, 5, 0, 0, 0, 5, 0, 0, 1}).error().code == Code::invalid_value);
  CHECK(load({0, 2, 0, 1, 5, 0, Timer::kKinds, 0}).error().code == Code::invalid_value);
  CHECK(load({0, 2, 0, 1, 5, 2, 0, 0}).error().code == Code::invalid_value);
  CHECK(load({0, 9, 0, 3, 5, 0, 0, 0, 5, 1, 0, 1, 5, 2, 0, 0}).error().code == Code::over_cap);
}
