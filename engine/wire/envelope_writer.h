// Writes an envelope, fields in ascending order, in three parts: the head names the destination, the body is what a fan-out
// shares, the tail is the destination's sequence number. Sizes are measured first; the writers fill exactly that much.
#pragma once

#include "bb/value.h"
#include "wire/envelope_view.h"

namespace bb::wire {

/// A payload is either ready bytes or a value, encoded in place.
struct FillFields {
  Bytes suffix{};
  Bytes payload{};
  const Value* value = nullptr;
  std::uint64_t value_bytes = 0;  // its encoded size
  std::uint64_t type_hash = 0;
  bool trigger_only = false;

  /// A fill of a value, which must outlive it; one without bytes is a trigger.
  static FillFields of(Bytes suffix, const Value& value) {
    const std::uint64_t bytes = encoded_size(value);
    return {.suffix = suffix, .value = &value, .value_bytes = bytes, .type_hash = value.type_hash(), .trigger_only = bytes == 0};
  }
};

struct EnvelopeFields {
  std::span<const Bytes> destinations{};
  std::span<const FillFields> fills{};
  bool has_correlation = false;
  std::int32_t correlation_kind = 0;
  std::uint64_t request_id = 0;
  std::uint64_t remaining_deadline_ns = 0;
  std::span<const RttReport> reports{};
  Bytes source_peer{};
  std::uint32_t schema_version = kSchemaVersion;
  std::span<const Bytes> source_addresses{};
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;
  Bytes ready_source{};  // fields 7 to 9 as `write_source` wrote them, instead of those three
};

/// Field 1.
std::uint64_t head_size(std::span<const Bytes> destinations);
std::uint8_t* write_head(std::span<const Bytes> destinations, std::uint8_t* out);
/// Fields 7 to 9, the same in every envelope of a sender.
std::uint64_t source_size(const EnvelopeFields& fields);
std::uint8_t* write_source(const EnvelopeFields& fields, std::uint8_t* out);
/// Fields 2 to 9.
std::uint64_t body_size(const EnvelopeFields& fields);
std::uint8_t* write_body(const EnvelopeFields& fields, std::uint8_t* out);
/// Field 10, absent for 0.
constexpr std::uint32_t kTailMax = 11;
std::uint8_t* write_tail(std::uint64_t sequence, std::uint8_t* out);

/// The whole envelope, appended.
void write_envelope(const EnvelopeFields& fields, ByteBuffer& out);

}  // namespace bb::wire
