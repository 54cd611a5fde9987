// The weighted mean, rounds, and every way to be refused.
#include <algorithm>
#include <limits>

#include "bb/roles.h"
#include "component_harness.h"
#include "ops/aggregators/fedavg.h"

using namespace bb;
using namespace bb::test;

namespace {

constexpr std::uint64_t kCurrent = FedAvgMeta::kCurrentRound;

struct Fixture {
  ComponentHarness harness;
  std::unique_ptr<Component> average;

  explicit Fixture(const Config& settings = config()) : average(construct(ops::fedavg_class(), settings)) {}

  Called contribute(std::uint64_t peer, std::vector<float> data, std::uint64_t samples, std::uint64_t round = kCurrent) {
    return contribute_tensor(peer, harness.vector(std::move(data)), samples, round);
  }
  Called contribute_tensor(std::uint64_t peer, Value tensor, std::uint64_t samples, std::uint64_t round = kCurrent) {
    return harness.call(*average, AggregatorMethod::contribute,
                        {std::move(tensor), Value::fed_avg_meta(harness.memory(), {samples, round}).value(),
                         Value::peer(harness.memory(), PeerId::from(peer)).value()});
  }
  Called aggregate() { return harness.call(*average, AggregatorMethod::aggregate, {Value::trigger()}); }

  void check_result(std::vector<float> params, std::uint64_t samples, std::uint64_t round) {
    const auto result = aggregate();
    REQUIRE(result.done());
    CHECK(floats(result.values[0]) == params);
    CHECK(result.values[1].as_fed_avg_meta().samples == samples);
    CHECK(result.values[1].as_fed_avg_meta().round == round);
  }
  void check_empty(std::uint32_t have = 0, std::uint32_t need = 1) {
    const auto result = aggregate();
    CHECK(result.failed_with(OpErrorKind::cooldown, "quorum_not_met"));
    CHECK(result.error.detail == "have " + std::to_string(have) + ", need " + std::to_string(need));
  }
};

Config with(std::string name, Config::Entry value) { return config().set(std::move(name), std::move(value)); }

}  // namespace

TEST_CASE_METHOD(Fixture, "the weighted mean of the last contribution of each peer") {
  CHECK(contribute(1, {1, 2}, 1).values[0].carrier() == Carrier::trigger);
  CHECK(contribute(2, {3, 4}, 3).done());
  CHECK(contribute(1, {5, 6}, 1).done());
  check_result({3.5f, 4.5f}, 4, 0);
  check_empty();
}

TEST_CASE("the bits of the mean do not depend on the order of arrival") {
  RandomStream random(6);
  constexpr std::size_t count = 33, peers = 7;
  std::vector<std::vector<float>> tensors(peers);
  for (auto& tensor : tensors)
    for (std::size_t i = 0; i < count; ++i) tensor.push_back((random.next_f32() - 0.5f) * 1e6f);
  std::vector<std::uint64_t> order{0, 1, 2, 3, 4, 5, 6};
  std::vector<float> first;
  for (int attempt = 0; attempt < 20; ++attempt) {
    Fixture fixture;
    for (const std::uint64_t peer : order) REQUIRE(fixture.contribute(peer, tensors[peer], peer * 31 + 1).done());
    const auto result = fixture.aggregate();
    REQUIRE(result.done());
    if (attempt == 0) first = floats(result.values[0]);
    CHECK(floats(result.values[0]) == first);
    for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  }
}

TEST_CASE_METHOD(Fixture, "the result has the contributions' shape and weights every number in f64") {
  REQUIRE(contribute_tensor(1, harness.tensor({2, 1}, {1e8f, 1}), 1).done());
  REQUIRE(contribute_tensor(2, harness.tensor({2, 1}, {1, 1}), 1).done());
  const auto result = aggregate();
  REQUIRE(result.done());
  CHECK(shape_of(result.values[0]) == std::vector<std::uint64_t>{2, 1});
  CHECK(floats(result.values[0]) == std::vector<float>{50000000.5f, 1});
}

