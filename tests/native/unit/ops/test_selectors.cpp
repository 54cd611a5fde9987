// Sampling to the number, and the two selectors.
#include <algorithm>
#include <set>

#include "bb/roles.h"
#include "component_harness.h"
#include "ops/selectors/constant_view.h"
#include "ops/selectors/random_selector.h"
#include "ops/selectors/sampler.h"

using namespace bb;
using namespace bb::test;

namespace {

using Numbers = std::vector<std::uint64_t>;

std::vector<PeerId> peers(const Numbers& numbers) {
  std::vector<PeerId> peers;
  for (const std::uint64_t number : numbers) peers.push_back(PeerId::from(number));
  return peers;
}

Numbers numbers(std::span<const PeerId> peers) {
  Numbers numbers;
  for (const PeerId& peer : peers) numbers.push_back(peer.as_identity_u64().value());
  return numbers;
}

Numbers chosen(const Called& called) {
  REQUIRE(called.done());
  return numbers(called.values[0].as_peers());
}

std::unique_ptr<Component> view(const Numbers& members, std::int64_t seed = 0) {
  std::vector<ByteBuffer> list;
  for (const std::uint64_t number : members) list.push_back(PeerId::from(number).to_bytes());
  return construct(ops::constant_view_class(), config().set("peers", list).set("seed", seed));
}

}  // namespace

TEST_CASE("the sampler gives the specified peers") {
  const auto sample = [](ops::Sampler& sampler, std::uint64_t n) {
    auto pool = peers({10, 20, 30, 40, 50});
    return numbers(sampler.sample(pool, n));
  };
  ops::Sampler coffee(0xC0FFEE);
  CHECK(sample(coffee, 2) == Numbers{20, 30});
  CHECK(sample(coffee, 2) == Numbers{50, 30});
  CHECK(sample(coffee, 2) == Numbers{50, 20});
  ops::Sampler zero(0);
  CHECK(sample(zero, 3) == Numbers{20, 30, 10});
  CHECK(sample(zero, 3) == Numbers{30, 50, 40});
  CHECK(sample(zero, 0).empty());
  CHECK(std::ranges::is_permutation(sample(zero, 5), Numbers{10, 20, 30, 40, 50}));
  CHECK(std::ranges::is_permutation(sample(zero, UINT64_MAX), Numbers{10, 20, 30, 40, 50}));
  // A seed whose first state is 0 still ends, and still chooses different peers.
  ops::Sampler stuck(0x9E3779B97F4A7C15ULL);
  for (int i = 0; i < 100; ++i) {
    const auto five = sample(stuck, 5);
    CHECK(std::set(five.begin(), five.end()).size() == 5);
  }
  CHECK(ops::Sampler(1).sample({}, 3).empty());
}

TEST_CASE("a constant view samples, and shows all in order") {
  ComponentHarness harness;
  const auto selector = view({10, 20, 30, 40, 50});
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::sample, {}, {3})) == Numbers{20, 30, 10});
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::current_view, {})) == Numbers{10, 20, 30, 40, 50});
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::sample, {}, {3})) == Numbers{30, 50, 40});
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::select, {Value{}}, {2, 0})) == Numbers{10, 20, 30, 40, 50});
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::select, {Value{}}, {0, 2})).size() == 2);
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::sample, {}, {99})).size() == 5);
}

TEST_CASE("repeated peers are kept once") {
  ComponentHarness harness;
  const auto selector = view({7, 3, 7, 3});
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::current_view, {})) == Numbers{7, 3});
}

TEST_CASE("near-key is the order of hashed distances") {
  ComponentHarness harness;
  const auto selector = view({10, 20, 30, 40, 50});
  const Value key = Value::bytes(harness.memory(), as_bytes("somewhere")).value();
  const auto all = chosen(harness.call(*selector, PeerSelectorMethod::select, {key}, {1, 5}));
  const auto distance = [](std::uint64_t number) {
    auto hash = sha256(PeerId::from(number).to_bytes());
    const auto target = sha256(as_bytes("somewhere"));
    for (std::size_t i = 0; i < hash.size(); ++i) hash[i] ^= target[i];
    return hash;
  };
  REQUIRE(all.size() == 5);
  for (std::size_t i = 1; i < all.size(); ++i) CHECK(distance(all[i - 1]) < distance(all[i]));
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::select, {key}, {1, 2})) == Numbers{all[0], all[1]});
  // A peer's own bytes as the key: it is nearest to itself.
  const auto own = PeerId::from(40).to_bytes();
  const Value self = Value::bytes(harness.memory(), own).value();
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::select, {self}, {1, 1})) == Numbers{40});
}

