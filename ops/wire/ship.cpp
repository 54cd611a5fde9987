// Building and queueing envelopes.
#include "ops/wire/ship.h"

#include <algorithm>

namespace bb::ops {

bool remaining_budget(const OpContext& ctx, std::uint64_t own_ns, std::uint64_t& remaining_ns) {
  remaining_ns = own_ns;
  const Inbound* inbound = ctx.inbound();
  if (!inbound || inbound->remaining_ns == 0) return true;
  const std::uint64_t elapsed = ctx.now_ns() - inbound->arrival_ns;
  if (elapsed >= inbound->remaining_ns) return false;
  const std::uint64_t left = inbound->remaining_ns - elapsed;
  remaining_ns = own_ns == 0 ? left : std::min(own_ns, left);
  return true;
}

Outcome ship(OpContext& ctx, const Shipment& shipment) {
  op::Services& services = ctx.services();
  const wire::EnvelopeFields fields{.destinations = {},
                                    .fills = services.fills,
                                    .has_correlation = true,
                                    .correlation_kind = static_cast<std::int32_t>(shipment.kind),
                                    .request_id = shipment.request_id,
                                    .remaining_deadline_ns = shipment.remaining_ns,
                                    .reports = {},
                                    .source_peer = {},
                                    .source_addresses = {},
                                    .ready_source = services.peers.source()};
  Value body;
  std::uint64_t body_bytes = 0;
  for (const PeerId& destination : shipment.destinations) {
    const std::uint32_t peer = services.peers.find(destination);
    if (peer == framework::kNoPeer || services.peers.at(peer).addresses.empty()) {
      services.runtime.peer_unresolved(destination, ctx.op(), ctx.exec());
      continue;
    }
    if (!body.present()) {
      std::uint8_t* data = nullptr;
      body_bytes = wire::body_size(fields);
      auto made = Value::bytes_of_size(ctx.memory(), body_bytes, data);
      if (!made) return ctx.fail(made.error(), "Send: body");
      wire::write_body(fields, data);
      body = std::move(*made);
    }
    framework::PeerRecord& record = services.peers.at(peer);
    auto head = services.peers.head_of(record);
    if (!head) return ctx.fail(head.error(), "Send: head");
    const std::uint64_t head_bytes = head->as_bytes().size();
    if (shipment.kind == wire::CorrelationKind::request) {
      if (const auto added = services.requests.add(shipment.request_id, peer, shipment.expires_ns); !added)
        return ctx.fail(OpErrorKind::cooldown, "requests_limit", "too many requests await an answer");
    }
    framework::OutboundMessage message{.peer = peer,
                                       .lane = shipment.lane,
                                       .sequence = record.outbound.next_sequence++,
                                       .request_id = shipment.request_id,
                                       .remaining_ns = shipment.remaining_ns,
                                       .head = std::move(*head),
                                       .body = body};
    message.tail_size = static_cast<std::uint8_t>(wire::write_tail(message.sequence, message.tail) - message.tail);
    message.bytes = head_bytes + body_bytes + message.tail_size;
    services.outbound.push(record.outbound, std::move(message));
  }
  return Outcome::done;
}

}  // namespace bb::ops
