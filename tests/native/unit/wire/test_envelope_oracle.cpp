// The envelope reader and writer against protobuf's generated class: the same bytes, the same fields, the same verdict.
#include <catch2/catch_test_macros.hpp>

#include "support/envelope_oracle.h"
#include "unit/wire/samples.h"

using bb::ByteBuffer;
using bb::Bytes;
using bb::core::WireEnvelope;
using bb::test::kNoCaps;
using bb::test::same_envelope;
using bb::test::Walk;
using bb::test::Walker;
using bb::test::written;
using bb::wire::EnvelopeView;
using Kind = bb::EnvelopeError::Kind;

namespace {

std::string random_blob(bb::RandomStream& random, std::uint64_t length_max) {
  const ByteBuffer bytes = bb::samples::random_bytes(random, length_max);
  return std::string(bytes.begin(), bytes.end());
}

// Small and large numbers alike, and zero often.
std::uint64_t random_number(bb::RandomStream& random) { return random.below(4) == 0 ? 0 : random.next_u64() >> random.below(64); }

WireEnvelope random_message(bb::RandomStream& random) {
  WireEnvelope message;
  for (std::uint64_t i = random.below(4); i > 0; --i) message.add_dest_peer_addresses(random_blob(random, 20));
  for (std::uint64_t i = random.below(4); i > 0; --i) {
    auto* fill = message.add_fills();
    fill->set_dest_suffix(random_blob(random, 12));
    fill->set_payload(random_blob(random, random.below(8) == 0 ? 300 : 20));
    fill->set_trigger_only(random.below(2) == 0);
    fill->set_type_hash(random_number(random));
  }
  if (random.below(2) == 0) {
    auto* correlation = message.mutable_correlation();
    correlation->set_kind(static_cast<bb::core::CorrelationKind>(static_cast<std::int32_t>(random.below(8)) - 3));
    correlation->set_wire_req_id(random_number(random));
  }
  message.set_remaining_deadline_ns(random_number(random));
  for (std::uint64_t i = random.below(3); i > 0; --i) {
    auto* report = message.add_edge_rtt_reports();
    report->set_next_hop_site_id(random_number(random));
    report->set_chain_id(random_number(random));
    report->set_hop_index(static_cast<std::uint32_t>(random_number(random)));
    report->set_srtt_ns(random_number(random));
    report->set_rttvar_ns(random_number(random));
    report->set_sample_count(random_number(random));
  }
  if (random.below(3) == 0) message.set_src_peer_bytes(random_blob(random, 12));
  message.set_schema_version(static_cast<std::uint32_t>(random.below(2)));
  for (std::uint64_t i = random.below(3); i > 0; --i) message.add_src_peer_addresses(random_blob(random, 20));
  message.set_sender_incarnation(random_number(random));
  message.set_sequence(random_number(random));
  return message;
}

struct Verdicts {
  std::uint32_t accepted = 0;
  std::uint32_t refused = 0;
  std::uint32_t different = 0;
};

void judge(const ByteBuffer& bytes, Verdicts& verdicts) {
  WireEnvelope message;
  const bool oracle = message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  EnvelopeView view;
  const auto parsed = view.parse(bytes, kNoCaps);
  const bool accepted = parsed || parsed.error().kind != Kind::malformed;
  if (accepted != oracle) {
    INFO(bb::to_hex(bytes));
    const Walk walk = Walker(bytes).walk();
    REQUIRE((oracle ? walk.stricter : walk.laxer));
    ++verdicts.different;
    return;
  }
  ++(accepted ? verdicts.accepted : verdicts.refused);
  if (!accepted) return;
  INFO(bb::to_hex(bytes));
  REQUIRE_FALSE(Walker(bytes).walk().stricter);
  REQUIRE(same_envelope(message, view));
  EnvelopeView again;
  const ByteBuffer out = written(view);
  const auto second = again.parse(out, kNoCaps);
  REQUIRE((second || second.error().kind == Kind::version_mismatch));
  REQUIRE(same_envelope(message, again));
}

void mutate(ByteBuffer& bytes, bb::RandomStream& random) {
  const auto position = [&] { return static_cast<std::ptrdiff_t>(random.below(bytes.size() + 1)); };
  if (bytes.empty()) bytes.push_back(static_cast<std::uint8_t>(random.next_u64()));
  switch (random.below(7)) {
    case 0: bytes[random.below(bytes.size())] ^= static_cast<std::uint8_t>(1u << random.below(8)); break;
    case 1: bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.next_u64()); break;
    case 2: bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(random.below(bytes.size()))); break;
    case 3: bytes.insert(bytes.begin() + position(), static_cast<std::uint8_t>(random.next_u64())); break;
    case 4: bytes.resize(static_cast<std::size_t>(position())); break;
    case 5: {
      // A piece of itself: fields repeat, messages merge, lengths go wrong.
      const ByteBuffer copy = bytes;
      const std::size_t from = random.below(copy.size()), count = random.below(copy.size() - from + 1);
      bytes.insert(bytes.begin() + position(), copy.begin() + static_cast<std::ptrdiff_t>(from),
                   copy.begin() + static_cast<std::ptrdiff_t>(from + count));
      break;
    }
    default: {
      // Groups, unknown fields, keys and numbers at their edge.
      static const ByteBuffer pieces[] = {bb::samples::hex("fb01"),
                                          bb::samples::hex("fc01"),
                                          bb::samples::hex("fa010100"),
                                          bb::samples::hex("f901"),
                                          bb::samples::hex("2080808080808080808002"),
                                          bb::samples::hex("208080808080808080807f"),
                                          bb::samples::hex("b8808080808000"),
                                          bb::samples::hex("0a80808080808000"),
                                          bb::samples::hex("0800"),
                                          bb::samples::hex("3d01020304"),
                                          bb::samples::hex("1a00"),
                                          bb::samples::hex("f8ffffff0f01"),
                                          bb::samples::hex("f8ffffff1f01"),
                                          bb::samples::hex("00")};
      const ByteBuffer& piece = pieces[random.below(std::size(pieces))];
      bytes.insert(bytes.begin() + position(), piece.begin(), piece.end());
      break;
    }
  }
}

}  // namespace

