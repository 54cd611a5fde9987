// Building and queueing envelopes.
#include "ops/wire/ship.h"

#include <algorithm>

namespace bb::ops {
namespace {

// What every receiver takes under the default caps (spec A §5.5).
constexpr std::size_t kDestinationAddressesMax = 16;
constexpr std::size_t kSourceAddressesMax = 8;

void list_addresses(const framework::PeerRecord& record, std::size_t most, std::vector<Bytes>& out) {
  out.clear();
  for (std::size_t i = 0; i < record.addresses.size() && i < most; ++i) out.push_back(record.addresses[i]);
}

}  // namespace

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
  services.own_addresses.clear();
  if (const std::uint32_t self = services.peers.find(ctx.self()); self != framework::kNoPeer)
    list_addresses(services.peers.at(self), kSourceAddressesMax, services.own_addresses);
  const wire::EnvelopeFields fields{.destinations = {},
                                    .fills = services.fills,
                                    .has_correlation = true,
                                    .correlation_kind = static_cast<std::int32_t>(shipment.kind),
                                    .request_id = shipment.request_id,
                                    .remaining_deadline_ns = shipment.remaining_ns,
                                    .reports = {},
                                    .source_peer = {},
                                    .source_addresses = services.own_addresses,
                                    .incarnation = services.incarnation};
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
    list_addresses(record, kDestinationAddressesMax, services.addresses);
    std::uint8_t* data = nullptr;
    const std::uint64_t head_bytes = wire::head_size(services.addresses);
    auto head = Value::bytes_of_size(ctx.memory(), head_bytes, data);
    if (!head) return ctx.fail(head.error(), "Send: head");
    wire::write_head(services.addresses, data);
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
