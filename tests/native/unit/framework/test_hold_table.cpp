// Values put aside.
#include "framework/hold_table.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

TEST_CASE("hold table: a name is overwritten, a new name past the limit is dropped and counted") {
  HoldTable table({.names_max = 2});
  REQUIRE(table.stash(1, Value::number(Carrier::u64, 1)));
  REQUIRE(table.stash(2, Value::number(Carrier::u64, 2)));
  CHECK(table.stash(3, Value::trigger()).error().code == Code::over_cap);
  CHECK(table.drops() == 1);
  REQUIRE(table.stash(1, Value::number(Carrier::u64, 9)));
  CHECK(table.find(1)->as_u64() == 9);
  CHECK(table.flush(1).as_u64() == 9);
  CHECK(!table.flush(1).present());
  REQUIRE(table.stash(3, Value::trigger()));
  CHECK(table.size() == 2);
}

TEST_CASE("hold table: it is saved; without memory nothing is held") {
  Memory memory;
  HoldTable table({.names_max = 3});
  for (const std::uint32_t name : {900, 2, 77, 5}) (void)table.stash(name, Value::number(Carrier::u64, name));
  HoldTable loaded = reloaded(
      table, [] { return HoldTable({.names_max = 3}); },
      [&](HoldTable& fresh, StateReader& reader) { return fresh.load(reader, memory); });
  CHECK(loaded.flush(77).as_u64() == 77);
  CHECK(loaded.drops() == 1);
  HoldTable other({});
  check_allocation_failures([&] { return other.stash(1, Value::trigger()).has_value(); }, [&] { return saved_of(other); });
  const ByteBuffer twice{0, 2, 1, 0, 1, 0};
  StateReader reader(twice);
  CHECK(HoldTable({}).load(reader, memory).error().code == Code::invalid_value);
}