TEST_CASE_METHOD(Fixture, "the source is the port, else the envelope, else the node") {
  const auto meta = [&] { return Value::fed_avg_meta(harness.memory(), {1, kCurrent}).value(); };
  const PeerId sender = PeerId::from(5);
  const auto send = [&](float number, Value source) {
    REQUIRE(harness.call(*average, AggregatorMethod::contribute, {harness.vector({number}), meta(), std::move(source)}).done());
  };
  send(1, {});  // the node itself
  send(2, {});  // again: replaces
  harness.set_inbound(&sender);
  send(4, {});
  send(5, Value::peer(harness.memory(), harness.self()).value());  // the port wins: replaces the node's own
  send(9, Value::peer(harness.memory(), PeerId::from(8)).value());
  check_result({6}, 3, 0);  // (5 + 4 + 9) ÷ 3
}

TEST_CASE_METHOD(Fixture, "without metadata a contribution weighs one, in the current round") {
  REQUIRE(harness.call(*average, AggregatorMethod::contribute, {harness.vector({2}), Value{}, Value{}}).done());
  check_result({2}, 1, 0);
  REQUIRE(harness.call(*average, AggregatorMethod::contribute, {harness.vector({3})}).done());
  check_result({3}, 1, 1);
}

TEST_CASE_METHOD(Fixture, "a neighbour one round ahead waits for the next round") {
  REQUIRE(contribute(1, {1}, 1, 0).done());
  REQUIRE(contribute(2, {10}, 1, 1).done());
  REQUIRE(contribute(2, {20}, 1, 0).done());
  REQUIRE(contribute(2, {12}, 1, 1).done());  // replaces the held one
  check_result({10.5f}, 2, 0);
  REQUIRE(contribute(1, {4}, 1, 1).done());
  check_result({8}, 2, 1);
  check_empty();
}

TEST_CASE_METHOD(Fixture, "a peer that comes late catches up") {
  REQUIRE(contribute(2, {10}, 1, 7).done());  // empty buffer: the round becomes 7
  REQUIRE(contribute(3, {20}, 1, 7).done());
  REQUIRE(contribute(4, {99}, 1, 8).done());  // held
  CHECK(contribute(5, {1}, 1, 6).failed_with(OpErrorKind::bad_input, "stale_round"));
  check_result({15}, 2, 7);
  REQUIRE(contribute(2, {1}, 1, 11).done());  // far ahead of 8: what is buffered for 8 is worthless
  check_result({1}, 1, 11);
}

TEST_CASE("catching up keeps what is not too stale, the newest of each peer") {
  Fixture fixture(with("max_staleness", std::int64_t{2}));
  REQUIRE(fixture.contribute(1, {1}, 1, 4).done());
  REQUIRE(fixture.contribute(2, {2}, 1, 4).done());
  REQUIRE(fixture.contribute(1, {3}, 1, 5).done());  // held
  REQUIRE(fixture.contribute(3, {4}, 1, 6).done());  // two ahead: 4 and 5 still count
  fixture.check_result({3}, 3, 6);                   // 3 (of round 5), 2 and 4
  fixture.check_empty();
}

TEST_CASE("staleness is counted in rounds, and an older contribution replaces no newer one") {
  Fixture fixture(with("max_staleness", std::int64_t{1}));
  REQUIRE(fixture.contribute(1, {2}, 1, 5).done());
  REQUIRE(fixture.contribute(2, {4}, 1, 4).done());
  CHECK(fixture.contribute(3, {9}, 1, 3).failed_with(OpErrorKind::bad_input, "stale_round"));
  CHECK(fixture.contribute(1, {9}, 1, 4).failed_with(OpErrorKind::bad_input, "stale_round"));
  fixture.check_result({3}, 2, 5);
}

