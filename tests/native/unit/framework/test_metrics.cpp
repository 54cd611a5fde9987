// Counters by name.
#include "framework/metrics.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

TEST_CASE("metrics: counters add, wrap and are bounded in number") {
  Metrics metrics({.names_max = 2});
  REQUIRE(metrics.add(5, 2));
  REQUIRE(metrics.add(5, UINT64_MAX));
  CHECK(metrics.value(5) == 1);
  REQUIRE(metrics.add(1, 0));
  CHECK(metrics.add(2, 1).error().code == Code::over_cap);
  CHECK(metrics.value(2) == 0);
  Array<std::uint64_t> names;
  REQUIRE(metrics.names(names));
  REQUIRE(names.size() == 2);
  CHECK(names[0] == 1);
}

TEST_CASE("metrics: they are saved; without memory nothing is counted") {
  Metrics metrics({});
  for (const std::uint32_t name : {70'000, 3, 9}) REQUIRE(metrics.add(name, name));
  Metrics loaded =
      reloaded(metrics, [] { return Metrics({}); }, [](Metrics& fresh, StateReader& reader) { return fresh.load(reader); });
  CHECK(loaded.value(70'000) == 70'000);
  Metrics other({});
  check_allocation_failures([&] { return other.add(1, 1).has_value(); }, [&] { return saved_of(other); });
}
