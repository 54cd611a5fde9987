// Requests: how long one may take, and gathering what comes back.
#include <catch2/catch_test_macros.hpp>

#include "bb/hash.h"
#include "unit/ops/op_harness.h"

using namespace bb;
using test::OpHarness;
using Kind = OpErrorKind;

namespace {

struct Requester : OpHarness {
  Requester() {
    metadata = {{"ai.bytesandbrains.wire.request", "1"}, {"ai.bytesandbrains.wire.peers_index", "1"}};
    for (const std::uint64_t id : {2, 3}) {
      const ByteBuffer address = Address::p2p(PeerId::from(id)).to_bytes();
      const Bytes views[] = {address};
      REQUIRE(services().peers.add_peer(PeerId::from(id), views) == framework::AddressBookError::none);
    }
  }
  /// Sends one value to peers 2 and 3; the handle.
  Value send(const test::OpAttributes& attributes = {}) {
    const PeerId ids[] = {PeerId::from(2), PeerId::from(3)};
    auto ran = run(prepare("Send", attributes, 2, {}, domain::kWire), {bytes("a"), Value::peers(memory(), ids).value()});
    INFO(ran.error.text());
    REQUIRE(ran.done());
    REQUIRE(ran.outputs[1].carrier() == Carrier::request_id);
    return ran.outputs[1];
  }
  void observe(std::uint64_t peer, std::optional<framework::ChainContext> chain, std::uint64_t elapsed_ns) {
    for (int i = 0; i < 3; ++i)
      REQUIRE(services().rtt.observe_round_trip(PeerId::from(peer).site_hash(), chain, elapsed_ns, 0, services().scheduler));
  }
  void answer(const Value& handle, std::uint64_t peer) {
    Value value = bytes("from " + std::to_string(peer));
    CHECK(services().requests.answer(handle.as_u64(), services().peers.find(PeerId::from(peer)), value).kind ==
          framework::RequestOutcome::Kind::stored);
  }
  /// When the earliest request expires.
  std::uint64_t expiry() {
    std::uint64_t earliest = UINT64_MAX;
    services().scheduler.for_each(
        framework::Timer::Kind::request_expiry,
        [&](std::uint64_t, framework::TimerId, std::uint64_t at_ns) { earliest = std::min(earliest, at_ns); });
    return earliest;
  }
  Prepared gather(std::int64_t quorum) { return prepare("GatherResponses", {{"quorum", quorum}}, 1, {}, domain::kWire); }
};

}  // namespace

TEST_CASE("requests: a Send without a budget waits as long as the way to its first peer takes") {
  Requester h;
  h.send();
  CHECK(h.expiry() == 100'000'000);
  Requester warm;
  warm.observe(3, {}, 50'000);
  warm.observe(2, {}, 1'000'000);
  warm.send();
  const auto& stats = warm.services().rtt.find(PeerId::from(2).site_hash())->stats;
  CHECK(warm.expiry() == stats.budget_ns());
  Requester given;
  given.observe(2, {}, 1'000'000);
  given.send({{"deadline_ns", 77}});
  CHECK(given.expiry() == 77);
}

TEST_CASE("requests: a chain's own round trips come before its site's") {
  Requester h;
  const framework::ChainContext chain{.chain_id = fnv1a64("a,b"), .hop = 1};
  h.observe(2, chain, 2'000'000);
  h.observe(2, {}, 9'000'000);
  h.metadata.emplace_back("ai.bytesandbrains.wire.chain_targets", "a,b");
  h.metadata.emplace_back("ai.bytesandbrains.wire.chain_hop_index", "1");
  h.send();
  CHECK(h.expiry() == h.services().rtt.edge(PeerId::from(2).site_hash(), chain)->budget_ns());
}

TEST_CASE("gathering: answers that are there are pairs of peer and value, in the order in which they came") {
  Requester h;
  const Value handle = h.send();
  h.answer(handle, 3);
  h.answer(handle, 2);
  const auto ran = h.run(h.gather(2), {handle});
  REQUIRE(ran.done());
  const auto children = ran.outputs[0].as_composite();
  REQUIRE(children.size() == 4);
  CHECK(children[0].as_peer() == PeerId::from(3));
  CHECK(test::text_of(children[1]) == "from 3");
  CHECK(children[2].as_peer() == PeerId::from(2));
  CHECK(h.services().requests.in_flight() == 0);
  CHECK(h.run(h.gather(1), {handle}).failed_with(Kind::timeout, "chain_timeout"));  // the request is over
}

TEST_CASE("gathering: too few answers park, or fail when no more can come") {
  Requester h;
  const Value handle = h.send();
  h.answer(handle, 3);
  CHECK(h.run(h.gather(2), {handle}).parked());
  const Value other = h.send();
  h.answer(other, 2);
  h.answer(other, 3);
  CHECK(h.run(h.gather(3), {other}).failed_with(Kind::timeout, "chain_timeout"));
  CHECK(h.services().requests.in_flight() == 1);
}

TEST_CASE("gathering: what is refused") {
  Requester h;
  CHECK(h.run(h.gather(1), {Value::number(Carrier::request_id, 0)}).failed_with(Kind::bad_input, "not_a_request"));
  CHECK(h.run(h.gather(1), {h.bytes("a")}).failed_with(Kind::bad_input, "not_a_request"));
  CHECK(!h.try_prepare("GatherResponses", {{"quorum", 0}}, 1, {}, domain::kWire));
  CHECK(!h.try_prepare("GatherResponses", {{"timeout_ns", -1}}, 1, {}, domain::kWire));
  const Value handle = h.send();
  h.answer(handle, 2);
  CHECK(h.starved(h.gather(1), {handle}).out_of_memory());
  h.parked_max = 0;
  CHECK(h.run(h.gather(1), {handle}).failed_with(Kind::cooldown, "pending_async_limit"));
}