TEST_CASE("selectors refuse what makes no sense") {
  ComponentHarness harness;
  const auto selector = view({10, 20});
  CHECK(harness.call(*selector, PeerSelectorMethod::sample, {}, {-1}).failed_with(OpErrorKind::bad_input, "negative_count"));
  CHECK(harness.call(*selector, PeerSelectorMethod::select, {Value{}}, {3, 1}).failed_with(OpErrorKind::bad_input, "unknown_mode"));
  CHECK(
      harness.call(*selector, PeerSelectorMethod::select, {Value{}}, {-1, 1}).failed_with(OpErrorKind::bad_input, "unknown_mode"));
  CHECK(
      harness.call(*selector, PeerSelectorMethod::select, {Value{}}, {1, 1}).failed_with(OpErrorKind::missing_slot, "missing_key"));
  CHECK(harness.call(*selector, PeerSelectorMethod::select, {Value::trigger()}, {1, 1})
            .failed_with(OpErrorKind::type_mismatch, "input_type_mismatch"));
  CHECK(harness.call(*selector, 3, {}, {1}).failed_with(OpErrorKind::not_registered, "unsupported_method"));
  const auto empty = view({});
  const auto none = harness.call(*empty, PeerSelectorMethod::sample, {}, {1});
  CHECK(none.failed_with(OpErrorKind::execution_failed, "no_peers"));
  CHECK(none.error.detail == "ConstantView has no peers configured");
  CHECK(chosen(harness.call(*empty, PeerSelectorMethod::current_view, {})).empty());
}

TEST_CASE("configs of the selectors") {
  const auto with = [](std::vector<ByteBuffer> list) { return config().set("peers", std::move(list)); };
  CHECK(refusal(ops::constant_view_class(), config()) == "accepted");
  CHECK(refusal(ops::constant_view_class(), with({{0, 1}})).starts_with("config type mismatch: `peers` entry 0 is no peer id"));
  CHECK(refusal(ops::constant_view_class(), config().set("peers", std::string("x"))).starts_with("config type mismatch:"));
  CHECK(refusal(ops::constant_view_class(), with(std::vector<ByteBuffer>(16'385, PeerId::from(1).to_bytes()))) ==
        "ConstantView: 16385 peers are over 16384");
  CHECK(refusal(ops::random_selector_class(), config().set("seed", -1.0)).starts_with("config type mismatch:"));
}

TEST_CASE("the random selector chooses among the peers that the node knows") {
  ComponentHarness harness;
  const auto selector = construct(ops::random_selector_class(), config());
  CHECK(harness.call(*selector, PeerSelectorMethod::sample, {}, {1}).failed_with(OpErrorKind::execution_failed, "no_peers"));
  framework::Outbound outbound({.messages_max = 16});
  for (const std::uint64_t number : {50, 10, 1, 40, 20, 30}) {  // 1 is the node itself
    const PeerId peer = PeerId::from(number);
    const ByteBuffer address = Address::p2p(peer).to_bytes();
    const Bytes addresses[] = {address};
    REQUIRE(harness.peers().add_peer(peer, addresses) == framework::AddressBookError::none);
  }
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::current_view, {})) == Numbers{10, 20, 30, 40, 50});
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::sample, {}, {3})) == Numbers{20, 30, 10});
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::sample, {}, {3})) == Numbers{30, 50, 40});
  REQUIRE(harness.peers().drop_peer(PeerId::from(30), outbound) == framework::AddressBookError::none);
  REQUIRE(harness.peers().admit(PeerId::from(60), ChannelKind::encrypted, 1).has_value());
  CHECK(chosen(harness.call(*selector, PeerSelectorMethod::current_view, {})) == Numbers{10, 20, 40, 50, 60});
}
