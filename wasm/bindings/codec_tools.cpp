// Values, addresses and envelopes by themselves: for tests, tools and people who look at bytes.
#include "engine_binding.h"
#include "heap.h"
#include "value_transfer.h"
#include "wire/envelope_view.h"

namespace bb::bindings {
namespace {

std::string envelope_error(const EnvelopeError& error) {
  static constexpr std::string_view kKinds[] = {
      "malformed",       "oversize_envelope",         "version_mismatch",        "too_many_fills",        "oversize_payload",
      "oversize_suffix", "too_many_source_addresses", "oversize_source_address", "too_many_destinations", "too_many_reports"};
  JsonWriter json;
  json.object().field("code", kKinds[static_cast<std::size_t>(error.kind)]).field("detail", error.text());
  json.field("cap", error.cap).field("got", error.got).field("at", std::uint64_t{error.at}).end_object();
  return json.take();
}

}  // namespace

std::uint32_t EngineBinding::decode_value(std::uint32_t hash_low, std::uint32_t hash_high, std::uint32_t at, std::uint32_t size) {
  const std::uint64_t hash = (std::uint64_t{hash_high} << 32) | hash_low;
  decoded_ = {};
  codec_arena_.release({});
  auto value = bb::decode_value(codec_memory_, hash, heap_bytes(at, size));
  if (!value) {
    fail(value.error(), "these bytes are no value of that type");
    return 0;
  }
  decoded_ = std::move(*value);
  auto* const record = reinterpret_cast<ValueRecord*>(codec_arena_.reserve(sizeof(ValueRecord)));
  if (!record || !write_value(decoded_, *record, codec_arena_)) {
    fail(Error{Code::no_memory, size}, "no room for the value");
    return 0;
  }
  return address_of(record);
}

std::int32_t EngineBinding::encode_value(std::uint32_t record) {
  if (!in_heap(record, sizeof(ValueRecord))) return fail(Error{Code::bad_argument, 0}, "no such record");
  ValueRecord copy;
  std::memcpy(&copy, at_address(record), sizeof copy);
  const auto value = read_value(copy, codec_memory_);
  if (!value) return fail(value.error(), "this is no value");
  output_.clear();
  if (const Status encoded = bb::encode_value(*value, output_); !encoded)
    return fail(encoded.error(), "this value has no wire form");
  answer_ = value->type_hash();
  return 0;
}

std::int32_t EngineBinding::parse_address(std::string text) {
  const auto address = Address::from_text(text);
  if (!address) {
    const AddressError& error = address.error();
    JsonWriter json;
    json.object().field("code", code_name(error.code)).field("detail", "no address: " + error.value);
    json.field("at", std::uint64_t{error.at}).field("protocol", error.protocol).field("value", error.value).end_object();
    return fail(json.take());
  }
  output_ = address->to_bytes();
  return 0;
}

std::string EngineBinding::format_address(std::uint32_t at, std::uint32_t size) {
  const auto address = Address::from_bytes(heap_bytes(at, size));
  if (address) return address->to_text();
  const AddressError& error = address.error();
  JsonWriter json;
  json.object().field("code", code_name(error.code)).field("detail", "no address: " + error.value);
  json.field("at", std::uint64_t{error.at}).field("protocol", error.protocol).field("value", error.value);
  json.field("unknownCode", std::uint64_t{error.unknown_code}).end_object();
  fail(json.take());
  return {};
}

std::string EngineBinding::decode_envelope(std::uint32_t at, std::uint32_t size) {
  wire::EnvelopeView view;
  if (const auto parsed = view.parse(heap_bytes(at, size), EnvelopeCaps{}); !parsed) {
    fail(envelope_error(parsed.error()));
    return {};
  }
  JsonWriter json;
  json.object().key("destinations").array();
  for (const Bytes destination : view.destinations) json.hex(destination);
  json.end_array().key("fills").array();
  for (const wire::FillView& fill : view.fills) {
    json.object().key("suffix").hex(fill.suffix).key("payload").hex(fill.payload).key("typeHash").id(fill.type_hash);
    json.flag("triggerOnly", fill.trigger_only).end_object();
  }
  json.end_array();
  if (view.has_correlation) {
    json.key("correlation").object().key("kind").number(std::int64_t{view.correlation_kind});
    json.key("requestId").id(view.request_id).end_object();
  }
  json.key("remainingDeadlineNs").id(view.remaining_deadline_ns);
  json.key("reports").array();
  for (const wire::RttReport& report : view.reports) {
    json.object().key("nextHopSiteId").id(report.next_hop_site_id).key("chainId").id(report.chain_id);
    json.field("hopIndex", std::uint64_t{report.hop_index}).key("srttNs").id(report.srtt_ns);
    json.key("rttvarNs").id(report.rttvar_ns).key("sampleCount").id(report.sample_count).end_object();
  }
  json.end_array().key("sourcePeer").hex(view.source_peer).field("schemaVersion", std::uint64_t{view.schema_version});
  json.key("sourceAddresses").array();
  for (const Bytes address : view.source_addresses) json.hex(address);
  json.end_array().key("incarnation").id(view.incarnation).key("sequence").id(view.sequence).end_object();
  return json.take();
}

}  // namespace bb::bindings
