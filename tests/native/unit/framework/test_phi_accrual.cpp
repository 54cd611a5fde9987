// φ and the moment at which it crosses a threshold.
#include "framework/phi_accrual.h"

#include "bb/random.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

void beat(PhiAccrual& phi, std::uint64_t now_ns) {
  REQUIRE(phi.try_reserve());
  phi.heartbeat(now_ns);
}

}  // namespace

TEST_CASE("phi: nothing is suspicious before there is an interval that is not 0") {
  PhiAccrual phi;
  CHECK(phi.phi(1'000) == 0);
  CHECK(phi.crossing_ns(8) == PhiAccrual::kNever);
  beat(phi, 5);
  CHECK(phi.phi(1'000) == 0);
  beat(phi, 5);
  beat(phi, 3);  // a clock that went back
  CHECK(phi.intervals().size() == 2);
  CHECK(phi.phi(1'000) == 0);
  CHECK(phi.crossing_ns(8) == PhiAccrual::kNever);
}

TEST_CASE("phi: the crossing is the first time above the threshold, to the nanosecond") {
  RandomStream random(11);
  for (int round = 0; round < 400; ++round) {
    PhiAccrual phi;
    std::uint64_t now = 1 + random.below(std::uint64_t{1} << random.below(62));
    const std::uint64_t spread = std::uint64_t{1} << random.below(58);
    beat(phi, now);
    for (int i = 0; i < 5; ++i) beat(phi, now += random.below(spread));
    for (const double threshold : {0.0, 0.1, 8.0, 16.0}) {
      const std::uint64_t at = phi.crossing_ns(threshold);
      if (at == PhiAccrual::kNever) {
        CHECK(phi.phi(PhiAccrual::kNever) <= threshold);
      } else {
        REQUIRE(phi.phi(at) > threshold);
        REQUIRE(phi.phi(at - 1) <= threshold);
      }
    }
  }
}

TEST_CASE("phi: the history is bounded, and its sum follows") {
  PhiAccrual phi;
  beat(phi, 1);
  std::uint64_t now = 1;
  for (std::uint32_t i = 0; i < PhiAccrual::kHistoryMax; ++i) beat(phi, now += 1'000'000);
  for (std::uint32_t i = 0; i < PhiAccrual::kHistoryMax; ++i) beat(phi, now += 10);
  CHECK(phi.intervals().size() == PhiAccrual::kHistoryMax);
  PhiAccrual fresh;
  beat(fresh, now - 10);
  beat(fresh, now);
  CHECK(phi.phi(now + 77) == fresh.phi(now + 77));
}

TEST_CASE("phi: it is saved and loaded, and asks for memory first") {
  PhiAccrual phi;
  for (std::uint64_t now : {5, 9, 30, 31}) beat(phi, now);
  PhiAccrual loaded =
      reloaded(phi, [] { return PhiAccrual(); }, [](PhiAccrual& fresh, StateReader& reader) { return fresh.load(reader); });
  CHECK(loaded.phi(99) == phi.phi(99));
  PhiAccrual other;
  beat(other, 1);
  check_allocation_failures([&] { return other.try_reserve(); }, [&] { return saved_of(other); });
}
