// One bounded pass over an envelope's bytes: every cap is applied while scanning, and what it yields are spans into the
// caller's bytes. A view is reused; its lists keep their capacity, so a warm one allocates nothing.
#pragma once

#include "bb/array.h"
#include "bb/bytes.h"
#include "bb/envelope.h"

namespace bb::wire {

inline constexpr std::uint32_t kSchemaVersion = 1;

enum class CorrelationKind : std::int32_t { none = 0, request = 1, response = 2 };

struct FillView {
  Bytes suffix;
  Bytes payload;
  std::uint64_t type_hash = 0;
  bool trigger_only = false;
};

struct RttReport {
  std::uint64_t next_hop_site_id = 0;
  std::uint64_t chain_id = 0;
  std::uint32_t hop_index = 0;
  std::uint64_t srtt_ns = 0;
  std::uint64_t rttvar_ns = 0;
  std::uint64_t sample_count = 0;
};

struct EnvelopeView {
  Array<Bytes> destinations;
  Array<FillView> fills;
  bool has_correlation = false;
  std::int32_t correlation_kind = 0;  // an open enum: unknown numbers are kept
  std::uint64_t request_id = 0;
  std::uint64_t remaining_deadline_ns = 0;
  Array<RttReport> reports;
  Bytes source_peer;  // a claim; never trusted
  std::uint32_t schema_version = 0;
  Array<Bytes> source_addresses;
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;

  /// Fills this view, or says why not; the order of checks is that of spec A §5.6.
  std::expected<void, EnvelopeError> parse(Bytes bytes, const EnvelopeCaps& caps);

 private:
  void reset();
};

}  // namespace bb::wire
