// The envelope writer, on protobuf's CodedOutputStream primitives.
#include "wire/envelope_writer.h"

#include <google/protobuf/io/coded_stream.h>

namespace bb::wire {
namespace {

using google::protobuf::io::CodedOutputStream;

std::uint64_t varint_size(std::uint64_t value) { return CodedOutputStream::VarintSize64(value); }
std::uint64_t span_size(std::uint64_t bytes) { return 1 + varint_size(bytes) + bytes; }
std::uint64_t number_size(std::uint64_t value) { return value == 0 ? 0 : 1 + varint_size(value); }

constexpr std::uint8_t tag(std::uint32_t field, std::uint32_t type) { return static_cast<std::uint8_t>(field << 3 | type); }

std::uint8_t* put_length(std::uint32_t field, std::uint64_t bytes, std::uint8_t* out) {
  *out++ = tag(field, 2);
  return CodedOutputStream::WriteVarint64ToArray(bytes, out);
}
std::uint8_t* put_span(std::uint32_t field, Bytes bytes, std::uint8_t* out) {
  out = put_length(field, bytes.size(), out);
  return copy_bytes(bytes, out);
}
std::uint8_t* put_number(std::uint32_t field, std::uint64_t value, std::uint8_t* out) {
  if (value == 0) return out;
  *out++ = tag(field, 0);
  return CodedOutputStream::WriteVarint64ToArray(value, out);
}

// Hashes fill their 64 bits, so nearly all take ten bytes; the first eight are spread over their bytes at once.
std::uint8_t* put_hash(std::uint32_t field, std::uint64_t value, std::uint8_t* out) {
  constexpr std::uint32_t kSpreadBits = 56;
  if (value >> kSpreadBits == 0) return put_number(field, value, out);
  *out++ = tag(field, 0);
  std::uint64_t low = (value & 0x0000'0000'0fff'ffff) | (value & 0x00ff'ffff'f000'0000) << 4;
  low = (low & 0x0000'3fff'0000'3fff) | (low & 0x0fff'c000'0fff'c000) << 2;
  low = (low & 0x007f'007f'007f'007f) | (low & 0x3f80'3f80'3f80'3f80) << 1;
  store_le(out, low | 0x8080'8080'8080'8080);
  return CodedOutputStream::WriteVarint64ToArray(value >> kSpreadBits, out + 8);
}

std::uint64_t payload_size(const FillFields& fill) { return fill.value ? fill.value_bytes : fill.payload.size(); }

std::uint64_t fill_size(const FillFields& fill) {
  const std::uint64_t payload = payload_size(fill);
  return (fill.suffix.empty() ? 0 : span_size(fill.suffix.size())) + (payload == 0 ? 0 : span_size(payload)) +
         (fill.trigger_only ? 2 : 0) + number_size(fill.type_hash);
}

std::uint8_t* put_fill(const FillFields& fill, std::uint8_t* out) {
  out = put_length(2, fill_size(fill), out);
  if (!fill.suffix.empty()) out = put_span(1, fill.suffix, out);
  if (const std::uint64_t size = payload_size(fill); size > 0) {
    if (fill.value) {
      out = put_length(2, size, out);
      encode_value_to(*fill.value, out);
      out += size;
    } else {
      out = put_span(2, fill.payload, out);
    }
  }
  out = put_number(3, fill.trigger_only ? 1 : 0, out);
  return put_hash(4, fill.type_hash, out);
}

// A negative enum number is written as the 64-bit varint of its sign extension, as protobuf does.
std::uint64_t enum_bits(std::int32_t value) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(value)); }

std::uint64_t correlation_size(const EnvelopeFields& fields) {
  return number_size(enum_bits(fields.correlation_kind)) + number_size(fields.request_id);
}

std::uint64_t report_size(const RttReport& report) {
  return number_size(report.next_hop_site_id) + number_size(report.chain_id) + number_size(report.hop_index) +
         number_size(report.srtt_ns) + number_size(report.rttvar_ns) + number_size(report.sample_count);
}

std::uint8_t* put_report(const RttReport& report, std::uint8_t* out) {
  out = put_length(5, report_size(report), out);
  out = put_number(1, report.next_hop_site_id, out);
  out = put_number(2, report.chain_id, out);
  out = put_number(3, report.hop_index, out);
  out = put_number(4, report.srtt_ns, out);
  out = put_number(5, report.rttvar_ns, out);
  return put_number(6, report.sample_count, out);
}

}  // namespace

std::uint64_t head_size(std::span<const Bytes> destinations) {
  std::uint64_t size = 0;
  for (const Bytes destination : destinations) size += span_size(destination.size());
  return size;
}

std::uint8_t* write_head(std::span<const Bytes> destinations, std::uint8_t* out) {
  for (const Bytes destination : destinations) out = put_span(1, destination, out);
  return out;
}

std::uint64_t source_size(const EnvelopeFields& fields) {
  if (!fields.ready_source.empty()) return fields.ready_source.size();
  std::uint64_t size = number_size(fields.schema_version);
  for (const Bytes address : fields.source_addresses) size += span_size(address.size());
  return size + number_size(fields.incarnation);
}

std::uint8_t* write_source(const EnvelopeFields& fields, std::uint8_t* out) {
  if (!fields.ready_source.empty()) return copy_bytes(fields.ready_source, out);
  out = put_number(7, fields.schema_version, out);
  for (const Bytes address : fields.source_addresses) out = put_span(8, address, out);
  return put_number(9, fields.incarnation, out);
}

std::uint64_t body_size(const EnvelopeFields& fields) {
  std::uint64_t size = 0;
  for (const FillFields& fill : fields.fills) size += span_size(fill_size(fill));
  if (fields.has_correlation) size += span_size(correlation_size(fields));
  size += number_size(fields.remaining_deadline_ns);
  for (const RttReport& report : fields.reports) size += span_size(report_size(report));
  if (!fields.source_peer.empty()) size += span_size(fields.source_peer.size());
  return size + source_size(fields);
}

std::uint8_t* write_body(const EnvelopeFields& fields, std::uint8_t* out) {
  for (const FillFields& fill : fields.fills) out = put_fill(fill, out);
  if (fields.has_correlation) {
    out = put_length(3, correlation_size(fields), out);
    out = put_number(1, enum_bits(fields.correlation_kind), out);
    out = put_number(2, fields.request_id, out);
  }
  out = put_number(4, fields.remaining_deadline_ns, out);
  for (const RttReport& report : fields.reports) out = put_report(report, out);
  if (!fields.source_peer.empty()) out = put_span(6, fields.source_peer, out);
  return write_source(fields, out);
}

std::uint8_t* write_tail(std::uint64_t sequence, std::uint8_t* out) { return put_number(10, sequence, out); }

void write_envelope(const EnvelopeFields& fields, ByteBuffer& out) {
  const std::size_t start = out.size();
  const std::uint64_t size = head_size(fields.destinations) + body_size(fields) + number_size(fields.sequence);
  out.resize(start + static_cast<std::size_t>(size));
  std::uint8_t* at = write_head(fields.destinations, out.data() + start);
  at = write_body(fields, at);
  write_tail(fields.sequence, at);
}

}  // namespace bb::wire
