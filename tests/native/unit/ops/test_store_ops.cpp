// Permits, queues, held values, records and counters.
#include <catch2/catch_test_macros.hpp>

#include "unit/ops/op_harness.h"

using namespace bb;
using test::OpHarness;
using Kind = OpErrorKind;

TEST_CASE("limits: without a permit the caller is dropped, or waits in line") {
  OpHarness h;
  const auto acquire = h.prepare("Limit.Acquire", {{"name", "p"}, {"n", 2}});
  const auto wait = h.prepare("Limit.Acquire", {{"name", "p"}, {"n", 2}, {"on_full", "wait"}});
  const auto release = h.prepare("Limit.Release", {{"name", "p"}});
  CHECK(h.run(acquire).triggered());
  CHECK(h.run(wait).triggered());
  CHECK(h.run(acquire).silent());
  const auto first = h.run(wait);
  const auto second = h.run(wait);
  REQUIRE(first.parked());
  REQUIRE(second.parked());
  CHECK(h.run(wait).failed_with(Kind::cooldown, "permits_limit"));  // two may wait
  CHECK(h.run(release).silent());
  REQUIRE(h.completed.size() == 1);
  CHECK(h.completed[0].command == first.command);
  CHECK(h.completed[0].value.carrier() == Carrier::trigger);
  CHECK(h.run(release).silent());
  REQUIRE(h.completed.size() == 2);
  CHECK(h.completed[1].command == second.command);
  CHECK(h.run(release).silent());
  CHECK(h.run(release).silent());
  CHECK(h.run(release).silent());  // more than were taken
  CHECK(h.services().permits.inflight(h.intern("p")) == 0);
  CHECK(h.completed.size() == 2);
}

TEST_CASE("limits: names and parked ops have limits, attributes are checked") {
  OpHarness h;
  CHECK(h.run("Limit.Acquire").triggered());
  CHECK(h.run("Limit.Acquire", {{"name", "b"}}).triggered());
  CHECK(h.run("Limit.Acquire", {{"name", "c"}}).failed_with(Kind::cooldown, "permits_limit"));
  h.parked_max = 0;
  CHECK(h.run("Limit.Acquire", {{"on_full", "wait"}})
            .failed_with(Kind::cooldown, "pending_async_limit", "pending-async limit exceeded"));
  h.parked_max = 100;
  CHECK(h.starved(h.prepare("Limit.Acquire", {{"on_full", "wait"}})).out_of_memory());
  CHECK(h.services().permits.waiting() == 0);
  CHECK(h.run("Limit.Acquire", {{"n", 0}}).silent());
  CHECK(!h.try_prepare("Limit.Acquire", {{"n", -1}}));
  CHECK(!h.try_prepare("Limit.Acquire", {{"on_full", "queue"}}));
  CHECK(!h.try_prepare("Limit.Acquire", {{"lease_ns", -1}}));
  CHECK(!h.try_prepare("Limit.Acquire", {{"name", 1}}));
}

TEST_CASE("limits: a lease that is over frees its permit for the next") {
  OpHarness h;
  const auto acquire = h.prepare("Limit.Acquire", {{"name", "p"}, {"lease_ns", 100}, {"on_full", "wait"}});
  const auto release = h.prepare("Limit.Release", {{"name", "p"}});
  CHECK(h.run(acquire).triggered());
  const auto waiter = h.run(acquire);
  REQUIRE(waiter.parked());
  h.set_now(99);
  const auto late = h.run(acquire);
  REQUIRE(late.parked());
  h.set_now(100);
  // The first lease ends with the next op on the name; the waiter has one of its own from now on.
  h.run(release);
  REQUIRE(h.completed.size() == 2);
  CHECK(h.completed[0].command == waiter.command);
  CHECK(h.completed[1].command == late.command);
  h.set_now(150);
  h.run(release);
  CHECK(h.services().permits.inflight(h.intern("p")) == 0);
  CHECK(h.services().held.size() == 0);
  CHECK(h.run(acquire).triggered());
  h.set_now(250);
  CHECK(h.run(acquire).triggered());
  CHECK(h.services().permits.inflight(h.intern("p")) == 1);
}

TEST_CASE("limits: what a graph holds under the name of leases is no lease") {
  for (const bool as_bytes : {false, true}) {
    OpHarness h;
    const auto stash = h.prepare("Hold.Stash", {{"slot", "bb.lease/p"}}, 1);
    const auto acquire = h.prepare("Limit.Acquire", {{"name", "p"}, {"lease_ns", 100}});
    CHECK(h.run(stash, {as_bytes ? h.bytes("short") : h.tensor({1})}).done());
    CHECK(h.run("Limit.Release", {{"name", "p"}}).done());
    CHECK(h.run(acquire).triggered());
    CHECK(h.run(acquire).silent());
    CHECK(h.run(stash, {h.bytes("short")}).done());
    CHECK(h.run("Limit.Release", {{"name", "p"}}).done());
    CHECK(h.run(acquire).triggered());
  }
}

