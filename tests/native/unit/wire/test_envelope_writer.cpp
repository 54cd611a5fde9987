// The envelope writer: three parts that join to the whole, values written in place, measured sizes.
#include <catch2/catch_test_macros.hpp>

#include "unit/wire/samples.h"
#include "wire/envelope_view.h"
#include "wire/envelope_writer.h"

using bb::ByteBuffer;
using bb::Bytes;
using bb::Memory;
using bb::Value;
using bb::samples::hex;
using bb::wire::EnvelopeFields;
using bb::wire::EnvelopeView;
using bb::wire::FillFields;
using bb::wire::RttReport;

namespace {

ByteBuffer write(const EnvelopeFields& fields) {
  ByteBuffer out;
  bb::wire::write_envelope(fields, out);
  return out;
}

}  // namespace

TEST_CASE("the worked envelope of a data-plane request", "[envelope_writer]") {
  const ByteBuffer destination = hex("a5030a00080000000000000007"), suffix = hex("e2010000000000000011");
  const ByteBuffer payload = hex("0300000000000000010203"), source = hex("a5030a00080000000000000001");
  const Bytes destinations[] = {destination}, sources[] = {source};
  const FillFields fills[] = {{.suffix = suffix, .payload = payload, .type_hash = 0x1d82330cc10a293d}};
  CHECK(write({.destinations = destinations,
               .fills = fills,
               .has_correlation = true,
               .correlation_kind = 1,
               .request_id = 5,
               .remaining_deadline_ns = 100000000,
               .source_addresses = sources}) == hex("0a0da5030a00080000000000000007"
                                                    "1223"
                                                    "0a0ae2010000000000000011"
                                                    "120b0300000000000000010203"
                                                    "20bdd2a888cce18cc11d"
                                                    "1a0408011005"
                                                    "2080c2d72f"
                                                    "3801"
                                                    "420da5030a00080000000000000001"));
  CHECK(write({}) == hex("3801"));
  CHECK(write({.schema_version = 0}).empty());
  CHECK(write({.has_correlation = true}) == hex("1a003801"));
  CHECK(write({.incarnation = 1, .sequence = 2}) == hex("3801"
                                                        "4801"
                                                        "5002"));
}

TEST_CASE("head, body and tail join to the whole, and the body is shared by a fan-out", "[envelope_writer]") {
  const ByteBuffer first = hex("aa"), second = hex("bbbbbb"), payload(300, 7);
  const FillFields fills[] = {{.payload = payload, .type_hash = 9}};
  EnvelopeFields fields{.fills = fills, .incarnation = 3};
  ByteBuffer body(static_cast<std::size_t>(bb::wire::body_size(fields)));
  REQUIRE(bb::wire::write_body(fields, body.data()) == body.data() + body.size());
  for (const ByteBuffer& destination : {first, second, ByteBuffer{}}) {
    for (const std::uint64_t sequence : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{300}, UINT64_MAX}) {
      const Bytes destinations[] = {destination};
      ByteBuffer joined(static_cast<std::size_t>(bb::wire::head_size(destinations)));
      REQUIRE(bb::wire::write_head(destinations, joined.data()) == joined.data() + joined.size());
      joined.insert(joined.end(), body.begin(), body.end());
      std::uint8_t tail[bb::wire::kTailMax];
      joined.insert(joined.end(), tail, bb::wire::write_tail(sequence, tail));
      fields.destinations = destinations;
      fields.sequence = sequence;
      REQUIRE(joined == write(fields));
    }
  }
  std::uint8_t tail[bb::wire::kTailMax];
  CHECK(bb::wire::write_tail(UINT64_MAX, tail) - tail == bb::wire::kTailMax);
  CHECK(bb::wire::write_tail(0, tail) == tail);
}

TEST_CASE("a value is written in place as its bytes would be", "[envelope_writer]") {
  Memory memory;
  bb::RandomStream random(41);
  for (int round = 0; round < 30; ++round) {
    for (const bb::Carrier carrier : bb::samples::decodable_carriers()) {
      const Value value = bb::samples::random_value(memory, random, carrier);
      const ByteBuffer bytes = bb::samples::encoded(value);
      const FillFields in_place[] = {FillFields::of({}, value)};
      const FillFields ready[] = {{.payload = bytes, .type_hash = value.type_hash(), .trigger_only = bytes.empty()}};
      REQUIRE(write({.fills = in_place}) == write({.fills = ready}));
    }
  }
}

TEST_CASE("an envelope is appended to what is there", "[envelope_writer]") {
  ByteBuffer out = hex("ff");
  bb::wire::write_envelope({}, out);
  CHECK(out == hex("ff3801"));
}

TEST_CASE("extreme numbers are written and read back", "[envelope_writer]") {
  const RttReport reports[] = {{UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}, {}};
  for (const std::int32_t kind : {0, 1, 2, 127, 128, -1, INT32_MIN, INT32_MAX}) {
    const ByteBuffer bytes =
        write({.has_correlation = true, .correlation_kind = kind, .request_id = UINT64_MAX, .reports = reports});
    EnvelopeView view;
    REQUIRE(view.parse(bytes, {}).has_value());
    CHECK(view.correlation_kind == kind);
    CHECK(view.request_id == UINT64_MAX);
    REQUIRE(view.reports.size() == 2);
    CHECK(view.reports[0].hop_index == UINT32_MAX);
    CHECK(view.reports[0].sample_count == UINT64_MAX);
    CHECK(view.reports[1].chain_id == 0);
  }
}
