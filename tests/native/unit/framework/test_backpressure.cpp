// Recovery from back-pressure and the notice's bytes; decisions are in the vectors.
#include "framework/backpressure.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

using Kind = Backpressure::Decision::Kind;

PressureState silenced(const Backpressure& pressure, std::uint64_t now_ns) {
  PressureState state;
  pressure.observe_overload(state, BackoffCause::queue_full, 0, now_ns);
  REQUIRE(state.silent_drop);
  return state;
}

}  // namespace

TEST_CASE("backpressure: a peer that was quiet for long enough has recovered, one that goes on has not") {
  const Backpressure pressure({.notices_before_silent = 1, .min_notice_interval_ns = 100});
  PressureState state = silenced(pressure, 0);
  CHECK(!pressure.recovered(state, 399));
  CHECK(pressure.recovered(state, 400));
  pressure.note_heard(state, 300);
  CHECK(!pressure.recovered(state, 400));
  CHECK(pressure.observe_overload(state, BackoffCause::explicit_drop, 0, 600).kind == Kind::silent_drop);
  CHECK(!pressure.recovered(state, 999));
  CHECK(pressure.recovered(state, 1'000));
  pressure.record_recovery(state);
  CHECK(!state.active());
  CHECK(!pressure.recovered(state, 5'000));
  CHECK(pressure.observe_overload(state, BackoffCause::queue_full, 0, 1'000).kind == Kind::emit);
}

TEST_CASE("backpressure: everybody recovers when the queue was below half the mark for one interval") {
  Backpressure pressure({.high_water_percent = 80, .notices_before_silent = 1, .min_notice_interval_ns = 100});
  PressureState state = silenced(pressure, 0);
  pressure.note_depth(40, 100, 10);  // exactly half of the mark is not below it
  CHECK(!pressure.recovered(state, 150));
  pressure.note_depth(39, 100, 20);
  pressure.note_depth(0, 100, 90);
  CHECK(!pressure.recovered(state, 119));
  CHECK(pressure.recovered(state, 120));
  pressure.note_depth(90, 100, 130);
  CHECK(!pressure.recovered(state, 140));
  pressure.note_depth(5, 0, 200);  // a queue of no size is never deep
  CHECK(pressure.recovered(state, 300));
}

TEST_CASE("backpressure: state is saved") {
  const auto check = [](const auto& object, auto make) {
    using T = std::remove_cvref_t<decltype(object)>;
    reloaded(object, make, [](T& fresh, StateReader& reader) { return fresh.load(reader); });
  };
  Backpressure pressure({});
  check(pressure, [] { return Backpressure({}); });
  pressure.note_depth(0, 100, 70'000);
  check(pressure, [] { return Backpressure({}); });
  check(silenced(Backpressure({.notices_before_silent = 1}), 5'000), [] { return PressureState(); });
}

TEST_CASE("backpressure: a notice is twenty bytes; an unknown cause or a short one is refused, what trails is not") {
  std::uint8_t bytes[BackoffNotice::kBytes];
  BackoffNotice{.min_backoff_ns = 1'000'000'000, .cause = BackoffCause::explicit_drop}.encode(bytes);
  CHECK(to_hex(bytes) == "00ca9a3b00000000020000000000000000000000");
  ByteBuffer longer(bytes, bytes + sizeof bytes);
  longer.push_back(9);
  const auto notice = BackoffNotice::decode(longer);
  REQUIRE(notice.has_value());
  CHECK(notice->min_backoff_ns == 1'000'000'000);
  CHECK(notice->cause == BackoffCause::explicit_drop);
  CHECK(notice->suggested_next_send_ns == 0);
  CHECK(BackoffNotice::decode(Bytes(bytes).first(19)).error().code == Code::truncated);
  bytes[8] = 3;
  CHECK(BackoffNotice::decode(bytes).error().code == Code::invalid_value);
}
