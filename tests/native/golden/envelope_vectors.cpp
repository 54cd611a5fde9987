// envelopes.json: envelopes with every field, what decoding refuses and why, and buffers too large to store.
#include "bb/hash.h"
#include "golden/vector_check.h"
#include "wire/carriers.h"
#include "wire/envelope_view.h"
#include "wire/envelope_writer.h"

namespace bb::golden {
namespace {

using wire::EnvelopeView;

// One fill whose payload repeats a byte: how the large buffers are described instead of stored.
ByteBuffer repeated_payload(Bytes suffix, std::uint64_t type_hash, std::size_t size, std::uint8_t byte, std::uint32_t version) {
  const ByteBuffer payload(size, byte);
  const wire::FillFields fill{.suffix = suffix, .payload = payload, .type_hash = type_hash};
  ByteBuffer out;
  wire::write_envelope({.fills = {&fill, 1}, .schema_version = version}, out);
  return out;
}

// The file that is over the size limit for stored files: one payload of 1 MiB of `Z` for site 3, type hash 77.
ByteBuffer payload_of_one_mebibyte() { return repeated_payload(*from_hex("e2010000000000000003"), 77, 1048576, 90, 1); }

// The bytes of a file: as given, or generated when it is the one that is not stored.
std::optional<ByteBuffer> stored_bytes(Checker& check, std::span<const VectorFile> files, const std::string& name) {
  const VectorFile* file = find_file(files, "envelopes/" + name);
  if (name == "payload_1MiB.bin") {
    const ByteBuffer generated = payload_of_one_mebibyte();
    if (file) check.same("generated file", file->content, generated);
    return generated;
  }
  if (!check.expect(file != nullptr, "the file is there")) return std::nullopt;
  return ByteBuffer(file->content.begin(), file->content.end());
}

wire::EnvelopeFields fields_of(const EnvelopeView& view, std::vector<wire::FillFields>& fills) {
  for (const wire::FillView& fill : view.fills)
    fills.push_back(
        {.suffix = fill.suffix, .payload = fill.payload, .type_hash = fill.type_hash, .trigger_only = fill.trigger_only});
  return {.destinations = view.destinations,
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
          .sequence = view.sequence};
}

void check_fills(Checker& check, const Json& cases, const Array<wire::FillView>& fills) {
  if (!check.same("fills", cases.size(), fills.size())) return;
  for (std::size_t i = 0; i < fills.size(); ++i) {
    Fields fields(check, cases[i]);
    check.same("fill dest_suffix", fields.bytes("dest_suffix"), fills[i].suffix);
    check.expect(fields.flag("trigger_only") == fills[i].trigger_only, "fill trigger_only");
    check.same("fill type_hash", fields.number("type_hash"), fills[i].type_hash);
    if (fields.get("payload").is_object()) {
      Fields payload(check, fields.get("payload"));
      check.same("fill payload length", payload.number("len"), fills[i].payload.size());
      check.same("fill payload first byte", payload.number("fill_byte_first"),
                 fills[i].payload.empty() ? 256 : fills[i].payload[0]);
      check.same("fill payload hash", payload.number("fnv1a64"), fnv1a64(fills[i].payload));
    } else {
      check.same("fill payload", fields.bytes("payload"), fills[i].payload);
    }
  }
}

void check_reports(Checker& check, const Json& cases, const Array<wire::RttReport>& reports) {
  if (!check.same("edge_rtt_reports", cases.size(), reports.size())) return;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    Fields fields(check, cases[i]);
    check.same("report next_hop_site_id", fields.number("next_hop_site_id"), reports[i].next_hop_site_id);
    check.same("report chain_id", fields.number("chain_id"), reports[i].chain_id);
    check.same("report hop_index", fields.number("hop_index"), reports[i].hop_index);
    check.same("report srtt_ns", fields.number("srtt_ns"), reports[i].srtt_ns);
    check.same("report rttvar_ns", fields.number("rttvar_ns"), reports[i].rttvar_ns);
    check.same("report sample_count", fields.number("sample_count"), reports[i].sample_count);
  }
}

void check_byte_lists(Checker& check, std::string_view what, const Json& cases, const Array<Bytes>& lists) {
  if (!check.same(what, cases.size(), lists.size())) return;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const auto* text = cases[i].get_ptr<const std::string*>();
    const auto expected = from_hex(text ? *text : "?");
    if (check.expect(expected.has_value(), "an entry is lower-case hex")) check.same(what, *expected, lists[i]);
  }
}

