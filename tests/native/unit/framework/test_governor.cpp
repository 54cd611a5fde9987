// Verdicts, health and quarantine.
#include "framework/governor.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

TEST_CASE("governor: enough malformed frames within a window lead into quarantine, once") {
  const Governor governor({.strikes_max = 3, .strike_window_ns = 100, .quarantine_ns = 1'000});
  Conduct conduct;
  CHECK(!governor.record_malformed(conduct, 0));
  CHECK(!governor.record_malformed(conduct, 50));
  CHECK(!governor.record_malformed(conduct, 100));  // another window
  CHECK(!governor.record_malformed(conduct, 110));
  CHECK(!governor.quarantined(conduct, 110));
  CHECK(governor.record_malformed(conduct, 120));
  CHECK(governor.quarantined(conduct, 120));
  CHECK(!governor.record_malformed(conduct, 130));  // in it already
  const Verdict verdict = governor.check_inbound({}, conduct, 130);
  CHECK(!verdict.allowed);
  CHECK(verdict.reason == BlockReason::quarantined);
  CHECK(verdict.retry_ns == 1'120);
  CHECK(governor.check_inbound({}, conduct, 1'120).allowed);
  CHECK(!governor.record_malformed(conduct, 1'120));  // counted from the beginning again
}

TEST_CASE("governor: the block list comes before quarantine, the allow list before back-off") {
  Governor governor({});
  const Backoff backoff({});
  BackoffState state;
  backoff.record_failure(state, 100, nullptr);
  const Conduct bad{.quarantined_until_ns = UINT64_MAX};
  CHECK(governor.check_inbound({.blocked = true}, bad, 5).reason == BlockReason::blocklisted);
  CHECK(governor.check_outbound({}, state, backoff, 100).reason == BlockReason::cooldown);
  governor.set_allowlist_active(true);
  CHECK(governor.check_outbound({}, state, backoff, 100).reason == BlockReason::not_allowlisted);
  CHECK(governor.check_outbound({.listed = true}, state, backoff, 100).reason == BlockReason::cooldown);
  CHECK(governor.check_outbound({.listed = true}, {}, backoff, 100).allowed);
}

TEST_CASE("governor: its state and that of its peers is saved") {
  Governor governor({.failure_threshold = 9, .allowlist_active = true});
  Governor loaded =
      reloaded(governor, [] { return Governor({}); }, [](Governor& fresh, StateReader& reader) { return fresh.load(reader); });
  CHECK(loaded.failure_threshold() == 9);
  CHECK(loaded.allowlist_active());
  const auto check = [](const auto& object) {
    using T = std::remove_cvref_t<decltype(object)>;
    reloaded(object, [] { return T(); }, [](T& fresh, StateReader& reader) { return fresh.load(reader); });
  };
  check(PeerPolicy{.blocked = true, .listed = false});
  check(PeerHealth{.consecutive_failures = 300, .last_event_ns = 5, .down = true});
  check(Conduct{.strikes = 2, .window_start_ns = 77, .quarantined_until_ns = UINT64_MAX});
}
