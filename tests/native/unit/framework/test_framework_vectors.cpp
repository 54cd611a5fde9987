// framework.json: what the reference's primitives do, step by step. Where the specification repairs the reference ([OURS] in its
// part B), our own result is asserted beside the vector, so that nothing else can differ unnoticed.
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "framework/backpressure.h"
#include "framework/duplicates.h"
#include "framework/governor.h"
#include "framework/outbound.h"
#include "framework/peer_gate.h"
#include "framework/record_buffer.h"
#include "framework/requests.h"
#include "framework/scheduler.h"
#include "framework/serialize_queue.h"
#include "unit/framework/vector_json.h"

namespace bb::framework::testing {

const Json& vectors(const char* part) {
  static const Json file = [] {
    std::ifstream stream(BB_TEST_VECTORS "/framework.json", std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    return Json::parse(content, nullptr, false);
  }();
  return field(file, part);
}

}  // namespace bb::framework::testing

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

bool starts_with(const std::string& text, std::string_view with) { return text.starts_with(with); }

BackoffState backoff_state(const Json& state) {
  if (state.is_null()) return {};
  return {.attempts = static_cast<std::uint32_t>(number(state, "attempts")),
          .last_attempt_ns = number(state, "last_attempt_ns"),
          .next_retry_ns = number(state, "next_retry_ns")};
}

void check_same(const BackoffState& got, const BackoffState& expected) {
  CHECK(got.attempts == expected.attempts);
  CHECK(got.last_attempt_ns == expected.last_attempt_ns);
  CHECK(got.next_retry_ns == expected.next_retry_ns);
}

}  // namespace

TEST_CASE("framework vectors: back-off") {
  for (const Json& schedule : vectors("backoff_table")) {
    INFO(text(field(schedule, "schedule")));
    const Backoff backoff({.base_ns = number(schedule, "base_ns"), .max_delay_ns = number(schedule, "max_delay_ns")});
    BackoffState state;
    for (const Json& step : field(schedule, "steps")) {
      const std::string op = text(field(step, "op"));
      INFO(step.dump());
      BackoffState expected = backoff_state(field(step, "state"));
      if (op == "record_failure") {
        backoff.record_failure(state, number(step, "now_ns"), nullptr);
        if (step.contains("should_retry_at_next")) {
          CHECK(backoff.should_retry(state, state.next_retry_ns - 1) == flag(step, "should_retry_one_before"));
          CHECK(backoff.should_retry(state, state.next_retry_ns) == flag(step, "should_retry_at_next"));
        }
      } else if (starts_with(op, "60 x record_failure")) {
        for (std::uint64_t now = 0; now < 60; ++now) backoff.record_failure(state, now, nullptr);
      } else if (op == "record_remote_advisory") {
        const std::uint64_t before = state.next_retry_ns;
        backoff.record_remote_advisory(state, number(step, "now_ns"), number(step, "min_backoff_ns"));
        // [OURS] B §6.4: advice never shortens a window that lasts longer.
        expected.next_retry_ns = std::max(expected.next_retry_ns, before);
      } else if (op == "record_success") {
        backoff.record_success(state);
      } else {
        CHECK(op == "initial");
        CHECK(backoff.should_retry(state, 0) == flag(step, "should_retry_at_0"));
      }
      check_same(state, expected);
      CHECK(state.active() == (number(step, "len") == 1));
    }
  }
}

namespace {

BackoffCause cause_of(const std::string& name) {
  if (name == "QueueFull") return BackoffCause::queue_full;
  if (name == "PhiAccrual") return BackoffCause::phi_accrual;
  CHECK(name == "ExplicitDrop");
  return BackoffCause::explicit_drop;
}

void check_decision(const Backpressure::Decision& got, const Json& expected) {
  using Kind = Backpressure::Decision::Kind;
  if (expected.is_object()) {
    CHECK(got.kind == Kind::emit);
    CHECK(got.effective_ns == number(expected, "emit"));
    CHECK(got.cause == cause_of(text(field(expected, "cause"))));
  } else {
    CHECK(got.kind == (text(expected) == "Suppress" ? Kind::suppress : Kind::silent_drop));
  }
}

void check_entry(const PressureState& got, const Json& expected) {
  CHECK(got.notices_sent == number(expected, "notices_sent"));
  CHECK(got.last_notice_ns == number(expected, "last_notice_at_ns"));
  CHECK(got.last_min_backoff_ns == number(expected, "last_min_backoff_ns"));
  CHECK(got.silent_drop == flag(expected, "silent"));
}

}  // namespace