TEST_CASE("limits: a lease without memory takes no permit") {
  OpHarness h;
  const auto acquire = h.prepare("Limit.Acquire", {{"name", "p"}, {"lease_ns", 100}});
  h.run(h.prepare("Limit.Acquire", {{"name", "p"}, {"n", 9}}));
  const auto leased = h.prepare("Limit.Acquire", {{"name", "p"}, {"n", 9}, {"lease_ns", 100}});
  CHECK(h.starved(leased).out_of_memory());
  CHECK(h.services().permits.inflight(h.intern("p")) == 1);
  CHECK(h.run("Hold.Stash", {{"slot", "a"}}).done());
  CHECK(h.run("Hold.Stash", {{"slot", "b"}}).done());
  CHECK(h.run(leased).failed_with(Kind::cooldown, "held_limit"));
  CHECK(h.services().permits.inflight(h.intern("p")) == 1);
  CHECK(h.run(acquire).silent());
}

TEST_CASE("queues: any value comes out as it went in, in order, and no input is empty bytes") {
  OpHarness h;
  const auto enqueue = h.prepare("Serialize.Enqueue", {{"queue", "q"}}, 1);
  const auto dequeue = h.prepare("Serialize.Dequeue", {{"queue", "q"}});
  CHECK(h.run(dequeue).silent());
  CHECK(h.run(enqueue, {h.tensor({1, 2})}).triggered());
  CHECK(h.run("Serialize.Enqueue", {{"queue", "q"}}).triggered());
  CHECK(h.run(dequeue).outputs[0].is_f32_tensor());
  const auto empty = h.run(dequeue);
  REQUIRE(empty.outputs[0].carrier() == Carrier::bytes);
  CHECK(empty.outputs[0].as_bytes().empty());
  CHECK(h.run(dequeue).silent());
  for (const char* text : {"a", "b", "c"}) CHECK(h.run(enqueue, {h.bytes(text)}).triggered());
  CHECK(test::text_of(h.run(dequeue).outputs[0]) == "b");  // two is the limit, the oldest went
  CHECK(h.services().queues.drops(h.intern("q")) == 1);
}

TEST_CASE("queues: a waiting Dequeue gets the next value") {
  OpHarness h;
  const auto enqueue = h.prepare("Serialize.Enqueue", {{"queue", "q"}}, 1);
  const auto wait = h.prepare("Serialize.Dequeue", {{"queue", "q"}, {"wait", 1}});
  const auto first = h.run(wait);
  const auto second = h.run(wait);
  REQUIRE(second.parked());
  CHECK(h.run(wait).failed_with(Kind::cooldown, "queues_limit"));
  CHECK(h.run(enqueue, {h.bytes("a")}).triggered());
  REQUIRE(h.completed.size() == 1);
  CHECK(h.completed[0].command == first.command);
  CHECK(test::text_of(h.completed[0].value) == "a");
  CHECK(h.services().queues.size(h.intern("q")) == 0);
}

TEST_CASE("queues: limits and memory") {
  OpHarness h;
  const auto enqueue = h.prepare("Serialize.Enqueue", {{"queue", "c"}}, 1);
  CHECK(h.starved(enqueue, {h.bytes("a")}).out_of_memory());
  CHECK(h.starved(h.prepare("Serialize.Enqueue")).out_of_memory());
  CHECK(h.starved(h.prepare("Serialize.Dequeue", {{"wait", 1}})).out_of_memory());
  CHECK(h.services().queues.waiting() == 0);
  CHECK(h.run("Serialize.Enqueue", {{"queue", "a"}}, {h.bytes("a")}).triggered());
  CHECK(h.run("Serialize.Enqueue", {{"queue", "b"}}, {h.bytes("a")}).triggered());
  CHECK(h.run(enqueue, {h.bytes("a")}).failed_with(Kind::cooldown, "queues_limit"));
  h.parked_max = 0;
  CHECK(h.run("Serialize.Dequeue", {{"wait", 1}}).failed_with(Kind::cooldown, "pending_async_limit"));
}

