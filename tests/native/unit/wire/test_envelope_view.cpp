// The envelope scanner: caps at their edge, the order of errors, protobuf's rules, and a view that is used again.
#include <catch2/catch_test_macros.hpp>

#include "unit/wire/samples.h"
#include "wire/envelope_view.h"
#include "wire/envelope_writer.h"

using bb::ByteBuffer;
using bb::Bytes;
using bb::EnvelopeCaps;
using bb::EnvelopeError;
using bb::samples::hex;
using bb::wire::EnvelopeView;
using bb::wire::FillFields;
using bb::wire::RttReport;
using Kind = bb::EnvelopeError::Kind;

namespace {

// What an envelope of the given sizes looks like.
struct Shape {
  std::size_t destinations = 0;
  std::size_t fills = 0;
  std::size_t payload = 0;
  std::size_t suffix = 0;
  std::size_t reports = 0;
  std::size_t addresses = 0;
  std::size_t address = 0;
  std::uint32_t version = 1;
};

ByteBuffer build(const Shape& shape) {
  const ByteBuffer payload(shape.payload, 1), suffix(shape.suffix, 2), address(shape.address, 3);
  const std::vector<Bytes> destinations(shape.destinations), addresses(shape.addresses, Bytes(address));
  const std::vector<FillFields> fills(shape.fills, FillFields{.suffix = suffix, .payload = payload});
  const std::vector<RttReport> reports(shape.reports);
  ByteBuffer out;
  bb::wire::write_envelope({.destinations = destinations,
                            .fills = fills,
                            .reports = reports,
                            .schema_version = shape.version,
                            .source_addresses = addresses},
                           out);
  return out;
}

std::optional<EnvelopeError> parse(const ByteBuffer& bytes, const EnvelopeCaps& caps = {}) {
  EnvelopeView view;
  const auto parsed = view.parse(bytes, caps);
  if (parsed) return std::nullopt;
  return parsed.error();
}

void at_cap_and_over(const Shape& at, const Shape& over, const EnvelopeCaps& caps, Kind kind, std::uint64_t cap) {
  CHECK_FALSE(parse(build(at), caps).has_value());
  const auto error = parse(build(over), caps);
  REQUIRE(error.has_value());
  CHECK(error->kind == kind);
  CHECK(error->cap == cap);
  CHECK(error->got == cap + 1);
}

std::optional<std::uint32_t> malformed_at(std::string_view bytes) {
  const auto error = parse(hex(bytes));
  if (!error || error->kind != Kind::malformed) return std::nullopt;
  return error->at;
}

}  // namespace

TEST_CASE("every cap holds at its number and not one beyond", "[envelope]") {
  for (const EnvelopeCaps& caps : {EnvelopeCaps{}, EnvelopeCaps::edge()}) {
    at_cap_and_over({.fills = caps.fills_max}, {.fills = caps.fills_max + 1u}, caps, Kind::too_many_fills, caps.fills_max);
    const auto payload = static_cast<std::size_t>(caps.fill_bytes_max);
    at_cap_and_over({.fills = 1, .payload = payload}, {.fills = 1, .payload = payload + 1}, caps, Kind::oversize_payload, payload);
    at_cap_and_over({.fills = 1, .suffix = caps.suffix_bytes_max}, {.fills = 1, .suffix = caps.suffix_bytes_max + 1u}, caps,
                    Kind::oversize_suffix, caps.suffix_bytes_max);
    at_cap_and_over({.addresses = caps.source_addresses_max}, {.addresses = caps.source_addresses_max + 1u}, caps,
                    Kind::too_many_source_addresses, caps.source_addresses_max);
    at_cap_and_over({.addresses = 1, .address = caps.source_address_bytes_max},
                    {.addresses = 1, .address = caps.source_address_bytes_max + 1u}, caps, Kind::oversize_source_address,
                    caps.source_address_bytes_max);
    at_cap_and_over({.destinations = caps.destinations_max}, {.destinations = caps.destinations_max + 1u}, caps,
                    Kind::too_many_destinations, caps.destinations_max);
    at_cap_and_over({.reports = caps.reports_max}, {.reports = caps.reports_max + 1u}, caps, Kind::too_many_reports,
                    caps.reports_max);
  }
  const ByteBuffer bytes = build({.fills = 3, .payload = 10});
  CHECK_FALSE(parse(bytes, {.total_bytes_max = bytes.size()}).has_value());
  const auto error = parse(bytes, {.total_bytes_max = bytes.size() - 1});
  REQUIRE(error.has_value());
  CHECK(error->kind == Kind::oversize_envelope);
  CHECK(error->cap == bytes.size() - 1);
  CHECK(error->got == bytes.size());
  CHECK_FALSE(parse({}, {.total_bytes_max = 0}).has_value());
}