TEST_CASE("rounds out of range are refused and change nothing") {
  Fixture fixture(with("max_round_jump", std::int64_t{100}));
  REQUIRE(fixture.contribute(1, {2}, 1, 0).done());
  CHECK(fixture.contribute(2, {9}, 1, 101).failed_with(OpErrorKind::bad_input, "round_too_far"));
  CHECK(fixture.contribute(2, {9}, 1, UINT64_MAX - 1).failed_with(OpErrorKind::bad_input, "round_out_of_range"));
  CHECK(fixture.contribute(2, {9}, 1, std::uint64_t{1} << 53).failed_with(OpErrorKind::bad_input, "round_out_of_range"));
  fixture.check_result({2}, 1, 0);
  Fixture free;
  REQUIRE(free.contribute(2, {9}, 1, (std::uint64_t{1} << 53) - 1).done());
  free.check_result({9}, 1, (std::uint64_t{1} << 53) - 1);
  REQUIRE(free.contribute(2, {9}, 1).done());
  free.check_result({9}, 1, (std::uint64_t{1} << 53) - 1);
}

TEST_CASE_METHOD(Fixture, "contributions that are refused leave the buffer as it was") {
  REQUIRE(contribute(1, {1, 2}, 1).done());
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  CHECK(contribute(2, {3, 4}, 0).failed_with(OpErrorKind::bad_input, "zero_weight"));
  CHECK(contribute(2, {3, 4, 5}, 1).failed_with(OpErrorKind::bad_input, "shape_mismatch"));
  CHECK(contribute_tensor(2, harness.tensor({1, 2}, {3, 4}), 1).failed_with(OpErrorKind::bad_input, "shape_mismatch"));
  CHECK(contribute(2, {3, 4, 5}, 1, 9).failed_with(OpErrorKind::bad_input, "shape_mismatch"));  // and does not catch up
  CHECK(contribute(2, {3, nan}, 1).failed_with(OpErrorKind::bad_input, "non_finite"));
  CHECK(contribute(2, {-infinity, 4}, 1, 9).failed_with(OpErrorKind::bad_input, "non_finite"));
  CHECK(contribute(2, {3, 4}, UINT64_MAX).failed_with(OpErrorKind::bad_input, "weight_overflow"));
  const std::uint64_t shape[] = {2};
  CHECK(contribute_tensor(2, Value::tensor(harness.memory(), DType::f64, shape).value(), 1)
            .failed_with(OpErrorKind::type_mismatch, "input_type_mismatch"));
  const Value tensor = harness.vector({3, 4});
  const auto call = [&](std::vector<Value> inputs) {
    return harness.call(*average, AggregatorMethod::contribute, std::move(inputs));
  };
  CHECK(call({}).failed_with(OpErrorKind::missing_slot, "missing_contribution"));
  CHECK(call({Value::trigger()}).failed_with(OpErrorKind::type_mismatch, "input_type_mismatch"));
  CHECK(call({tensor, Value::trigger()}).failed_with(OpErrorKind::type_mismatch, "input_type_mismatch"));
  CHECK(call({tensor, Value{}, Value::trigger()}).failed_with(OpErrorKind::type_mismatch, "input_type_mismatch"));
  CHECK(harness.call(*average, 2, {}).failed_with(OpErrorKind::not_registered, "unsupported_method"));
  check_result({1, 2}, 1, 0);
}

TEST_CASE("the heaviest weights still fit together") {
  Fixture fixture;
  REQUIRE(fixture.contribute(1, {1}, UINT64_MAX - 1).done());
  REQUIRE(fixture.contribute(2, {1}, 1).done());
  CHECK(fixture.contribute(3, {1}, 1).failed_with(OpErrorKind::bad_input, "weight_overflow"));
  REQUIRE(fixture.contribute(1, {1}, 5).done());  // the replaced weight is free again
  REQUIRE(fixture.contribute(3, {1}, 1).done());
  fixture.check_result({1}, 7, 0);
}

