// Back-off: jitter, advice, limits, saved state. Exact delays are in the vectors.
#include "framework/backoff.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

TEST_CASE("backoff: jitter shortens a delay by at most its part, and draws nothing when it is off") {
  const Backoff backoff({.base_ns = 1'000, .max_delay_ns = 100'000, .jitter = 0.5});
  RandomStream random(1);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    BackoffState state;
    backoff.record_failure(state, 10, &random);
    CHECK(state.next_retry_ns >= 510);
    CHECK(state.next_retry_ns <= 1'010);
    differs = differs || state.next_retry_ns != 1'010;
  }
  CHECK(differs);
  RandomStream untouched(2), reference(2);
  BackoffState state;
  Backoff({.base_ns = 1'000}).record_failure(state, 10, &untouched);
  CHECK(untouched.next_u64() == reference.next_u64());
  CHECK(state.next_retry_ns == 1'010);
  backoff.record_failure(state, 10, nullptr);
  CHECK(state.next_retry_ns == 2'010);
  CHECK(Backoff({.jitter = -1}).options().jitter == 0);
  CHECK(Backoff({.jitter = 7}).options().jitter == 1);
}

TEST_CASE("backoff: advice of a peer never shortens a longer window") {
  const Backoff backoff({});
  BackoffState state;
  for (int i = 0; i < 10; ++i) backoff.record_failure(state, 0, nullptr);
  const std::uint64_t until = state.next_retry_ns;
  backoff.record_remote_advisory(state, 1, 5);
  CHECK(state.next_retry_ns == until);
  CHECK(state.attempts == 11);
  CHECK(!backoff.should_retry(state, until - 1));
  CHECK(backoff.should_retry(state, until));
  backoff.record_success(state);
  CHECK(!state.active());
  CHECK(backoff.should_retry(state, 0));
}

TEST_CASE("backoff: its state is saved") {
  BackoffState state{.attempts = 3, .last_attempt_ns = 1'000, .next_retry_ns = UINT64_MAX};
  reloaded(state, [] { return BackoffState(); }, [](BackoffState& fresh, StateReader& reader) { return fresh.load(reader); });
}
