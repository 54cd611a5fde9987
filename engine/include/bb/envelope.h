// layer: wire
// Caps of an envelope and the reasons for refusing one (spec A §5.5, §5.6).
#pragma once

#include <string>

#include "bb/error.h"

namespace bb {

/// Inclusive: a value equal to its cap passes.
struct EnvelopeCaps {
  /// Its bytes; checked before anything is reserved.
  std::uint64_t total_bytes_max = 16'777'216;
  /// Values in it.
  std::uint32_t fills_max = 256;
  /// Bytes of one value.
  std::uint64_t fill_bytes_max = 4'194'304;
  /// Bytes of a destination behind the peer's part.
  std::uint32_t suffix_bytes_max = 4'096;
  /// Addresses of its sender.
  std::uint32_t source_addresses_max = 8;
  /// Bytes of one of them.
  std::uint32_t source_address_bytes_max = 256;
  /// Destinations.
  std::uint32_t destinations_max = 16;
  /// Round-trip times that it reports.
  std::uint32_t reports_max = 64;

  static constexpr EnvelopeCaps edge() {
    return {
        .total_bytes_max = 262'144, .fills_max = 16, .fill_bytes_max = 65'536, .suffix_bytes_max = 512, .source_addresses_max = 4};
  }
};

struct EnvelopeError {
  enum class Kind : std::uint8_t {
    malformed,
    oversize_envelope,
    version_mismatch,
    too_many_fills,
    oversize_payload,
    oversize_suffix,
    too_many_source_addresses,
    oversize_source_address,
    too_many_destinations,
    too_many_reports,
    no_memory,  // none for the lists of what it holds; nothing is wrong with it
  };
  Kind kind = Kind::malformed;
  std::uint64_t cap = 0;  // the supported version for version_mismatch
  std::uint64_t got = 0;
  std::uint32_t at = 0;  // byte offset, for malformed

  std::string text() const;
};

}  // namespace bb