TEST_CASE("numbers that are not finite pass where the config lets them") {
  Fixture fixture(with("reject_non_finite", false));
  REQUIRE(fixture.contribute(1, {std::numeric_limits<float>::infinity(), 1}, 1).done());
  REQUIRE(fixture.contribute(2, {1, 3}, 1).done());
  fixture.check_result({std::numeric_limits<float>::infinity(), 2}, 2, 0);
}

TEST_CASE("contributions longer than max_norm are refused") {
  Fixture fixture(with("max_norm", 5.0));
  REQUIRE(fixture.contribute(1, {3, 4}, 1).done());
  CHECK(fixture.contribute(2, {3, 4.01f}, 1).failed_with(OpErrorKind::bad_input, "norm_exceeded"));
  fixture.check_result({3, 4}, 1, 0);
}

TEST_CASE("duplicates by policy") {
  Fixture rejecting(with("on_duplicate", std::string("reject")));
  REQUIRE(rejecting.contribute(1, {1}, 1).done());
  CHECK(rejecting.contribute(1, {5}, 1).failed_with(OpErrorKind::bad_input, "duplicate"));
  REQUIRE(rejecting.contribute(1, {7}, 1, 1).done());  // another round
  CHECK(rejecting.contribute(1, {8}, 1, 1).failed_with(OpErrorKind::bad_input, "duplicate"));
  rejecting.check_result({1}, 1, 0);
  rejecting.check_result({7}, 1, 1);
  Fixture summing(with("on_duplicate", std::string("sum")).set("min_contributions", std::int64_t{2}));
  REQUIRE(summing.contribute(1, {1}, 1).done());
  REQUIRE(summing.contribute(1, {5}, 3).done());
  summing.check_empty(1, 2);  // two contributions, one peer
  REQUIRE(summing.contribute(2, {8}, 4).done());
  summing.check_result({6}, 8, 0);  // (1·1 + 5·3 + 8·4) ÷ 8
}

TEST_CASE("a quorum counts peers, and failing keeps them") {
  Fixture fixture(with("min_contributions", std::int64_t{2}));
  fixture.check_empty(0, 2);
  REQUIRE(fixture.contribute(1, {1}, 1).done());
  fixture.check_empty(1, 2);
  REQUIRE(fixture.contribute(2, {3}, 1).done());
  fixture.check_result({2}, 2, 0);
  fixture.check_empty(0, 2);
}

TEST_CASE("a round takes the expected peers and no more") {
  Fixture fixture(with("expected", std::int64_t{2}));
  REQUIRE(fixture.contribute(1, {1}, 1).done());
  REQUIRE(fixture.contribute(2, {3}, 1).done());
  REQUIRE(fixture.contribute(1, {5}, 1).done());
  CHECK(fixture.contribute(3, {9}, 1).failed_with(OpErrorKind::cooldown, "round_full"));
  fixture.check_result({4}, 2, 0);
  CHECK(fixture.contribute(3, {9}, 1).done());
}

