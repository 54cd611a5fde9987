// Rings of recorded values.
#include "framework/record_buffer.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

TEST_CASE("record buffer: a full ring loses its oldest, a ring too many is refused and counted") {
  RecordBuffer buffer({.values_max = 2, .rings_max = 1});
  for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(buffer.record(1, Value::number(Carrier::u64, n)));
  CHECK(buffer.record(2, Value::trigger()).error().code == Code::over_cap);
  CHECK(buffer.name_drops() == 1);
  CHECK(buffer.find(2) == nullptr);
  REQUIRE(buffer.find(1)->size() == 2);
  CHECK(buffer.find(1)->at(0).as_u64() == 2);
  CHECK(buffer.find(1)->at(1).as_u64() == 3);
  RecordBuffer none({.values_max = 0});
  REQUIRE(none.record(1, Value::trigger()));
  CHECK(none.find(1) == nullptr);
}

TEST_CASE("record buffer: it is saved; without memory nothing is recorded") {
  Memory memory;
  RecordBuffer buffer({.values_max = 2});
  for (const std::uint32_t name : {8, 1, 8, 8, 300}) REQUIRE(buffer.record(name, Value::number(Carrier::u64, name)));
  RecordBuffer loaded = reloaded(
      buffer, [] { return RecordBuffer({.values_max = 2}); },
      [&](RecordBuffer& fresh, StateReader& reader) { return fresh.load(reader, memory); });
  CHECK(loaded.find(8)->size() == 2);
  RecordBuffer other({});
  check_allocation_failures([&] { return other.record(1, Value::trigger()).has_value(); }, [&] { return saved_of(other); });
}
