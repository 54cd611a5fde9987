// Round-trip times, their limits, and silence by timers.
#include "framework/rtt.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

constexpr RttTracker::Options kSmall{.sites_max = 3, .edges_max = 3, .chains_max = 2, .reports_per_site_max = 2};

struct Fixture {
  Scheduler scheduler{{.timers_max = 100}};
  RttTracker tracker{kSmall};

  std::optional<PhiTransition> observe(std::uint64_t site, std::uint64_t now_ns, std::optional<ChainContext> chain = {}) {
    scheduler.set_now(now_ns);
    const auto result = tracker.observe_round_trip(site, chain, 100, now_ns, scheduler);
    REQUIRE(result.has_value());
    return *result;
  }
  std::vector<PhiTransition> silence_at(std::uint64_t now_ns) {
    std::vector<PhiTransition> transitions;
    scheduler.set_now(now_ns);
    Timer due;
    while (scheduler.pop_due(due)) {
      REQUIRE(due.kind == Timer::Kind::silence);
      if (const auto transition = tracker.silence_due(due.key, scheduler)) transitions.push_back(*transition);
    }
    return transitions;
  }
};

}  // namespace

TEST_CASE("rtt: a site's one timer finds when it becomes suspect and down, and an answer brings it back") {
  Fixture f;
  CHECK(!f.observe(1, 100));
  CHECK(f.scheduler.size() == 0);  // nothing to compare with yet
  for (std::uint64_t now = 200; now <= 500; now += 100) CHECK(!f.observe(1, now));
  CHECK(f.scheduler.size() == 1);
  CHECK(f.scheduler.next_ns() == 2'343);
  CHECK(f.silence_at(2'342).empty());
  const auto suspect = f.silence_at(2'343);
  REQUIRE(suspect.size() == 1);
  CHECK(suspect[0].state == PhiState::suspect);
  CHECK(suspect[0].phi == 8.00404730147693);
  CHECK(f.scheduler.next_ns() == 4'185);
  const auto down = f.silence_at(4'185);
  REQUIRE(down.size() == 1);
  CHECK(down[0].state == PhiState::down);
  CHECK(down[0].phi == 16.003751658134828);
  CHECK(f.scheduler.size() == 0);
  const auto live = f.observe(1, 5'000);
  REQUIRE(live.has_value());
  CHECK(live->state == PhiState::live);
  CHECK(live->site == 1);
  CHECK(f.scheduler.size() == 1);
}

TEST_CASE("rtt: after a long sleep a site goes down at once") {
  Fixture f;
  for (std::uint64_t now = 100; now <= 500; now += 100) f.observe(1, now);
  const auto transitions = f.silence_at(1'000'000);
  REQUIRE(transitions.size() == 1);
  CHECK(transitions[0].state == PhiState::down);
}

TEST_CASE("rtt: at the limits what was used longest ago goes, with its timer") {
  Fixture f;
  const ChainContext chain{.chain_id = 5, .hop = 1};
  for (int round = 0; round < 3; ++round)
    for (std::uint64_t site = 1; site <= 3; ++site) f.observe(site, 100 + 10 * static_cast<std::uint64_t>(round), chain);
  CHECK(f.scheduler.size() == 3);
  f.observe(1, 200);
  f.observe(4, 210, ChainContext{.chain_id = 6, .hop = 1});
  CHECK(f.tracker.sites() == 3);
  CHECK(f.tracker.find(2) == nullptr);
  CHECK(f.tracker.find(1) != nullptr);
  CHECK(f.scheduler.size() == 2);
  CHECK(f.tracker.edges() == 3);
  CHECK(f.tracker.edge(1, chain) == nullptr);
  CHECK(f.tracker.edge(3, chain)->is_warm());
  f.observe(3, 220, ChainContext{.chain_id = 7, .hop = 0});
  CHECK(f.tracker.chain_prior(5) == nullptr);
  CHECK(f.tracker.chains() == 2);
  f.tracker.forget(1, f.scheduler);
  f.tracker.forget(77, f.scheduler);
  CHECK(f.tracker.find(1) == nullptr);
}

TEST_CASE("rtt: reports are kept per site, replaced, bounded, and refused of strangers") {
  Fixture f;
  const RttEma ema{.srtt_ns = 5, .rttvar_ns = 2, .sample_count = 9};
  REQUIRE(f.tracker.ingest_reported_outgoing(1, 2, 3, ema).has_value());
  CHECK(f.tracker.find(1) == nullptr);
  f.observe(1, 100);
  for (std::uint64_t hop = 1; hop <= 3; ++hop) REQUIRE(f.tracker.ingest_reported_outgoing(1, hop, 3, ema).has_value());
  REQUIRE(f.tracker.ingest_reported_outgoing(1, 3, 3, {}).has_value());
  REQUIRE(f.tracker.find(1)->reports.size() == 2);
  CHECK(f.tracker.find(1)->reports[0].next_hop == 2);
  CHECK(f.tracker.find(1)->reports[1].ema == RttEma{});
}

TEST_CASE("rtt: without memory or a timer nothing is observed") {
  Fixture f;
  const auto state = [&] {
    ByteBuffer bytes = saved_of(f.tracker);
    bytes.push_back(static_cast<std::uint8_t>(f.scheduler.size()));
    return bytes;
  };
  for (std::uint64_t now = 100; now < 800; now += 100) {
    for (std::uint64_t site = 1; site <= 4; ++site) {
      check_allocation_failures(
          [&] { return f.tracker.observe_round_trip(site, ChainContext{.chain_id = site}, 9, now, f.scheduler).has_value(); },
          state);
    }
  }
  Scheduler full({.timers_max = 0});
  RttTracker tracker(kSmall);
  REQUIRE(tracker.observe_round_trip(1, {}, 9, 100, full).has_value());
  const ByteBuffer before = saved_of(tracker);
  CHECK(tracker.observe_round_trip(1, {}, 9, 200, full).error().code == Code::over_cap);
  CHECK(saved_of(tracker) == before);
}

TEST_CASE("rtt: the tracker is saved in order of use and goes on as it was") {
  Fixture f;
  for (std::uint64_t now = 100; now <= 900; now += 100)
    for (std::uint64_t site = 1; site <= 3; ++site)
      f.observe(site, now + site * site, ChainContext{.chain_id = site % 2, .hop = static_cast<std::uint8_t>(site)});
  REQUIRE(f.tracker.ingest_reported_outgoing(2, 5, 6, {.srtt_ns = 1}).has_value());
  f.silence_at(3'000);
  f.observe(2, 3'100);
  const ByteBuffer timers = saved_of(f.scheduler);
  Scheduler scheduler({.timers_max = 100});
  StateReader timer_reader(timers);
  REQUIRE(scheduler.load(timer_reader));
  RttTracker loaded = reloaded(
      f.tracker, [] { return RttTracker(kSmall); },
      [&](RttTracker& fresh, StateReader& reader) { return fresh.load(reader, scheduler); });
  Fixture g{std::move(scheduler), std::move(loaded)};
  for (Fixture* each : {&f, &g}) {
    each->observe(4, 3'200);
    each->observe(3, 3'300);
    each->silence_at(9'000);
  }
  CHECK(saved_of(f.tracker) == saved_of(g.tracker));
  CHECK(saved_of(f.scheduler) == saved_of(g.scheduler));

  Scheduler empty({.timers_max = 100});
  RttTracker fresh(kSmall);
  const ByteBuffer bytes = saved_of(f.tracker);
  StateReader reader(bytes);
  if (f.scheduler.size() > 0) CHECK(fresh.load(reader, empty).error().code == Code::invalid_value);
}