TEST_CASE("held values: the last one stashed is flushed, once") {
  OpHarness h;
  const auto stash = h.prepare("Hold.Stash", {{"slot", "s"}}, 1);
  const auto flush = h.prepare("Hold.Flush", {{"slot", "s"}});
  CHECK(h.run(flush).silent());
  CHECK(h.run(stash, {h.bytes("a")}).silent());
  CHECK(h.run(stash, {h.tensor({1})}).silent());
  CHECK(h.run(flush).outputs[0].is_f32_tensor());
  CHECK(h.run(flush).silent());
  CHECK(h.run("Hold.Stash", {{"slot", "s"}}).done());
  CHECK(h.run(flush).outputs[0].carrier() == Carrier::bytes);
  CHECK(h.starved(stash, {h.bytes("a")}).out_of_memory());
  CHECK(h.starved(h.prepare("Hold.Stash")).out_of_memory());
  for (const char* name : {"a", "b"}) CHECK(h.run("Hold.Stash", {{"slot", name}}, {h.bytes("a")}).done());
  CHECK(h.run(stash, {h.bytes("a")}).failed_with(Kind::cooldown, "held_limit"));
  CHECK(h.services().held.drops() == 1);
}

TEST_CASE("records keep the latest values") {
  OpHarness h;
  const auto record = h.prepare("Record", {{"name", "r"}}, 1);
  CHECK(h.starved(record, {h.bytes("a")}).out_of_memory());
  for (const char* text : {"a", "b", "c", "d"}) CHECK(h.run(record, {h.bytes(text)}).silent());
  CHECK(h.run("Record", {{"name", "r"}}).done());
  const Ring<Value>& values = *h.services().records.find(h.intern("r"));
  REQUIRE(values.size() == 3);
  CHECK(test::text_of(values.at(0)) == "c");
  CHECK(test::text_of(values.at(2)).empty());
  CHECK(h.run("Record", {{"name", "b"}}).done());
  CHECK(h.run("Record", {{"name", "c"}}).failed_with(Kind::cooldown, "records_limit"));
}

TEST_CASE("metrics: deltas add up and wrap") {
  OpHarness h;
  const auto metric = [&] { return h.services().metrics.value(h.intern("m")); };
  const auto one = h.prepare("IncrMetric", {{"name", "m"}});
  CHECK(h.starved(one).out_of_memory());
  CHECK(h.run(one).silent());
  CHECK(h.run("IncrMetric", {{"name", "m"}, {"delta", 5}}).done());
  CHECK(metric() == 6);
  CHECK(h.run("IncrMetric", {{"name", "m"}, {"delta", -7}}).done());
  CHECK(metric() == UINT64_MAX);
  CHECK(h.run("IncrMetric", {{"name", "b"}}).done());
  CHECK(h.run("IncrMetric", {{"name", "c"}}).failed_with(Kind::cooldown, "metrics_limit"));
}

namespace {

// Which allocation of a sweep fails.
thread_local std::uint32_t allocations_left = 0;

}  // namespace

TEST_CASE("stores: whichever allocation fails, the op says so and the next attempt succeeds") {
  struct Case {
    std::string_view op;
    test::OpAttributes attributes;
    bool value = false;
  };
  const Case cases[] = {{"Limit.Acquire", {{"lease_ns", 5}}},
                        {"Limit.Acquire", {{"n", 0}, {"on_full", "wait"}}},
                        {"Serialize.Enqueue", {}, true},
                        {"Serialize.Enqueue", {}},
                        {"Serialize.Dequeue", {{"wait", 1}}},
                        {"Hold.Stash", {}, true},
                        {"Record", {}},
                        {"IncrMetric", {}},
                        {"Any", {{"group", "g"}}, true},
                        {"Threshold", {{"n", 1}}, true},
                        {"DedupGateRx", {}, true},
                        {"AppEmit", {{"name", "news"}}}};
  for (const Case& tried : cases) {
    std::uint32_t failures = 0;
    for (std::uint32_t at = 0;; ++at) {
      OpHarness h;
      h.set_inbound(2, 7);
      const auto op = h.prepare(tried.op, tried.attributes, tried.value ? 1 : 0);
      const auto values = [&] {
        return tried.value ? std::vector<Value>{h.tensor(std::vector<float>(100))} : std::vector<Value>();
      };
      std::vector<Value> given = values();
      h.hook = [](const AllocationSite&) { return allocations_left-- == 0; };
      allocations_left = at;
      const auto ran = h.run(op, std::move(given));
      const bool every_one_succeeded = allocations_left < UINT32_MAX && static_cast<std::int32_t>(allocations_left) >= 0;
      h.hook = nullptr;
      INFO(tried.op << " allocation " << at << ": " << ran.error.text());
      if (ran.outcome != Outcome::failed) {
        if (every_one_succeeded) break;
        continue;
      }
      ++failures;
      CHECK((ran.out_of_memory() || ran.failed_with(Kind::cooldown, "permits_limit")));
      CHECK(h.run(op, values()).outcome != Outcome::failed);
    }
    INFO(tried.op);
    CHECK(failures > 0);
  }
}