void check_view(Checker& check, const Json& json, const EnvelopeView& view) {
  Fields fields(check, json);
  check_byte_lists(check, "dest_peer_addresses", fields.list("dest_peer_addresses"), view.destinations);
  check_fills(check, fields.list("fills"), view.fills);
  if (check.expect(fields.is_null("correlation") == !view.has_correlation, "correlation is there or not") && view.has_correlation) {
    Fields correlation(check, fields.get("correlation"));
    check.same("correlation kind", static_cast<std::uint64_t>(correlation.signed_number("kind")),
               static_cast<std::uint64_t>(std::int64_t{view.correlation_kind}));
    check.same("correlation wire_req_id", correlation.number("wire_req_id"), view.request_id);
  }
  check.same("remaining_deadline_ns", fields.number("remaining_deadline_ns"), view.remaining_deadline_ns);
  check_reports(check, fields.list("edge_rtt_reports"), view.reports);
  check.same("src_peer_bytes", fields.bytes("src_peer_bytes"), view.source_peer);
  check.same("schema_version", fields.number("schema_version"), view.schema_version);
  check_byte_lists(check, "src_peer_addresses", fields.list("src_peer_addresses"), view.source_addresses);
  check.expect(view.incarnation == 0 && view.sequence == 0, "the reference has no identity fields");
}

// The writer's three parts, joined as a fan-out joins them.
ByteBuffer written_in_parts(const wire::EnvelopeFields& fields) {
  ByteBuffer out(static_cast<std::size_t>(wire::head_size(fields.destinations) + wire::body_size(fields)) + wire::kTailMax);
  std::uint8_t* at = wire::write_head(fields.destinations, out.data());
  at = wire::write_body(fields, at);
  at = wire::write_tail(fields.sequence, at);
  out.resize(static_cast<std::size_t>(at - out.data()));
  return out;
}

void check_valid(Checker& check, const Json& json, std::span<const VectorFile> files) {
  Fields fields(check, json);
  const std::string name = fields.text("file");
  check.enter("envelopes/envelopes.json", "valid `" + name + "`");
  const auto bytes = stored_bytes(check, files, name);
  if (!bytes) return;
  check.same("len", fields.number("len"), bytes->size());
  if (!fields.is_null("hex")) check.same("hex", fields.bytes("hex"), *bytes);
  check.same("fnv1a64", fields.number("fnv1a64"), fnv1a64(Bytes(*bytes)));
  Fields result(check, fields.get("decode_default_caps"));
  check.expect(result.flag("ok") && result.flag("equal"), "the reference reads it back equal");
  EnvelopeView view;
  if (!check.expect(view.parse(*bytes, EnvelopeCaps{}).has_value(), "decodes under default caps")) return;
  check_view(check, fields.get("fields"), view);
  std::vector<wire::FillFields> fills;
  const wire::EnvelopeFields written = fields_of(view, fills);
  ByteBuffer out;
  wire::write_envelope(written, out);
  check.same("written again", *bytes, out);
  check.same("written again in parts", *bytes, written_in_parts(written));
}

// Buffers that a case describes in words.
std::optional<ByteBuffer> described_bytes(Checker& check, Fields& fields, std::span<const VectorFile> files) {
  if (fields.has("synth")) {
    if (!check.expect(fields.text("synth") == "payload 4 MiB + 1", "the description is known")) return std::nullopt;
    return repeated_payload({}, 0, 4194305, 0, 0);
  }
  const std::string name = fields.text("file");
  if (fields.is_null("generate")) return stored_bytes(check, files, name);
  if (!check.expect(fields.text("generate") == "zero bytes of given len (not stored)", "the description is known"))
    return std::nullopt;
  return ByteBuffer(static_cast<std::size_t>(fields.number("len")), 0);
}

struct ExpectedError {
  EnvelopeError::Kind kind;
  std::string_view cap;
  std::string_view got;
};

// Which of our kinds a kind of the reference is, and the names of its two numbers.
std::optional<ExpectedError> expected_error(std::string_view kind, std::string_view which) {
  using Kind = EnvelopeError::Kind;
  if (kind == "Malformed") return ExpectedError{Kind::malformed, {}, {}};
  if (kind == "VersionMismatch") return ExpectedError{Kind::version_mismatch, {}, "got"};
  if (kind == "OversizeEnvelope") return ExpectedError{Kind::oversize_envelope, "cap_bytes", "got_bytes"};
  if (kind == "TooManySlotFills") return ExpectedError{Kind::too_many_fills, "cap", "got"};
  if (kind == "TooManySrcPeerAddresses") return ExpectedError{Kind::too_many_source_addresses, "cap", "got"};
  if (kind == "OversizeSrcPeerAddress") return ExpectedError{Kind::oversize_source_address, "cap_bytes", "got_bytes"};
  if (kind == "OversizeSlotFill" && which == "payload") return ExpectedError{Kind::oversize_payload, "cap_bytes", "got_bytes"};
  if (kind == "OversizeSlotFill" && which == "dest_suffix") return ExpectedError{Kind::oversize_suffix, "cap_bytes", "got_bytes"};
  return std::nullopt;
}