TEST_CASE("valid envelopes: both sides write the same bytes and read the same fields", "[oracle]") {
  bb::RandomStream random(51);
  for (int round = 0; round < 20000; ++round) {
    const WireEnvelope message = random_message(random);
    const std::string text = message.SerializeAsString();
    const ByteBuffer bytes(text.begin(), text.end());
    EnvelopeView view;
    REQUIRE(view.parse(bytes, kNoCaps).has_value());
    REQUIRE(same_envelope(message, view));
    REQUIRE(written(view) == bytes);
  }
}

TEST_CASE("mutated envelopes: both sides accept and refuse the same, but for the listed rules", "[oracle]") {
  bb::RandomStream random(52);
  Verdicts verdicts;
  for (int round = 0; round < 200000; ++round) {
    const std::string text = random_message(random).SerializeAsString();
    ByteBuffer bytes(text.begin(), text.end());
    for (std::uint64_t i = random.below(3) + 1; i > 0; --i) mutate(bytes, random);
    judge(bytes, verdicts);
  }
  // Both verdicts must occur often, or the comparison would say little.
  CHECK(verdicts.accepted > 20000);
  CHECK(verdicts.refused > 20000);
  CHECK(verdicts.different > 100);
  CHECK(verdicts.different < 60000);
}

TEST_CASE("short byte strings: both sides agree on every one", "[oracle]") {
  Verdicts verdicts;
  for (std::uint32_t a = 0; a < 256; ++a) {
    judge({static_cast<std::uint8_t>(a)}, verdicts);
    for (std::uint32_t b = 0; b < 256; ++b) {
      judge({static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b)}, verdicts);
      for (const std::uint32_t c : {0x00u, 0x01u, 0x02u, 0x08u, 0x12u, 0x7fu, 0x80u, 0xffu})
        judge({static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b), static_cast<std::uint8_t>(c)}, verdicts);
    }
  }
  CHECK(verdicts.accepted > 100);
  CHECK(verdicts.refused > 10000);
}
