// What Send and Reply share: one body, encoded once, queued for each destination that has an address.
#pragma once

#include "op/services.h"

namespace bb::ops {

struct Shipment {
  std::span<const PeerId> destinations;
  wire::CorrelationKind kind = wire::CorrelationKind::none;
  std::uint64_t request_id = 0;
  std::uint64_t remaining_ns = 0;
  std::uint64_t expires_ns = 0;  // of a request
  std::optional<framework::ChainContext> chain{};
  framework::Lane lane = framework::Lane::bulk;
};

/// Queues `services().fills`. A destination without an address, or one that may not be sent to now, is reported and skipped. Fails on
/// memory and request limits.
Outcome ship(OpContext& ctx, const Shipment& shipment);

/// The time an envelope may still take: `own_ns`, or what the inbound envelope left if that is less; 0 without either. False when
/// the inbound budget is used up.
bool remaining_budget(const OpContext& ctx, std::uint64_t own_ns, std::uint64_t& remaining_ns);

}  // namespace bb::ops
