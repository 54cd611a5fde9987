// The envelope reader against protobuf's generated class: whether both read the same, and the few rules in which they may differ.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "proto/bb_core.pb.h"
#include "wire/envelope_view.h"
#include "wire/envelope_writer.h"

namespace bb::test {

inline constexpr EnvelopeCaps kNoCaps{.total_bytes_max = INT32_MAX,
                                      .fills_max = UINT32_MAX,
                                      .fill_bytes_max = UINT64_MAX,
                                      .suffix_bytes_max = UINT32_MAX,
                                      .source_addresses_max = UINT32_MAX,
                                      .source_address_bytes_max = UINT32_MAX,
                                      .destinations_max = UINT32_MAX,
                                      .reports_max = UINT32_MAX};

inline bool same(const std::string& text, Bytes bytes) { return text == as_text(bytes); }

inline bool same_lists(const google::protobuf::RepeatedPtrField<std::string>& texts, const auto& lists) {
  if (texts.size() != static_cast<int>(lists.size())) return false;
  for (int i = 0; i < texts.size(); ++i)
    if (!same(texts.Get(i), lists[static_cast<std::size_t>(i)])) return false;
  return true;
}

inline bool same_envelope(const core::WireEnvelope& message, const wire::EnvelopeView& view) {
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

inline ByteBuffer written(const wire::EnvelopeView& view) {
  std::vector<wire::FillFields> fills;
  for (const auto& fill : view.fills)
    fills.push_back(
        {.suffix = fill.suffix, .payload = fill.payload, .type_hash = fill.type_hash, .trigger_only = fill.trigger_only});
  ByteBuffer out;
  wire::write_envelope({.destinations = view.destinations,
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

inline constexpr std::uint32_t kEnvelopeTypes[] = {9, 2, 2, 2, 0, 2, 2, 0, 2, 0, 0};
inline constexpr std::uint32_t kFillTypes[] = {9, 2, 2, 0, 0};
inline constexpr std::uint32_t kCorrelationTypes[] = {9, 0, 0};
inline constexpr std::uint32_t kReportTypes[] = {9, 0, 0, 0, 0, 0, 0};

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

}  // namespace bb::test
