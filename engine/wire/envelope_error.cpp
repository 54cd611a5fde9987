// Texts of envelope errors.
#include "bb/envelope.h"

namespace bb {

std::string EnvelopeError::text() const {
  const auto over = [this](std::string what) {
    return std::move(what) + ": cap=" + std::to_string(cap) + " got=" + std::to_string(got);
  };
  switch (kind) {
    case Kind::malformed: return "malformed envelope bytes at offset " + std::to_string(at);
    case Kind::oversize_envelope: return over("envelope buffer too large");
    case Kind::version_mismatch:
      return "envelope schema_version mismatch: got=" + std::to_string(got) + " supported=[" + std::to_string(cap) + "]";
    case Kind::too_many_fills: return over("envelope carries too many slot fills");
    case Kind::oversize_payload: return over("slot fill payload exceeds cap");
    case Kind::oversize_suffix: return over("slot fill dest_suffix exceeds cap");
    case Kind::too_many_source_addresses: return over("envelope carries too many src_peer_addresses");
    case Kind::oversize_source_address: return over("envelope src_peer_address exceeds cap");
    case Kind::too_many_destinations: return over("envelope carries too many dest_peer_addresses");
    case Kind::too_many_reports: return over("envelope carries too many edge_rtt_reports");
    case Kind::no_memory: return "no memory to read the envelope";
  }
  return {};
}

}  // namespace bb
