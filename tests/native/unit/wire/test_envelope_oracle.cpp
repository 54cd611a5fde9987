// The envelope reader and writer against protobuf's generated class: the same bytes, the same fields, the same verdict.
#include <google/protobuf/io/coded_stream.h>
#include <catch2/catch_test_macros.hpp>

#include "proto/bb_core.pb.h"
#include "unit/wire/samples.h"
#include "wire/envelope_view.h"
#include "wire/envelope_writer.h"

using bb::ByteBuffer;
using bb::Bytes;
using bb::core::WireEnvelope;
using bb::wire::EnvelopeView;
using Kind = bb::EnvelopeError::Kind;

namespace {

constexpr bb::EnvelopeCaps kNoCaps{.total_bytes_max = INT32_MAX,
                                   .fills_max = UINT32_MAX,
                                   .fill_bytes_max = UINT64_MAX,
                                   .suffix_bytes_max = UINT32_MAX,
                                   .source_addresses_max = UINT32_MAX,
                                   .source_address_bytes_max = UINT32_MAX,
                                   .destinations_max = UINT32_MAX,
                                   .reports_max = UINT32_MAX};

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

bool same(const std::string& text, Bytes bytes) { return text == bb::as_text(bytes); }

bool same_lists(const google::protobuf::RepeatedPtrField<std::string>& texts, const auto& lists) {
  if (texts.size() != static_cast<int>(lists.size())) return false;
  for (int i = 0; i < texts.size(); ++i)
    if (!same(texts.Get(i), lists[static_cast<std::size_t>(i)])) return false;
  return true;
}

bool same_envelope(const WireEnvelope& message, const EnvelopeView& view) {
  if (!same_lists(message.dest_peer_addresses(), view.destinations) ||
      !same_lists(message.src_peer_addresses(), view.source_addresses))
    return false;
  if (message.fills_size() != static_cast<int>(view.fills.size())) return false;
  for (int i = 0; i < message.fills_size(); ++i) {
    const auto& fill = view.fills[static_cast<std::size_t>(i)];
    const auto& expected = message.fills(i);
    if (!same(expected.dest_suffix(), fill.suffix) || !same(expected.payload(), fill.payload) ||
        expected.trigger_only() != fill.trigger_only || expected.type_hash() != fill.type_hash)
      return false;
  }
  if (message.edge_rtt_reports_size() != static_cast<int>(view.reports.size())) return false;
  for (int i = 0; i < message.edge_rtt_reports_size(); ++i) {
    const auto& report = view.reports[static_cast<std::size_t>(i)];
    const auto& expected = message.edge_rtt_reports(i);
    if (expected.next_hop_site_id() != report.next_hop_site_id || expected.chain_id() != report.chain_id ||
        expected.hop_index() != report.hop_index || expected.srtt_ns() != report.srtt_ns ||
        expected.rttvar_ns() != report.rttvar_ns || expected.sample_count() != report.sample_count)
      return false;
  }
  return message.has_correlation() == view.has_correlation &&
         static_cast<std::int32_t>(message.correlation().kind()) == view.correlation_kind &&
         message.correlation().wire_req_id() == view.request_id && message.remaining_deadline_ns() == view.remaining_deadline_ns &&
         same(message.src_peer_bytes(), view.source_peer) && message.schema_version() == view.schema_version &&
         message.sender_incarnation() == view.incarnation && message.sequence() == view.sequence;
}

ByteBuffer written(const EnvelopeView& view) {
  std::vector<bb::wire::FillFields> fills;
  for (const auto& fill : view.fills)
    fills.push_back(
        {.suffix = fill.suffix, .payload = fill.payload, .type_hash = fill.type_hash, .trigger_only = fill.trigger_only});
  ByteBuffer out;
  bb::wire::write_envelope({.destinations = view.destinations,
                            .fills = fills,
                            .has_correlation = view.has_correlation,
                            .correlation_kind = view.correlation_kind,
                            .request_id = view.request_id,
                            .remaining_deadline_ns = view.remaining_deadline_ns,
                            .reports = view.reports,
                            .source_peer = view.source_peer,
                            .schema_version = view.schema_version,
                            .source_addresses = view.source_addresses,
                            .incarnation = view.incarnation,
                            .sequence = view.sequence},
                           out);
  return out;
}

// The rules in which the protocol is stricter or laxer than protobuf's C++ parser, found by a plain walk over the bytes:
//  - stricter: a known field of another wire type (C++ keeps it as unknown), a tenth varint byte over 1 (C++ drops the bits);
//  - laxer: keys and lengths of more than five bytes that mean a small number (C++ refuses them).
struct Walk {
  bool stricter = false;
  bool laxer = false;
};

constexpr std::uint32_t kEnvelopeTypes[] = {9, 2, 2, 2, 0, 2, 2, 0, 2, 0, 0};
constexpr std::uint32_t kFillTypes[] = {9, 2, 2, 0, 0};
constexpr std::uint32_t kCorrelationTypes[] = {9, 0, 0};
constexpr std::uint32_t kReportTypes[] = {9, 0, 0, 0, 0, 0, 0};

class Walker {
 public:
  explicit Walker(Bytes bytes) : bytes_(bytes) {}
  Walk walk() {
    message(kEnvelopeTypes, bytes_.size(), true);
    return found_;
  }

 private:
  // The number at the position, or false at the end; notes what is special about it.
  bool number(std::uint64_t& value, std::size_t end, std::size_t length_max) {
    value = 0;
    for (std::size_t i = 0; i < 10; ++i) {
      if (at_ >= end) return false;
      const std::uint8_t byte = bytes_[at_++];
      value |= static_cast<std::uint64_t>(byte & 127) << (7 * i);
      if (byte >= 128) continue;
      found_.stricter |= i == 9 && byte > 1;
      found_.laxer |= i >= length_max || (length_max == 5 && i == 4 && byte > 7);
      return true;
    }
    return false;
  }
  bool message(std::span<const std::uint32_t> types, std::size_t end, bool envelope) {
    std::vector<std::uint64_t> groups;
    while (at_ < end) {
      std::uint64_t key = 0, value = 0;
      if (!number(key, end, 5)) return false;
      const std::uint64_t field = key >> 3, type = key & 7;
      const bool known = groups.empty() && field < types.size() && field > 0;
      found_.stricter |= known && types[field] != type;
      found_.stricter |= key > UINT32_MAX;
      if (type == 0 && !number(value, end, 10)) return false;
      if (type == 1) at_ += 8;
      if (type == 5) at_ += 4;
      if (type == 3) groups.push_back(field);
      if (type == 4) {
        if (groups.empty() || groups.back() != field) return false;
        groups.pop_back();
      }
      if (type > 5) return false;
      if (type != 2) continue;
      if (!number(value, end, 5) || value > end - std::min(at_, end)) return false;
      const std::size_t inner_end = at_ + static_cast<std::size_t>(value);
      if (envelope && known && (field == 2 || field == 3 || field == 5)) {
        const std::span<const std::uint32_t> inner = field == 2   ? std::span<const std::uint32_t>(kFillTypes)
                                                     : field == 3 ? std::span<const std::uint32_t>(kCorrelationTypes)
                                                                  : std::span<const std::uint32_t>(kReportTypes);
        if (!message(inner, inner_end, false)) return false;
      }
      at_ = inner_end;
    }
    return at_ == end && groups.empty();
  }

  Bytes bytes_;
  std::size_t at_ = 0;
  Walk found_;
};

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
