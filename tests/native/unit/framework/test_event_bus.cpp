// Subscriptions and the queue of events.
#include "framework/event_bus.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

constexpr EventKind kDown = EventKind::of(InfraEvent::peer_down);
constexpr EventKind kTopic = EventKind::topic(static_cast<std::uint32_t>(InfraEvent::peer_down));

}  // namespace

TEST_CASE("event bus: events are kept for kinds that somebody subscribed to, in order") {
  EventBus bus({});
  REQUIRE(bus.publish(kDown, Value::trigger()));
  CHECK(bus.empty());
  REQUIRE(bus.subscribe(kDown, {.graph = 1, .value = 2}));
  REQUIRE(bus.subscribe(kDown, {.graph = 0, .value = 9}));
  REQUIRE(bus.subscribe(kDown, {.graph = 1, .value = 2}));
  CHECK(bus.subscribers(kDown).size() == 2);
  CHECK(bus.subscribers(kDown)[0].graph == 1);
  CHECK(bus.subscribers(kTopic).empty());  // a topic is no event of the engine
  REQUIRE(bus.publish(kTopic, Value::trigger()));
  REQUIRE(bus.publish(kDown, Value::number(Carrier::u64, 1)));
  REQUIRE(bus.publish(kDown, Value::number(Carrier::u64, 2)));
  CHECK(bus.size() == 2);
  CHECK(bus.pop().payload.as_u64() == 1);
  CHECK(bus.pop().kind == kDown);
  CHECK(bus.unsubscribe(kDown, {.graph = 1, .value = 2}));
  CHECK(!bus.unsubscribe(kDown, {.graph = 1, .value = 2}));
  CHECK(bus.unsubscribe(kDown, {.graph = 0, .value = 9}));
  REQUIRE(bus.publish(kDown, Value::trigger()));
  CHECK(bus.empty());
}

TEST_CASE("event bus: a full queue loses its oldest, one of no size loses all; both are counted") {
  EventBus bus({.events_max = 2, .subscriptions_max = 1});
  REQUIRE(bus.subscribe(kDown, {}));
  CHECK(bus.subscribe(kTopic, {}).error().code == Code::over_cap);
  for (std::uint64_t n = 1; n <= 4; ++n) REQUIRE(bus.publish(kDown, Value::number(Carrier::u64, n)));
  CHECK(bus.take_dropped() == 2);
  CHECK(bus.take_dropped() == 0);
  CHECK(bus.pop().payload.as_u64() == 3);
  EventBus none({.events_max = 0});
  REQUIRE(none.subscribe(kDown, {}));
  REQUIRE(none.publish(kDown, Value::trigger()));
  CHECK(none.empty());
  CHECK(none.take_dropped() == 1);
}

TEST_CASE("event bus: it is saved; without memory nothing is subscribed or published") {
  Memory memory;
  EventBus bus({});
  for (const std::uint32_t name : {500, 3})
    for (std::uint32_t value = 3; value > 0; --value)
      REQUIRE(bus.subscribe(EventKind::topic(name), {.graph = name, .value = value}));
  REQUIRE(bus.subscribe(kDown, {}));
  REQUIRE(bus.publish(EventKind::topic(3), *Value::text(memory, "payload")));
  REQUIRE(bus.publish(kDown, Value()));
  EventBus loaded =
      reloaded(bus, [] { return EventBus({}); }, [&](EventBus& fresh, StateReader& reader) { return fresh.load(reader, memory); });
  CHECK(loaded.subscribers(EventKind::topic(500))[0].value == 3);
  CHECK(as_text(loaded.pop().payload.as_bytes()) == "payload");
  EventBus other({});
  check_allocation_failures([&] { return other.subscribe(kDown, {}).has_value(); }, [&] { return saved_of(other); });
  check_allocation_failures([&] { return other.publish(kDown, Value::trigger()).has_value(); },
                            [&] { return ByteBuffer{static_cast<std::uint8_t>(other.size())}; });
}
