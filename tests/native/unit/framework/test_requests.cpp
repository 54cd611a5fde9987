// Requests in flight: answers, gathering, expiry, failure, limits.
#include "framework/requests.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

using Kind = RequestOutcome::Kind;
using Waiting = Requests::Waiting;

struct Fixture {
  explicit Fixture(std::uint32_t requests_max = 4) : requests({.requests_max = requests_max}, RandomStream(1), &scheduler) {}
  Memory memory;
  Scheduler scheduler{{.timers_max = 100}};
  Requests requests;

  RequestOutcome add(std::uint64_t id, std::uint32_t peer, std::uint64_t ttl_ns = 100) {
    RequestOutcome evicted;
    REQUIRE(requests.add({.request_id = id, .peer = peer, .site = peer + 1'000ull, .ttl_ns = ttl_ns}, evicted).has_value());
    return evicted;
  }
  RequestOutcome answer(std::uint64_t id, std::uint32_t peer, std::uint64_t content = 7) {
    Value value = Value::number(Carrier::u64, content);
    return requests.answer(id, peer, value);
  }
  std::vector<RequestOutcome> expire_at(std::uint64_t now) {
    std::vector<RequestOutcome> outcomes;
    scheduler.set_now(now);
    Timer due;
    while (scheduler.pop_due(due)) outcomes.push_back(requests.expire(due.key));
    return outcomes;
  }
  std::vector<std::pair<std::uint32_t, std::uint64_t>> taken(std::uint64_t id) {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> out;
    for (const Requests::Answer& answer : requests.take_answers(id)) out.emplace_back(answer.peer, answer.value.as_u64());
    return out;
  }
};
using Answers = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

}  // namespace

TEST_CASE("requests: the first answer goes to the waiter and ends the request") {
  Fixture f;
  const std::uint64_t id = f.requests.mint();
  CHECK(id != 0);
  f.add(id, 1);
  f.add(id, 2);
  Value value;
  CHECK(f.requests.wait(id, CommandId{5}, value) == Waiting::registered);
  CHECK(f.answer(id, 3).kind == Kind::none);  // not asked
  CHECK(f.answer(99, 1).kind == Kind::none);  // no such request
  f.scheduler.set_now(30);
  const RequestOutcome outcome = f.answer(id, 2);
  CHECK(outcome.kind == Kind::answered);
  CHECK(outcome.waiter == CommandId{5});
  CHECK(outcome.elapsed_ns == 30);
  CHECK(outcome.site == 1'002);
  CHECK(f.answer(id, 1).kind == Kind::none);
  CHECK(f.requests.in_flight() == 0);
  CHECK(f.scheduler.size() == 0);
}

TEST_CASE("requests: an answer before the waiter is kept, and goes when the request would have expired") {
  Fixture f;
  const std::uint64_t id = f.requests.mint();
  f.add(id, 1);
  CHECK(f.answer(id, 1, 42).kind == Kind::stored);
  CHECK(f.answer(id, 1, 43).kind == Kind::none);
  Value value;
  CHECK(f.requests.wait(id, CommandId{1}, value) == Waiting::already_answered);
  CHECK(value.as_u64() == 42);
  CHECK(f.requests.in_flight() == 0);

  const std::uint64_t other = f.requests.mint();
  f.add(other, 1);
  CHECK(f.answer(other, 1).kind == Kind::stored);
  const auto outcomes = f.expire_at(200);
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].kind == Kind::forgotten);
  CHECK(f.requests.wait(other, CommandId{1}, value) == Waiting::not_in_flight);
}

TEST_CASE("requests: every destination expires or fails by itself, the last one says so") {
  Fixture f;
  const std::uint64_t id = f.requests.mint();
  f.add(id, 1, 100);
  f.add(id, 2, 50);
  f.add(id, 3, 100);
  Value value;
  CHECK(f.requests.wait(id, CommandId{9}, value) == Waiting::registered);
  const auto first = f.expire_at(60);
  REQUIRE(first.size() == 1);
  CHECK(first[0].kind == Kind::expired);
  CHECK(first[0].peer == 2);
  CHECK(f.requests.send_failed(id, 2).kind == Kind::none);
  CHECK(f.requests.send_failed(id, 3).kind == Kind::failed);
  std::vector<std::uint32_t> left;
  f.requests.unanswered(id, [&](std::uint32_t peer, std::uint64_t started_ns) {
    CHECK(started_ns == 0);
    left.push_back(peer);
  });
  CHECK(left == std::vector<std::uint32_t>{1});
  const RequestOutcome last = f.requests.send_failed(id, 1);
  CHECK(last.kind == Kind::last_failed);
  CHECK(last.waiter == CommandId{9});
  CHECK(last.elapsed_ns == 60);
  CHECK(f.scheduler.size() == 0);
  CHECK(f.requests.expire(12'345).kind == Kind::none);
}

TEST_CASE("requests: at the limit the oldest makes room and whoever waits for it is told") {
  Fixture f;
  std::uint64_t ids[5];
  for (std::uint64_t& id : ids) id = f.requests.mint();
  f.add(ids[0], 0);
  f.add(ids[1], 1);
  f.add(ids[1], 2);
  f.add(ids[2], 3);
  Value value;
  REQUIRE(f.requests.wait(ids[0], CommandId{7}, value) == Waiting::registered);
  f.scheduler.set_now(10);
  const RequestOutcome evicted = f.add(ids[3], 4);
  CHECK(evicted.kind == Kind::last_evicted);
  CHECK(evicted.request_id == ids[0]);
  CHECK(evicted.waiter == CommandId{7});
  CHECK(f.add(ids[1], 5).kind == Kind::evicted);
  CHECK(f.requests.in_flight() == 4);
  CHECK(f.scheduler.size() == 4);
  CHECK(f.answer(ids[1], 1).kind == Kind::none);
  CHECK(f.answer(ids[1], 5).kind == Kind::stored);
  CHECK(f.expire_at(105).size() == 2);
  CHECK(f.expire_at(110).size() == 2);
  Fixture none(0);
  RequestOutcome outcome;
  CHECK(none.requests.add({.request_id = 1}, outcome).error().code == Code::over_cap);
}

TEST_CASE("requests: gathering takes answers in the order in which they came, up to the quorum") {
  Fixture f(8);
  const std::uint64_t id = f.requests.mint();
  for (std::uint32_t peer = 1; peer <= 4; ++peer) f.add(id, peer);
  CHECK(f.answer(id, 3, 30).kind == Kind::stored);
  CHECK(f.requests.wait_many(id, CommandId{5}, 3) == Waiting::registered);
  CHECK(f.requests.in_flight() == 3);
  CHECK(f.answer(id, 1, 10).kind == Kind::collected);
  const RequestOutcome last = f.answer(id, 4, 40);
  CHECK(last.kind == Kind::gathered);
  CHECK(last.waiter == CommandId{5});
  CHECK(last.quorum == 3);
  CHECK(f.taken(id) == Answers{{3, 30}, {1, 10}, {4, 40}});
  CHECK(f.requests.in_flight() == 0);
  CHECK(f.scheduler.size() == 0);
}

TEST_CASE("requests: gathering ends with what there is when nobody is left to answer") {
  Fixture f(8);
  const std::uint64_t id = f.requests.mint();
  f.add(id, 1, 50);
  f.add(id, 2, 60);
  CHECK(f.requests.wait_many(id, CommandId{5}, 9) == Waiting::registered);
  CHECK(f.answer(id, 1, 10).kind == Kind::collected);
  const auto outcomes = f.expire_at(60);
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].kind == Kind::last_expired);
  CHECK(f.taken(id) == Answers{{1, 10}});
  CHECK(f.taken(id).empty());

  const std::uint64_t early = f.requests.mint();
  f.add(early, 1);
  f.answer(early, 1, 11);
  CHECK(f.requests.wait_many(early, CommandId{6}, 5) == Waiting::already_answered);
  CHECK(f.taken(early) == Answers{{1, 11}});
  CHECK(f.requests.wait_many(early, CommandId{6}, 5) == Waiting::not_in_flight);
  const std::uint64_t left = f.requests.mint();
  f.add(left, 1);
  f.requests.abandon(left);
  CHECK(f.requests.in_flight() == 0);
  CHECK(f.scheduler.size() == 0);
}

TEST_CASE("requests: without memory, or without a timer, nothing is registered or evicted") {
  Fixture f(2);
  RequestOutcome outcome;
  const auto state = [&] {
    ByteBuffer bytes = saved_of(f.requests);
    bytes.push_back(static_cast<std::uint8_t>(f.scheduler.size()));
    return bytes;
  };
  for (const std::uint64_t id : {1, 2, 3, 3})
    check_allocation_failures([&] { return f.requests.add({.request_id = id, .peer = 1, .ttl_ns = 9}, outcome).has_value(); },
                              state);
  CHECK(outcome.kind == Kind::last_evicted);
  CHECK(f.requests.in_flight() == 2);

  Scheduler full({.timers_max = 0});
  Requests untimed({.requests_max = 2}, RandomStream(1), &full);
  CHECK(untimed.add({.request_id = 1}, outcome).error().code == Code::over_cap);
  CHECK(untimed.in_flight() == 0);
}

TEST_CASE("requests: what is in flight is saved, whatever the slots it is in") {
  Fixture f(20);
  for (std::uint64_t id = 1; id <= 6; ++id)
    for (std::uint32_t peer = 0; peer < 3; ++peer) f.add(id, peer, 100 * id);
  RequestOutcome evicted;
  REQUIRE(
      f.requests.add({.request_id = 7, .peer = 9, .site = 3, .chain = ChainContext{.chain_id = 8, .hop = 2}, .ttl_ns = 5}, evicted)
          .has_value());
  Value value;
  f.requests.wait(2, CommandId{20}, value);
  f.requests.wait_many(3, CommandId{30}, 2);
  f.requests.wait_many(4, CommandId{40}, 3);
  f.answer(1, 2, 12);
  f.answer(1, 0, 10);
  f.answer(3, 1, 31);
  f.answer(4, 1, 41);
  f.requests.send_failed(4, 0);
  f.requests.send_failed(4, 2);  // over, but not taken
  f.requests.abandon(5);
  f.expire_at(5);
  f.add(6, 7);

  const ByteBuffer timers = saved_of(f.scheduler);
  const auto load_into = [&](Fixture& fresh, StateReader& reader) -> Status {
    StateReader timer_reader(timers);
    BB_CHECK(fresh.scheduler.load(timer_reader));
    return fresh.requests.load(reader, fresh.memory);
  };
  const ByteBuffer bytes = saved_of(f.requests);
  check_truncation(bytes, [&](StateReader& reader) {
    Fixture fresh(20);
    return load_into(fresh, reader);
  });
  Fixture loaded(20);
  StateReader reader(bytes);
  REQUIRE(load_into(loaded, reader));
  REQUIRE(reader.finish());
  CHECK(saved_of(loaded.requests) == bytes);
  Requests moved = std::move(loaded.requests);
  loaded.requests = std::move(moved);
  CHECK(loaded.taken(4) == Answers{{1, 41}});
  CHECK(f.taken(4) == Answers{{1, 41}});
  CHECK(loaded.requests.mint() == f.requests.mint());
  CHECK(loaded.answer(3, 2, 5).kind == Kind::gathered);
  CHECK(f.answer(3, 2, 5).kind == Kind::gathered);
  const auto expected = f.expire_at(700);
  const auto got = loaded.expire_at(700);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i].kind == expected[i].kind);
    CHECK(got[i].request_id == expected[i].request_id);
    CHECK(got[i].peer == expected[i].peer);
    CHECK(got[i].waiter == expected[i].waiter);
  }

  Fixture timerless(20);
  StateReader again(bytes);
  CHECK(timerless.requests.load(again, timerless.memory).error().code == Code::invalid_value);
}