TEST_CASE("of several errors the first in the order of the protocol is told", "[envelope]") {
  // Everything is wrong; the errors are repaired one after another.
  EnvelopeCaps caps{.total_bytes_max = 1,
                    .fills_max = 1,
                    .fill_bytes_max = 1,
                    .suffix_bytes_max = 1,
                    .source_addresses_max = 1,
                    .source_address_bytes_max = 1,
                    .destinations_max = 1,
                    .reports_max = 1};
  ByteBuffer bytes =
      build({.destinations = 2, .fills = 2, .payload = 2, .suffix = 2, .reports = 2, .addresses = 2, .address = 2, .version = 2});
  bytes.push_back(0x0f);
  CHECK(parse(bytes, caps)->kind == Kind::oversize_envelope);
  caps.total_bytes_max = bytes.size();
  CHECK(parse(bytes, caps)->kind == Kind::malformed);
  bytes.pop_back();
  CHECK(parse(bytes, caps)->kind == Kind::version_mismatch);
  CHECK(parse(bytes, caps)->cap == 1);
  CHECK(parse(bytes, caps)->got == 2);
  const ByteBuffer version_one = hex("3801");
  bytes.insert(bytes.end(), version_one.begin(), version_one.end());
  caps.total_bytes_max = bytes.size();
  CHECK(parse(bytes, caps)->kind == Kind::too_many_fills);
  caps.fills_max = 2;
  CHECK(parse(bytes, caps)->kind == Kind::oversize_payload);
  caps.fill_bytes_max = 2;
  CHECK(parse(bytes, caps)->kind == Kind::oversize_suffix);
  caps.suffix_bytes_max = 2;
  CHECK(parse(bytes, caps)->kind == Kind::too_many_source_addresses);
  caps.source_addresses_max = 2;
  CHECK(parse(bytes, caps)->kind == Kind::oversize_source_address);
  caps.source_address_bytes_max = 2;
  CHECK(parse(bytes, caps)->kind == Kind::too_many_destinations);
  caps.destinations_max = 2;
  CHECK(parse(bytes, caps)->kind == Kind::too_many_reports);
  caps.reports_max = 2;
  CHECK_FALSE(parse(bytes, caps).has_value());
}

TEST_CASE("the first fill that is too large is told, payload before suffix", "[envelope]") {
  const EnvelopeCaps caps{.fill_bytes_max = 4, .suffix_bytes_max = 4};
  const ByteBuffer five(5, 0), seven(7, 0);
  const FillFields suffix_first[] = {{.suffix = five}, {.payload = seven}};
  ByteBuffer bytes;
  bb::wire::write_envelope({.fills = suffix_first}, bytes);
  CHECK(parse(bytes, caps)->kind == Kind::oversize_suffix);
  CHECK(parse(bytes, caps)->got == 5);
  const FillFields both[] = {{.suffix = five, .payload = seven}};
  bytes.clear();
  bb::wire::write_envelope({.fills = both}, bytes);
  CHECK(parse(bytes, caps)->kind == Kind::oversize_payload);
  CHECK(parse(bytes, caps)->got == 7);
}

TEST_CASE("malformed bytes are told with the field they are in", "[envelope]") {
  CHECK(malformed_at("00") == 0u);  // field 0
  CHECK(malformed_at("0e") == 0u);  // wire type 6
  CHECK(malformed_at("3801"
                     "0f") == 2u);  // wire type 7
  CHECK(malformed_at("3801"
                     "0c") == 2u);          // an end of no group
  CHECK(malformed_at("0801") == 0u);        // a known field of another wire type
  CHECK(malformed_at("3d00000000") == 0u);  // the same, fixed32 for a number
  CHECK(malformed_at("3a0101") == 0u);      // packed numbers where one is expected
  CHECK(malformed_at("2080") == 0u);        // a number that ends nowhere
  CHECK(malformed_at("20ffffffffffffffffff02") == 0u);
  CHECK(malformed_at("20ffffffffffffffffffff01") == 0u);
  CHECK(malformed_at("20ffffffffffffffffff01") == std::nullopt);
  CHECK(malformed_at("12020a05") == 0u);  // a length beyond its message
  CHECK(malformed_at("0a05") == 0u);
  CHECK(malformed_at("0affffffff0f") == 0u);
  CHECK(malformed_at("0affffffffffffffffff01") == 0u);
  CHECK(malformed_at("8080808010"
                     "01") == 0u);  // a key of 33 bits
  CHECK(malformed_at("12020880"
                     "3801") == 0u);  // a number that runs over the end of its message
  CHECK(malformed_at("f901"
                     "00000000000000") == 0u);
  CHECK(malformed_at("f901"
                     "0000000000000000") == std::nullopt);
  CHECK(malformed_at("fd01"
                     "000000") == 0u);
  CHECK(malformed_at("fd01"
                     "00000000") == std::nullopt);
  CHECK(malformed_at("fb01"
                     "0801"
                     "f401") == 0u);  // another group's end
  CHECK(malformed_at("1203"
                     "fb01"
                     "08"
                     "01fc01") == 0u);  // a group across the end of its message
}

