// framework.json: the address book and the round-trip tracker, step by step.
#include "bb/hash.h"
#include "framework/peers.h"
#include "framework/rtt.h"
#include "unit/framework/vector_json.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

std::string book_error(AddressBookError error) {
  switch (error) {
    case AddressBookError::none: return "ok";
    case AddressBookError::unknown_peer: return "UnknownPeer";
    case AddressBookError::empty_list: return "EmptyAddressList";
    case AddressBookError::full: return "Full";
    case AddressBookError::no_memory: return "AllocationFailed";
  }
  return {};
}

// The address that the vector calls s1, s2, ...
ByteBuffer address_of(std::uint64_t peer, std::uint64_t site) {
  return Address::p2p(PeerId::from(peer)).with(SiteId{site}).to_bytes();
}

// Runs the call that `op` writes out, such as `add_peer(1, [s1, s2])`.
AddressBookError run(PeerTable& peers, Outbound& outbound, const std::string& op) {
  const std::uint64_t peer_number = static_cast<std::uint64_t>(op[op.find('(') + 1] - '0');
  const PeerId peer = PeerId::from(peer_number);
  std::vector<ByteBuffer> addresses;
  for (std::size_t at = op.find(','); at != std::string::npos && at < op.find(')'); ++at)
    if (op[at] == 's' && op[at + 1] >= '0' && op[at + 1] <= '9')
      addresses.push_back(address_of(1, static_cast<std::uint64_t>(op[at + 1] - '0')));
  const bool empty = op.find("[]") != std::string::npos;
  if (addresses.empty() && !empty) addresses.push_back(address_of(peer_number, 99));
  const std::vector<Bytes> list(addresses.begin(), addresses.end());
  if (op.starts_with("add_peer")) return peers.add_peer(peer, list);
  if (op.starts_with("drop_peer")) return peers.drop_peer(peer, outbound);
  if (op.starts_with("register_address")) return peers.register_address(peer, list[0]);
  CHECK(op.starts_with("forget_address"));
  return peers.forget_address(peer, list[0]);
}

}  // namespace

TEST_CASE("framework vectors: address book") {
  const Json& part = vectors("address_book");
  CHECK(PeerTable::Options().peers_max == number(part, "default_cap"));
  Memory memory;
  Outbound outbound({});
  PeerTable peers(&memory, PeerId::from(100), RandomStream(1), {.peers_max = static_cast<std::uint32_t>(number(part, "cap"))});
  for (const Json& step : field(part, "steps")) {
    INFO(step.dump());
    const Json& result = field(step, "result");
    const std::string expected = result.is_object() ? text(field(result, "error")) : text(result);
    CHECK(book_error(run(peers, outbound, text(field(step, "op")))) == expected);
    CHECK(peers.size() == number(step, "len"));
    const std::uint32_t at = peers.find(PeerId::from(1));
    CHECK((at == kNoPeer ? 0 : peers.at(at).references) == number(step, "ref1"));
    std::vector<std::string> texts, expected_texts;
    if (at != kNoPeer)
      for (const PeerAddress& entry : peers.at(at).addresses.entries())
        texts.push_back(Address::from_bytes(entry.bytes.as_bytes())->to_text());
    if (!step["peer1"].is_null())
      for (const Json& address : step["peer1"]) expected_texts.push_back(text(address));
    CHECK(texts == expected_texts);
  }
}

namespace {

void check_ema(const RttEma& got, const Json& expected) {
  CHECK(got.srtt_ns == number(expected, "srtt_ns"));
  CHECK(got.rttvar_ns == number(expected, "rttvar_ns"));
  CHECK(got.sample_count == number(expected, "sample_count"));
  CHECK(got.budget_ns() == number(expected, "budget_ns"));
  CHECK(got.is_warm() == flag(expected, "is_warm"));
}

std::uint64_t bits(const Json& value) {
  const std::string digits = text(value);
  std::uint64_t parsed = 0;
  std::from_chars(digits.data() + 2, digits.data() + digits.size(), parsed, 16);
  return parsed;
}

}  // namespace

TEST_CASE("framework vectors: smoothed round-trip times") {
  for (const Json& row : field(vectors("rtt_tracker"), "chain_ids")) CHECK(fnv1a64(text(row[0])) == number(row[1]));
  for (const Json& part : field(vectors("rtt_tracker"), "ema")) {
    const bool global = text(field(part, "ema")) == "global (6,5)";
    RttEma ema;
    for (const Json& step : field(part, "steps")) {
      INFO(step.dump());
      ema.observe(number(step, "sample_ns"), global ? 6 : 3, global ? 5 : 2);
      check_ema(ema, field(step, "after"));
    }
  }
}