void check_error(Checker& check, const Json& json, const EnvelopeError& error) {
  Fields fields(check, json);
  const std::string kind = fields.text("kind");
  const std::string which = fields.has("which") ? fields.text("which") : "";
  const auto expected = expected_error(kind, which);
  if (!check.expect(expected.has_value(), "the error kind `" + kind + "` is known")) return;
  check.same("error kind", static_cast<std::uint64_t>(expected->kind), static_cast<std::uint64_t>(error.kind));
  if (!expected->cap.empty()) check.same("error cap", fields.number(expected->cap), error.cap);
  if (!expected->got.empty()) check.same("error got", fields.number(expected->got), error.got);
  if (kind == "VersionMismatch") {
    const Json& supported = fields.list("supported");
    check.expect(supported.size() == 1 && supported[0] == error.cap, "error supported");
  }
  if (kind == "Malformed") fields.skip("prost", "diagnostic text is nobody's contract");
  fields.skip("display", "diagnostic text is nobody's contract");
  check.expect(!error.text().empty(), "the error has a text");
}

void check_decode(Checker& check, const Json& json, std::span<const VectorFile> files) {
  Fields fields(check, json);
  check.enter("envelopes/envelopes.json", "decode_cases `" + fields.text(fields.has("synth") ? "synth" : "file") + "`");
  const std::string caps_name = fields.text("caps");
  if (!check.expect(caps_name == "default" || caps_name == "edge", "the caps are known")) return;
  const EnvelopeCaps caps = caps_name == "edge" ? EnvelopeCaps::edge() : EnvelopeCaps{};
  const auto bytes = described_bytes(check, fields, files);
  if (!bytes) return;
  check.same("len", fields.number("len"), bytes->size());
  if (fields.has("hex") && !fields.is_null("hex")) check.same("hex", fields.bytes("hex"), *bytes);
  Fields result(check, fields.get("result"));
  EnvelopeView view;
  const auto parsed = view.parse(*bytes, caps);
  if (!check.expect(result.flag("ok") == parsed.has_value(), "accepted or refused as the reference does")) return;
  if (parsed) {
    check_view(check, result.get("fields"), view);
  } else {
    check_error(check, result.get("error"), parsed.error());
  }
}

void check_caps(Checker& check, const Json& json, const EnvelopeCaps& caps) {
  Fields fields(check, json);
  check.same("max_total_bytes", fields.number("max_total_bytes"), caps.total_bytes_max);
  check.same("max_slot_fills", fields.number("max_slot_fills"), caps.fills_max);
  check.same("max_per_fill_bytes", fields.number("max_per_fill_bytes"), caps.fill_bytes_max);
  check.same("max_dest_suffix_bytes", fields.number("max_dest_suffix_bytes"), caps.suffix_bytes_max);
  check.same("max_src_peer_addresses", fields.number("max_src_peer_addresses"), caps.source_addresses_max);
  check.same("max_src_peer_address_bytes", fields.number("max_src_peer_address_bytes"), caps.source_address_bytes_max);
}

}  // namespace

void check_envelopes(Checker& check, const Json& file, std::span<const VectorFile> files) {
  Fields fields(check, file);
  check.same("backoff_notice_type_hash", fields.number("backoff_notice_type_hash"), wire::kBackoffNoticeHash);
  check.enter("envelopes/envelopes.json", "caps_default");
  check_caps(check, fields.get("caps_default"), EnvelopeCaps{});
  check.enter("envelopes/envelopes.json", "caps_edge");
  check_caps(check, fields.get("caps_edge"), EnvelopeCaps::edge());
  for (const Json& json : fields.list("valid")) {
    check.enter("envelopes/envelopes.json", "valid");
    check_valid(check, json, files);
  }
  for (const Json& json : fields.list("decode_cases")) {
    check.enter("envelopes/envelopes.json", "decode_cases");
    check_decode(check, json, files);
  }
  check.enter("envelopes/envelopes.json", "file");
}

}  // namespace bb::golden