TEST_CASE("the buffer is limited in contributions and bytes") {
  Fixture counted(with("contributions_max", std::int64_t{3}));
  REQUIRE(counted.contribute(1, {1}, 1).done());
  REQUIRE(counted.contribute(2, {1}, 1).done());
  REQUIRE(counted.contribute(3, {1}, 1, 1).done());  // held ones count too
  CHECK(counted.contribute(4, {1}, 1).failed_with(OpErrorKind::cooldown, "contribution_limit"));
  REQUIRE(counted.contribute(2, {2}, 1).done());  // replacing needs no room
  counted.check_result({1.5f}, 2, 0);
  REQUIRE(counted.contribute(4, {1}, 1).done());
  Fixture weighed(with("bytes_max", std::int64_t{20}));
  CHECK(weighed.contribute(1, std::vector<float>(6), 1).failed_with(OpErrorKind::cooldown, "contribution_limit"));
  REQUIRE(weighed.contribute(1, {1, 2}, 1).done());
  REQUIRE(weighed.contribute(2, {1, 2}, 1).done());
  CHECK(weighed.contribute(3, {1, 2}, 1).failed_with(OpErrorKind::cooldown, "contribution_limit"));
  REQUIRE(weighed.contribute(2, {3, 4}, 1).done());
  weighed.check_result({2, 3}, 2, 0);
  for (int i = 0; i < 20; ++i) {  // rounds give back what they held
    REQUIRE(weighed.contribute(1, {1, 2}, 1).done());
    REQUIRE(weighed.contribute(2, {1, 2}, 1).done());
    REQUIRE(weighed.aggregate().done());
  }
  REQUIRE(weighed.contribute(1, {1, 2}, 1).done());
  REQUIRE(weighed.contribute(2, {1, 2}, 1).done());
  REQUIRE(weighed.contribute(3, {1, 2}, 1, 40).done());  // and so does catching up
  REQUIRE(weighed.contribute(4, {3, 4}, 1, 40).done());
  weighed.check_result({2, 3}, 2, 40);
}

TEST_CASE("a round whose result finds no memory can be aggregated again") {
  ComponentHarness harness(20'000);
  const auto average = construct(ops::fedavg_class(), config());
  const auto aggregate = [&] { return harness.call(*average, AggregatorMethod::aggregate, {Value::trigger()}); };
  REQUIRE(harness.call(*average, AggregatorMethod::contribute, {harness.vector(std::vector<float>(500, 2.0f))}).done());
  {
    const auto elsewhere = Value::tensor(harness.memory(), DType::u8, std::vector<std::uint64_t>{7'000});
    REQUIRE(elsewhere.has_value());
    CHECK(aggregate().failed_with(OpErrorKind::execution_failed, "no_memory"));
    CHECK(aggregate().failed_with(OpErrorKind::execution_failed, "no_memory"));
  }
  const auto result = aggregate();
  REQUIRE(result.done());
  CHECK(floats(result.values[0]) == std::vector<float>(500, 2.0f));
  CHECK(result.values[1].as_fed_avg_meta().round == 0);
}

TEST_CASE("a peer that sends nonsense for ever cannot move or fill a round") {
  Fixture fixture(with("max_round_jump", std::int64_t{4}).set("contributions_max", std::int64_t{8}));
  RandomStream random(12);
  REQUIRE(fixture.contribute(1, {1, 1}, 1).done());
  for (int i = 0; i < 2'000; ++i) {
    const std::size_t size = 1 + random.below(3);
    std::vector<float> data(size);
    for (float& number : data) number = std::bit_cast<float>(static_cast<std::uint32_t>(random.next_u64()));
    (void)fixture.contribute(2, data, random.next_u64() >> random.below(64), random.next_u64() >> random.below(64));
  }
  CHECK(fixture.harness.memory().live_bytes() < 10'000);
  CHECK(fixture.contribute(1, {1, 1}, 1).done());
}

TEST_CASE("configs of the aggregator") {
  const auto type = ops::fedavg_class();
  CHECK(refusal(type, config()) == "accepted");
  CHECK(refusal(type, with("min_contributions", std::int64_t{0})).starts_with("config type mismatch:"));
  CHECK(refusal(type, with("on_duplicate", std::string("keep"))).starts_with("config type mismatch:"));
  CHECK(refusal(type, with("max_staleness", -1.0)).starts_with("config type mismatch:"));
  CHECK(refusal(type, with("quorum", std::int64_t{2})).starts_with("config type mismatch: unknown field"));
  CHECK(refusal(type, with("min_contributions", std::int64_t{3}).set("expected", std::int64_t{2})) ==
        "FedAvg: `min_contributions` 3 can never be reached");
  CHECK(refusal(type, with("min_contributions", std::int64_t{300})) == "FedAvg: `min_contributions` 300 can never be reached");
}