TEST_CASE("framework vectors: tiers of round-trip times") {
  Scheduler scheduler({});
  RttTracker tracker({});
  constexpr std::uint64_t kChain1 = 13'755'417'830'709'026'823ull, kChain2 = 14'695'981'039'346'656'037ull;
  for (const Json& step : field(vectors("rtt_tracker"), "tracker")) {
    INFO(step.dump());
    const Json& call = field(step, "observe_round_trip");
    const std::uint64_t site = number(call, "site");
    std::optional<ChainContext> chain;
    if (!call["chain_id"].is_null())
      chain = ChainContext{.chain_id = number(call, "chain_id"), .hop = static_cast<std::uint8_t>(number(call, "hop_index"))};
    REQUIRE(tracker.observe_round_trip(site, chain, number(call, "elapsed_ns"), number(call, "now_ns"), scheduler).has_value());
    const RttTracker::Site* found = tracker.find(site);
    REQUIRE(found != nullptr);
    check_ema(found->stats, field(step, "site_stats"));
    check_ema(tracker.global_prior(), field(step, "global_prior"));
    CHECK(chain.has_value() == !step["edge"].is_null());
    if (chain) check_ema(*tracker.edge(site, *chain), step["edge"]);
    if (chain) check_ema(*tracker.chain_prior(chain->chain_id), field(step, "chain_prior"));
    CHECK(found->phi.last_seen_ns() == number(step, "last_seen_at_ns"));
    const Json& intervals = field(step, "inter_arrivals");
    REQUIRE(found->phi.intervals().size() == intervals.size());
    for (std::uint32_t i = 0; i < intervals.size(); ++i) CHECK(found->phi.intervals().at(i) == number(intervals[i]));
    const Json& estimates = field(step, "estimates [s1; s1,c1; s2; s2,c1; s2,c2; s99; s99,c1; s99,c2] static 777");
    const ChainContext c1{.chain_id = kChain1, .hop = 0}, c2{.chain_id = kChain2, .hop = 255};
    const std::pair<std::uint64_t, std::optional<ChainContext>> asked[] = {{1, {}}, {1, c1},  {2, {}},  {2, c1},
                                                                           {2, c2}, {99, {}}, {99, c1}, {99, c2}};
    for (std::size_t i = 0; i < std::size(asked); ++i)
      CHECK(tracker.estimate_budget(asked[i].first, asked[i].second, 777) == number(estimates[i]));
  }
}

TEST_CASE("framework vectors: silence") {
  const Json& part = vectors("rtt_tracker");
  CHECK(PhiAccrual::kHistoryMax == number(field(part, "phi_defaults"), "history_capacity"));
  CHECK(RttTracker::Options().suspect_phi == field(part, "phi_defaults")["threshold_phi"].get<double>());
  CHECK(RttTracker::Options().down_phi == field(part, "phi_defaults")["down_phi"].get<double>());
  const Json& edges = field(part, "phi_edge_cases");
  CHECK(edges["first heartbeat with last_seen 0 is not recorded; phi"].get<double>() == PhiAccrual().phi(5));
  PhiAccrual zero;
  for (const std::uint64_t now : {9, 9, 4}) {
    REQUIRE(zero.try_reserve());
    zero.heartbeat(now);
  }
  CHECK(edges["only zero deltas (mean 0); phi"].get<double>() == zero.phi(1'000));
  REQUIRE(zero.intervals().size() == edges["now < last_seen records delta 0; history"].size());
  CHECK(zero.intervals().at(1) == 0);

  // A scan of the reference is our clock moving on: the timer of the crossing has matured by then. A heartbeat says `live` at once,
  // where the reference says so at its next scan.
  Scheduler scheduler({});
  RttTracker tracker({});
  std::optional<PhiTransition> live;
  for (const Json& step : field(part, "phi")) {
    INFO(step.dump());
    if (step.contains("heartbeat_now_ns")) {
      const std::uint64_t now = number(step, "heartbeat_now_ns");
      scheduler.set_now(now);
      const auto observed = tracker.observe_round_trip(1, {}, 10, now, scheduler);
      REQUIRE(observed.has_value());
      live = *observed;
      continue;
    }
    const std::uint64_t now = number(step, "scan_phi_now_ns");
    CHECK(std::bit_cast<std::uint64_t>(tracker.find(1)->phi.phi(now)) == bits(field(step, "phi_bits")));
    scheduler.set_now(now);
    std::optional<PhiTransition> transition = std::exchange(live, std::nullopt);
    Timer due;
    while (scheduler.pop_due(due)) {
      CHECK(!transition);
      transition = tracker.silence_due(due.key, scheduler);
    }
    const Json& expected = field(step, "transitions");
    REQUIRE(expected.size() == (transition ? 1 : 0));
    if (!transition) continue;
    const char* const name = transition->state == PhiState::live      ? "live"
                             : transition->state == PhiState::suspect ? "suspect"
                                                                      : "down";
    CHECK(number(expected[0], name) == transition->site);
    if (transition->state != PhiState::live)
      CHECK(std::bit_cast<std::uint64_t>(transition->phi) == bits(field(expected[0], "phi_bits")));
  }
}