TEST_CASE("framework vectors: back-pressure") {
  for (const Json& part : vectors("backpressure_tracker")) {
    const Json& config = field(part, "config");
    INFO(config.dump());
    const Backpressure pressure({.high_water_percent = static_cast<std::uint32_t>(number(config, "high_water_pct_in")),
                                 .notices_before_silent = static_cast<std::uint32_t>(number(config, "k_in")),
                                 .min_notice_interval_ns = number(config, "interval_in")});
    CHECK(pressure.options().high_water_percent == number(config, "high_water_pct"));
    CHECK(pressure.options().notices_before_silent == number(config, "k"));
    CHECK(pressure.options().min_notice_interval_ns == number(config, "interval"));
    for (const Json& row : field(part, "is_over_high_water [len, cap, over]"))
      CHECK(pressure.is_over_high_water(number(row[0]), number(row[1])) == flag(row[2]));

    // [OURS] B §6.5, BUG-18: the last notice is optional instead of 0, so that a notice at clock 0 suppresses as any other does. With a
    // limit of one notice the peer is silenced before that shows; else one notice fewer is sent, until peer 1 is silenced by its third.
    const bool clock_zero_shows = pressure.options().notices_before_silent > 1;
    std::map<std::string, PressureState> states;
    for (const Json& step : field(part, "steps")) {
      INFO(step.dump());
      if (step.contains("op")) {
        pressure.record_recovery(states["1"]);
        check_decision(pressure.observe_overload(states["1"], BackoffCause::queue_full, 0, 100'000'000'000),
                       field(step, "decision"));
        continue;
      }
      const std::string peer = text(field(step, "peer"));
      const std::uint64_t now = number(step, "now_ns");
      PressureState& state = states[peer];
      const PressureState before = state;
      const bool in_window = pressure.in_suppression_window(state, now);
      const auto decision =
          pressure.observe_overload(state, cause_of(text(field(step, "cause"))), number(step, "min_backoff_ns"), now);
      if (peer == "1" && clock_zero_shows && now >= 1 && now < 1'000'000'000) {
        CHECK(in_window);
        CHECK(decision.kind == Backpressure::Decision::Kind::suppress);
        CHECK(state.notices_sent == 1);
        CHECK(state.last_notice_ns == 0);
      } else if (peer == "1" && clock_zero_shows && now == 1'000'000'000) {
        CHECK(!in_window);
        CHECK(decision.kind == Backpressure::Decision::Kind::emit);
        CHECK(state.notices_sent == 2);
        CHECK(state.last_notice_ns == 1'000'000'000);
      } else {
        check_decision(decision, field(step, "decision"));
        check_entry(state, field(step, "entry"));
        // The reference asks its sentinel here too: after a notice at clock 0 it is never in the window.
        const bool at_zero = before.active() && before.last_notice_ns == 0;
        if (!at_zero) CHECK(in_window == flag(step, "in_suppression_window_before"));
        if (at_zero) CHECK(in_window == (now < before.last_min_backoff_ns));
      }
      CHECK(state.silent_drop == flag(step, "silent_drop_active"));
    }
  }
}

namespace {

std::string verdict_text(const Verdict& verdict) {
  if (verdict.allowed) return "Allow";
  switch (verdict.reason) {
    case BlockReason::blocklisted: return "Deny Blocklisted";
    case BlockReason::not_allowlisted: return "Deny NotAllowlisted";
    case BlockReason::cooldown: return "Deny Cooldown " + std::to_string(verdict.retry_ns);
    case BlockReason::quarantined: return "Deny Quarantined";
  }
  return {};
}

std::string transition_text(HealthTransition transition) {
  switch (transition) {
    case HealthTransition::none: return "None";
    case HealthTransition::came_up: return "CameUp";
    case HealthTransition::went_down: return "WentDown";
  }
  return {};
}

void check_health(const PeerHealth& got, const Json& expected) {
  CHECK(got.consecutive_failures == number(expected, "consecutive_failures"));
  CHECK(got.last_event_ns == number(expected, "last_event_ns"));
  CHECK(got.down == flag(expected, "down"));
}

}  // namespace

TEST_CASE("framework vectors: governor") {
  Governor governor({});
  const Backoff backoff({});
  std::map<std::string, PeerPolicy> policies;
  std::map<std::string, PeerHealth> healths;
  BackoffState cooling;
  backoff.record_failure(cooling, 100, nullptr);
  const auto inbound = [&](const char* peer) { return verdict_text(governor.check_inbound(policies[peer])); };
  const Json& steps = vectors("peer_governor");
  CHECK(text(field(steps[0], "check_inbound(1)")) == inbound("1"));
  CHECK(number(steps[0], "failure_threshold") == governor.failure_threshold());
  for (std::size_t i = 1; i < steps.size(); ++i) {
    const Json& step = steps[i];
    INFO(step.dump());
    const std::string op = text(field(step, "op"));
    if (op == "block(1)") {
      policies["1"].blocked = true;
      CHECK(text(field(step, "check_inbound(1)")) == inbound("1"));
      CHECK(text(field(step, "check_outbound(1)")) == verdict_text(governor.check_outbound(policies["1"], {}, backoff, 0)));
    } else if (starts_with(op, "set_allowlist")) {
      governor.set_allowlist_active(op != "set_allowlist(None)");
      for (const char* peer : {"1", "2", "3"}) {
        policies[peer].listed = op == "set_allowlist({1,2})" && std::string(peer) != "3";
        if (step.contains(peer)) CHECK(text(step[peer]) == inbound(peer));
      }
    } else if (op == "unblock(1), unblock(9)") {
      policies["1"].blocked = policies["9"].blocked = false;
      CHECK(text(field(step, "1")) == inbound("1"));
    } else if (starts_with(op, "check_outbound(4)")) {
      const Json& decision = field(step, "decision");
      const std::string expected =
          decision.is_object() ? "Deny Cooldown " + text(field(decision, "Deny Cooldown retry_ns")) : text(decision);
      CHECK(expected == verdict_text(governor.check_outbound({}, cooling, backoff, number(step, "now_ns"))));
    } else if (op == "set_failure_threshold(0)") {
      governor.set_failure_threshold(0);
      CHECK(number(step, "threshold") == governor.failure_threshold());
    } else {
      PeerHealth& health = healths[op.substr(op.size() - 2, 1)];
      const std::uint64_t now = step.contains("now_ns") ? number(step, "now_ns") : 1;
      const bool failed = starts_with(op, "record_failure");
      CHECK((failed || starts_with(op, "record_success")));
      const auto transition = failed ? governor.record_failure(health, now) : governor.record_success(health, now);
      CHECK(text(field(step, "transition")) == transition_text(transition));
      check_health(health, field(step, "health"));
      if (step.contains("is_down")) CHECK(flag(step, "is_down") == health.down);
      if (step.contains("check_inbound")) CHECK(text(step["check_inbound"]) == inbound("5"));
      if (step.contains("tracked_peers")) CHECK(number(step, "tracked_peers") == healths.size());
    }
  }
}

TEST_CASE("framework vectors: payload window") {
  const Json& part = vectors("inbound_dedup");
  PayloadWindow window({.hashes_max = static_cast<std::uint32_t>(number(part, "capacity"))});
  for (const Json& step : field(part, "steps")) {
    INFO(step.dump());
    const auto fresh = window.accept(number(step, "record"));
    REQUIRE(fresh.has_value());
    CHECK(*fresh != flag(step, "duplicate"));
    CHECK(window.size() == number(step, "len"));
    const Json& contains = field(step, "contains_0_to_5");
    for (std::size_t key = 0; key < contains.size(); ++key) CHECK(window.contains(key) == flag(contains[key]));
  }
  window.clear();
  CHECK(window.size() == number(part, "after_clear_len"));
  CHECK(PayloadWindow::Options().hashes_max == number(part, "default_capacity"));
  // [OURS] B §12 #44: a window of 0 remembers nothing; the reference makes it 1.
  CHECK(number(part, "capacity_of_0") == 1);
  PayloadWindow none({.hashes_max = 0});
  CHECK(*none.accept(1));
  CHECK(none.size() == 0);
}

TEST_CASE("framework vectors: requests") {
  // [OURS] G18: ids are random, not counted from 0, and matched with the peer. So ids of the vector are mapped to minted ones, and each
  // request goes to a peer of its own; what the vector calls a site is the entry's site.
  Scheduler scheduler({});
  Requests requests({}, RandomStream(3), &scheduler);
  std::map<std::uint64_t, std::uint64_t> id_of;
  std::set<std::uint64_t> minted;
  std::uint64_t expected_token = 0;
  constexpr std::uint32_t kPeer = 1;
  // The entry that the last steps answer is not in the vector: it started at 2000, with the site 2.
  Scheduler late_clock({});
  late_clock.set_now(2'000);
  Requests late({}, RandomStream(4), &late_clock);
  RequestOutcome none;
  REQUIRE(late.add({.request_id = 10, .peer = kPeer, .site = 2, .ttl_ns = 100}, none).has_value());
  for (const Json& step : vectors("request_tracker")) {
    INFO(step.dump());
    if (step.contains("mint_token")) {
      CHECK(number(step, "mint_token") == expected_token++);
      const std::uint64_t id = requests.mint();
      CHECK(id != 0);
      CHECK(minted.insert(id).second);
    } else if (step.contains("register_in_flight")) {
      const Json& entry = step["register_in_flight"];
      const std::uint64_t started = number(entry, "started_at_ns");
      const RequestTarget target{
          .request_id = requests.mint(), .peer = kPeer, .site = number(entry, "site"), .ttl_ns = number(entry, "ttl_ns")};
      RequestOutcome evicted;
      if (started > 1'000) {
        // Our clock does not go back, so what started later than the steps to come has a clock of its own.
        Scheduler far({});
        far.set_now(started);
        Requests later({}, RandomStream(5), &far);
        REQUIRE(later.add(target, evicted).has_value());
        CHECK(far.next_ns() == number(step, "expires_at_ns"));
        continue;
      }
      scheduler.set_now(started);
      id_of[number(entry, "id")] = target.request_id;
      REQUIRE(requests.add(target, evicted).has_value());
      std::uint64_t latest_ns = 0;
      scheduler.for_each(Timer::Kind::request_expiry,
                         [&](std::uint64_t, TimerId, std::uint64_t at_ns) { latest_ns = std::max(latest_ns, at_ns); });
      CHECK(latest_ns == number(step, "expires_at_ns"));
      if (!entry["parked"].is_null()) {
        Value value;
        CHECK(requests.wait(target.request_id, CommandId{number(entry["parked"])}, value) == Requests::Waiting::registered);
      }
    } else if (step.contains("drain_stale")) {
      const std::uint64_t now = number(step, "drain_stale");
      scheduler.set_now(now);
      std::map<std::uint64_t, RequestOutcome> expired;
      Timer due;
      while (scheduler.pop_due(due)) {
        const RequestOutcome outcome = requests.expire(due.key);
        CHECK(outcome.kind == RequestOutcome::Kind::last_expired);
        expired[outcome.site] = outcome;
      }
      std::size_t expected = 0;
      for (const Json& dropped : field(step, "dropped_sorted")) {
        const auto known = id_of.find(number(dropped, "id"));
        if (known == id_of.end()) continue;
        ++expected;
        const RequestOutcome& outcome = expired[number(dropped, "site")];
        CHECK(outcome.request_id == known->second);
        CHECK(outcome.started_ns <= now);
        CHECK(outcome.waiter.valid() == !dropped["parked"].is_null());
        if (outcome.waiter.valid()) CHECK(outcome.waiter.v == number(dropped["parked"]));
      }
      CHECK(expired.size() == expected);
    } else if (step.contains("observe_response")) {
      late_clock.set_now(number(step["observe_response"], "now_ns"));
      Value value;
      const RequestOutcome outcome = late.answer(number(step["observe_response"], "id"), kPeer, value);
      const Json& sample = field(step, "sample");
      CHECK((outcome.kind == RequestOutcome::Kind::none) == sample.is_null());
      if (!sample.is_null()) {
        CHECK(outcome.site == number(sample, "site"));
        CHECK(outcome.elapsed_ns == number(sample, "elapsed_ns"));
        CHECK(outcome.chain.has_value() == flag(sample, "chain"));
      }
    } else {
      CHECK(number(step, "response before start (saturates)") == 0);
    }
  }
}

TEST_CASE("framework vectors: scheduler") {
  const Json& part = vectors("scheduler");
  Scheduler scheduler({});
  std::map<std::uint64_t, std::string> kinds;  // by our key
  for (const Json& step : field(part, "steps")) {
    INFO(step.dump());
    if (step.contains("schedule")) {
      const std::uint64_t key = kinds.size();
      kinds[key] = text(field(step, "kind"));
      REQUIRE(scheduler.schedule(number(step, "schedule"), {Timer::Kind::wake, key}).has_value());
    } else {
      // The reference polls with a time and leaves its clock; our clock is what timers are due at (G22).
      scheduler.set_now(number(step, "poll_matured"));
      CHECK((scheduler.next_ns() <= scheduler.now_ns() && scheduler.size() > 0) == flag(step, "has_matured_before"));
      std::vector<std::string> matured;
      std::vector<std::uint64_t> keys;
      Timer due;
      while (scheduler.pop_due(due)) {
        keys.push_back(due.key);
        matured.push_back(kinds[due.key]);
      }
      // [OURS] B §6.1: equal times mature in the order they were set.
      CHECK(std::is_sorted(keys.begin(), keys.end()));
      std::vector<std::string> expected;
      for (const Json& kind : field(step, "matured (equal maturities: BinaryHeap order, not FIFO)")) expected.push_back(text(kind));
      std::sort(expected.begin(), expected.end());
      std::sort(matured.begin(), matured.end());
      CHECK(matured == expected);
    }
    CHECK(scheduler.size() == number(step, "len"));
  }

  const auto order = [](std::uint64_t count, auto time_of) {
    Scheduler ties({});
    for (std::uint64_t key = 0; key < count; ++key) REQUIRE(ties.schedule(time_of(key), {Timer::Kind::wake, key}).has_value());
    ties.set_now(100);
    std::vector<std::uint64_t> keys;
    Timer due;
    while (ties.pop_due(due)) keys.push_back(due.key);
    return keys;
  };
  // [OURS] the same: first in, first out, where the reference has the order of its heap.
  CHECK(field(part, "twelve_ties_at_7").size() == 12);
  CHECK(order(12, [](std::uint64_t) { return 7; }) == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const auto twenty = order(20, [](std::uint64_t i) { return i * 7 % 5; });
  CHECK(twenty == std::vector<std::uint64_t>{0, 5, 10, 15, 3, 8, 13, 18, 1, 6, 11, 16, 4, 9, 14, 19, 2, 7, 12, 17});
  const Json& reference = field(part, "twenty_at_(i*7)%5");
  REQUIRE(reference.size() == twenty.size());
  for (std::size_t i = 0; i < twenty.size(); ++i) {
    std::uint64_t key = 0;
    const std::string name = text(reference[i]);
    std::from_chars(name.data() + 6, name.data() + name.size() - 1, key);
    CHECK(key * 7 % 5 == twenty[i] * 7 % 5);
  }

  const Json& capped = field(part, "cap_2_after_4_schedules");
  Scheduler small({.timers_max = 2});
  for (std::uint64_t key = 0; key < 4; ++key) (void)small.schedule(5 + key, {Timer::Kind::wake, key});
  CHECK(small.size() == number(capped, "len"));
  CHECK(small.dropped() == number(capped, "dropped"));
  CHECK(small.id_of(Timer::Kind::wake, 0).valid());
  CHECK(small.id_of(Timer::Kind::wake, 1).valid());

  // [OURS] B §6.1: the clock never goes back.
  CHECK(number(part, "set_now(5), set_now(3) -> now") == 3);
  Scheduler clock({});
  clock.set_now(5);
  clock.set_now(3);
  CHECK(clock.now_ns() == 5);
  CHECK(Scheduler::Options().timers_max == number(part, "default_cap"));
}

TEST_CASE("framework vectors: gate, queues, records, outbound") {
  const Json& part = vectors("misc");
  const Json& gate_results =
      field(part, "peer_gate acquire(a,0), acquire(a,2)x3, release+acquire, release(b) inflight(b), 3x release inflight(a)");
  PeerGate gate({});
  constexpr std::uint32_t a = 1, b = 2;
  CHECK(gate.acquire(a, 0) == flag(gate_results[0]));
  for (std::size_t i = 1; i <= 3; ++i) CHECK(gate.acquire(a, 2) == flag(gate_results[i]));
  gate.release(a);
  CHECK(gate.acquire(a, 2) == flag(gate_results[4]));
  gate.release(b);
  CHECK(gate.inflight(b) == number(gate_results[5]));
  for (int i = 0; i < 3; ++i) gate.release(a);
  CHECK(gate.inflight(a) == number(gate_results[6]));

  const Json& serialize = field(part, "serialize_queue cap 2 after 3 enqueues");
  SerializeQueue queue({.values_max = 2});
  for (std::uint64_t n = 49; n <= 51; ++n) {
    Value value = Value::number(Carrier::u64, n);
    REQUIRE(queue.enqueue(a, value).has_value());
  }
  CHECK(queue.size(a) == number(serialize, "len"));
  CHECK(queue.drops(a) == number(serialize, "drops"));
  for (const Json& expected : field(serialize, "dequeue")) {
    const Value value = queue.dequeue(a);
    CHECK(text(expected) == (value.present() ? "Some([" + std::to_string(value.as_u64()) + "])" : "None"));
  }

  const Json& recorded = field(part, "record_buffer caps(2,1)");
  RecordBuffer records({.values_max = 2, .rings_max = 1});
  for (std::uint64_t n = 49; n <= 51; ++n) REQUIRE(records.record(a, Value::number(Carrier::u64, n)).has_value());
  CHECK(!records.record(b, Value::trigger()));
  CHECK(records.name_drops() == number(recorded, "name_drops"));
  REQUIRE(records.find(a)->size() == 2);
  CHECK(text(field(recorded, "r")) ==
        "[[" + std::to_string(records.find(a)->at(0).as_u64()) + "], [" + std::to_string(records.find(a)->at(1).as_u64()) + "]]");

  // Messages are told apart by their deadline; the schema version is stamped where envelopes are written.
  const Json& outbound_row = field(part, "outbound_queue cap 2 after 4 pushes");
  Memory memory;
  Outbound outbound({.messages_max = 2});
  PeerOutbound peer;
  const auto queue_of = [&](std::uint32_t) -> PeerOutbound& { return peer; };
  for (std::uint64_t n = 0; n < 4; ++n) {
    OutboundMessage message{.remaining_ns = n, .head = *Value::bytes(memory, {}), .body = *Value::bytes(memory, {})};
    outbound.push(peer, std::move(message), queue_of);
  }
  CHECK(outbound.take_dropped() == number(outbound_row, "dropped"));
  std::vector<std::uint64_t> deadlines, expected;
  outbound.drain(queue_of, [&](OutboundMessage& message) {
    deadlines.push_back(message.remaining_ns);
    return true;
  });
  for (const Json& row : field(outbound_row, "drained [deadline, schema_version]")) expected.push_back(number(row[0]));
  CHECK(deadlines == expected);
}
