// Named queues of values: order, waiters, limits.
#include "framework/serialize_queue.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

SerializeQueue::Enqueued put(SerializeQueue& queue, std::uint32_t name, std::uint64_t number) {
  Value value = Value::number(Carrier::u64, number);
  const auto result = queue.enqueue(name, value);
  REQUIRE(result.has_value());
  CHECK(value.present() == result->waiter.valid());
  return *result;
}

}  // namespace

TEST_CASE("serialize queue: values go to whoever waits, else in line; a full one loses its oldest") {
  SerializeQueue queue({.values_max = 2, .queues_max = 2, .waiters_max = 2});
  CHECK(!queue.dequeue(1).present());
  REQUIRE(queue.wait(1, CommandId{5}));
  REQUIRE(queue.wait(1, CommandId{6}));
  CHECK(queue.wait(1, CommandId{6}).error().code == Code::duplicate);
  CHECK(queue.wait(1, CommandId{7}).error().code == Code::over_cap);
  queue.abandon(CommandId{5});
  queue.abandon(CommandId{5});
  CHECK(put(queue, 1, 10).waiter == CommandId{6});
  CHECK(queue.size(1) == 0);
  CHECK(queue.waiting() == 0);
  CHECK(!put(queue, 1, 1).dropped_oldest);
  CHECK(!put(queue, 1, 2).dropped_oldest);
  CHECK(put(queue, 1, 3).dropped_oldest);
  CHECK(queue.drops(1) == 1);
  CHECK(queue.dequeue(1).as_u64() == 2);
  CHECK(queue.dequeue(1).as_u64() == 3);
  put(queue, 2, 1);
  Value value = Value::trigger();
  CHECK(queue.enqueue(3, value).error().code == Code::over_cap);
  CHECK(value.present());
  CHECK(queue.wait(3, CommandId{9}).error().code == Code::over_cap);
  SerializeQueue none({.values_max = 0});
  Value gone = Value::trigger();
  CHECK(none.enqueue(1, gone)->dropped_oldest);
  CHECK(none.size(1) == 0);
  CHECK(none.drops(1) == 1);
}

TEST_CASE("serialize queue: it is saved; without memory nothing is taken") {
  Memory memory;
  SerializeQueue queue({});
  put(queue, 9, 1);
  put(queue, 9, 2);
  Value text = *Value::text(memory, "hello");
  REQUIRE(queue.enqueue(2, text));
  REQUIRE(queue.wait(4, CommandId{3}));
  SerializeQueue loaded = reloaded(
      queue, [] { return SerializeQueue({}); },
      [&](SerializeQueue& fresh, StateReader& reader) { return fresh.load(reader, memory); });
  CHECK(as_text(loaded.dequeue(2).as_bytes()) == "hello");
  CHECK(put(loaded, 4, 1).waiter == CommandId{3});
  SerializeQueue other({});
  check_allocation_failures(
      [&] {
        Value value = Value::trigger();
        return other.enqueue(1, value).has_value();
      },
      [&] { return saved_of(other); });
  check_allocation_failures([&] { return other.wait(2, CommandId{1}).has_value(); }, [&] { return saved_of(other); });
  Value foreign = *Value::foreign(memory, 0, {});
  REQUIRE(other.enqueue(1, foreign));
  StateWriter writer;
  CHECK(!other.save(writer));
}
