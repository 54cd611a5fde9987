// Requests in flight: answers, expiry, limits.
#include <catch2/catch_test_macros.hpp>

#include "framework/requests.h"

using namespace bb;
using namespace bb::framework;

namespace {

using Kind = RequestOutcome::Kind;

struct Fixture {
  Scheduler scheduler{100};
  Requests requests{4, RandomStream(1), scheduler};

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
};

}  // namespace

TEST_CASE("requests: the first answer goes to the waiter and ends the request") {
  Fixture f;
  const std::uint64_t id = f.requests.mint();
  CHECK(id != 0);
  REQUIRE(f.requests.add(id, 1, 100));
  REQUIRE(f.requests.add(id, 2, 100));
  Value value;
  CHECK(f.requests.wait(id, CommandId{5}, value) == Requests::Waiting::registered);
  CHECK(f.answer(id, 3).kind == Kind::none);  // not asked
  CHECK(f.answer(99, 1).kind == Kind::none);  // no such request
  const RequestOutcome outcome = f.answer(id, 2);
  CHECK(outcome.kind == Kind::answered);
  CHECK(outcome.waiter == CommandId{5});
  CHECK(f.answer(id, 1).kind == Kind::none);
  CHECK(f.requests.in_flight() == 0);
  CHECK(f.scheduler.size() == 0);
}

TEST_CASE("requests: an answer before the waiter is kept, and goes when the request would have expired") {
  Fixture f;
  const std::uint64_t id = f.requests.mint();
  REQUIRE(f.requests.add(id, 1, 100));
  CHECK(f.answer(id, 1, 42).kind == Kind::stored);
  CHECK(f.answer(id, 1, 43).kind == Kind::none);
  Value value;
  CHECK(f.requests.wait(id, CommandId{1}, value) == Requests::Waiting::already_answered);
  CHECK(value.as_u64() == 42);
  CHECK(f.requests.in_flight() == 0);

  const std::uint64_t other = f.requests.mint();
  REQUIRE(f.requests.add(other, 1, 100));
  CHECK(f.answer(other, 1).kind == Kind::stored);
  const auto outcomes = f.expire_at(200);
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].kind == Kind::forgotten);
  CHECK(f.requests.wait(other, CommandId{1}, value) == Requests::Waiting::not_in_flight);
}

TEST_CASE("requests: every destination expires by itself, the last one says so") {
  Fixture f;
  const std::uint64_t id = f.requests.mint();
  REQUIRE(f.requests.add(id, 1, 100));
  REQUIRE(f.requests.add(id, 2, 50));
  Value value;
  CHECK(f.requests.wait(id, CommandId{9}, value) == Requests::Waiting::registered);
  const auto first = f.expire_at(60);
  REQUIRE(first.size() == 1);
  CHECK(first[0].kind == Kind::expired);
  CHECK(first[0].peer == 2);
  const auto last = f.expire_at(100);
  REQUIRE(last.size() == 1);
  CHECK(last[0].kind == Kind::last_expired);
  CHECK(last[0].waiter == CommandId{9});
}

TEST_CASE("requests: their number is bounded") {
  Fixture f;
  for (std::uint32_t n = 0; n < 4; ++n) REQUIRE(f.requests.add(f.requests.mint(), n, 100));
  CHECK(f.requests.add(f.requests.mint(), 9, 100).error().code == Code::over_cap);
  CHECK(f.scheduler.size() == 4);
}