TEST_CASE("unknown fields and groups are skipped wherever they are", "[envelope]") {
  EnvelopeView view;
  REQUIRE(view.parse(hex("fa0102aabb"
                         "120a"
                         "fa0101cc"
                         "fb01fc01"
                         "1801"
                         "1a06"
                         "fb01"
                         "fc01"
                         "1005"
                         "3801"),
                     {})
              .has_value());
  REQUIRE(view.fills.size() == 1);
  CHECK(view.fills[0].trigger_only);
  CHECK(view.request_id == 5);
  CHECK(view.schema_version == 1);
}

TEST_CASE("groups nest a hundred levels and no more", "[envelope]") {
  const auto nested = [](int levels) {
    std::string text;
    for (int i = 0; i < levels; ++i) text += "fb01";
    for (int i = 0; i < levels; ++i) text += "fc01";
    return text;
  };
  CHECK(malformed_at(nested(100)) == std::nullopt);
  CHECK(malformed_at(nested(101)) == 0u);
  CHECK(malformed_at(nested(5000)) == 0u);
  // A fill is a level of its own; 99 groups are 396 bytes, 100 are 400.
  CHECK(malformed_at("128c03" + nested(99)) == std::nullopt);
  CHECK(malformed_at("129003" + nested(100)) == 0u);
}

TEST_CASE("repeated single fields: the last number wins, messages are merged", "[envelope]") {
  EnvelopeView view;
  REQUIRE(view.parse(hex("3805"
                         "2001"
                         "3801"
                         "2002"
                         "1a020801"
                         "1a021009"
                         "3201aa"
                         "3200"),
                     {})
              .has_value());
  CHECK(view.schema_version == 1);
  CHECK(view.remaining_deadline_ns == 2);
  CHECK(view.has_correlation);
  CHECK(view.correlation_kind == 1);
  CHECK(view.request_id == 9);
  CHECK(view.source_peer.empty());
  // Inside of a fill too, and 64-bit numbers are cut for 32-bit fields.
  const ByteBuffer in_fill =
      hex("120a"
          "1801"
          "1800"
          "0a0101"
          "0a0102"
          "38818080808001");
  REQUIRE(view.parse(in_fill, {}).has_value());
  CHECK_FALSE(view.fills[0].trigger_only);
  CHECK(bb::to_hex(view.fills[0].suffix) == "02");
  CHECK(view.schema_version == 1);
}

TEST_CASE("identity fields are read, and absent in older envelopes", "[envelope]") {
  EnvelopeView view;
  REQUIRE(view.parse(hex("48ffffffffffffffffff015007"), {}).has_value());
  CHECK(view.incarnation == UINT64_MAX);
  CHECK(view.sequence == 7);
  REQUIRE(view.parse(hex("3801"), {}).has_value());
  CHECK(view.incarnation == 0);
  CHECK(view.sequence == 0);
}

TEST_CASE("a view that is used again keeps nothing of the last envelope", "[envelope]") {
  EnvelopeView view;
  const ByteBuffer full =
      build({.destinations = 3, .fills = 5, .payload = 3, .suffix = 3, .reports = 2, .addresses = 2, .address = 4});
  REQUIRE(view.parse(full, {}).has_value());
  CHECK(view.fills.size() == 5);
  const auto* const fills = view.fills.data();
  REQUIRE(view.parse(hex("1a0408011001"
                         "2007"
                         "320100"
                         "3801"
                         "4805"
                         "5006"),
                     {})
              .has_value());
  REQUIRE(view.parse({}, {}).has_value());
  CHECK(view.destinations.empty());
  CHECK(view.fills.empty());
  CHECK(view.reports.empty());
  CHECK(view.source_addresses.empty());
  CHECK_FALSE(view.has_correlation);
  CHECK(view.request_id == 0);
  CHECK(view.remaining_deadline_ns == 0);
  CHECK(view.source_peer.empty());
  CHECK(view.schema_version == 0);
  CHECK(view.incarnation == 0);
  CHECK(view.sequence == 0);
  REQUIRE(view.parse(full, {}).has_value());
  CHECK(view.fills.data() == fills);  // warm lists allocate nothing
}

TEST_CASE("lists never grow beyond their cap, whatever the envelope holds", "[envelope]") {
  EnvelopeView view;
  const ByteBuffer bytes = build({.destinations = 5000, .fills = 5000, .reports = 5000, .addresses = 5000});
  CHECK_FALSE(view.parse(bytes, {}).has_value());
  CHECK(view.destinations.size() == EnvelopeCaps{}.destinations_max);
  CHECK(view.fills.size() == EnvelopeCaps{}.fills_max);
  CHECK(view.reports.size() == EnvelopeCaps{}.reports_max);
  CHECK(view.source_addresses.size() == EnvelopeCaps{}.source_addresses_max);
}

TEST_CASE("every error has a text with its numbers", "[envelope]") {
  for (int kind = 0; kind <= static_cast<int>(Kind::too_many_reports); ++kind) {
    const EnvelopeError error{static_cast<Kind>(kind), 17, 18, 19};
    const std::string text = error.text();
    CHECK_FALSE(text.empty());
    CHECK(text.find(kind == 0 ? "19" : "18") != std::string::npos);
  }
}
