// The envelope that deliveries are measured with, 61 bytes: one destination, one fill of eight bytes for site 0, correlation present
// and empty.
#pragma once

#include "bb/ids.h"
#include "wire/envelope_writer.h"

namespace bb::test {

class BareEnvelope {
 public:
  BareEnvelope() = default;
  BareEnvelope(const BareEnvelope&) = delete;
  BareEnvelope& operator=(const BareEnvelope&) = delete;

  /// Good as long as the object is.
  wire::EnvelopeFields fields() const {
    wire::EnvelopeFields fields;
    fields.destinations = destinations_;
    fields.fills = fills_;
    fields.has_correlation = true;
    return fields;
  }
  ByteBuffer bytes() const {
    ByteBuffer bytes;
    wire::write_envelope(fields(), bytes);
    return bytes;
  }

 private:
  const ByteBuffer destination_ = Address::p2p(PeerId::from(1)).to_bytes();
  const ByteBuffer suffix_ = Address().with(SiteId{0}).to_bytes();
  const std::uint8_t content_[16] = {8, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7, 7, 7};
  const Bytes destinations_[1] = {destination_};
  const wire::FillFields fills_[1] = {{.suffix = suffix_, .payload = content_, .type_hash = carrier_hash(Carrier::bytes)}};
};

}  // namespace bb::test
