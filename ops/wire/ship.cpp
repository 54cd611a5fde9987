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

namespace {

// An answer to a request is awaited, so only a block keeps it back.
framework::Verdict judge(const op::Services& services, const framework::PeerRecord& record, const OpContext& ctx,
                         wire::CorrelationKind kind) {
  if (kind == wire::CorrelationKind::response) return services.governor.check_inbound(record.policy);
  return services.governor.check_outbound(record.policy, record.backoff, services.backoff, ctx.now_ns());
}

}  // namespace

Outcome ship(OpContext& ctx, const Shipment& shipment) {
  op::Services& services = ctx.services();
  if (!services.runtime.room_to_report(shipment.destinations.size())) return ctx.fail({Code::no_memory}, "Send: reports");
  const auto source = services.peers.source();
  if (!source) return ctx.fail(source.error(), "Send: sender");
  const wire::EnvelopeFields fields{.destinations = {},
                                    .fills = {services.fills.data(), services.fills.size()},
                                    .has_correlation = true,
                                    .correlation_kind = static_cast<std::int32_t>(shipment.kind),
                                    .request_id = shipment.request_id,
                                    .remaining_deadline_ns = shipment.remaining_ns,
                                    .reports = {},
                                    .source_peer = {},
                                    .source_addresses = {},
                                    .ready_source = {source->data(), source->size()}};
  Value body;
  std::uint64_t body_bytes = 0;
  for (const PeerId& destination : shipment.destinations) {
    const std::uint32_t peer = services.peers.find(destination);
    if (peer == framework::kNoPeer || services.peers.at(peer).addresses.empty()) {
      services.runtime.peer_unresolved(destination, ctx);
      continue;
    }
    framework::PeerRecord& record = services.peers.at(peer);
    if (const framework::Verdict verdict = judge(services, record, ctx, shipment.kind); !verdict.allowed) {
      services.runtime.peer_denied(peer, verdict);
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
    auto head = services.peers.head_of(record);
    if (!head) return ctx.fail(head.error(), "Send: head");
    const std::uint64_t head_bytes = head->as_bytes().size();
    if (shipment.kind == wire::CorrelationKind::request) {
      framework::RequestOutcome evicted;
      if (const auto added = services.requests.add({.request_id = shipment.request_id,
                                                    .peer = peer,
                                                    .site = destination.site_hash(),
                                                    .chain = shipment.chain,
                                                    .ttl_ns = shipment.expires_ns},
                                                   evicted);
          !added)
        return added.error().code == Code::over_cap
                   ? ctx.fail(OpErrorKind::cooldown, "requests_limit", "too many requests await an answer")
                   : ctx.fail(added.error(), "Send: request");
      if (evicted.kind != framework::RequestOutcome::Kind::none) services.runtime.request_evicted(evicted);
    }
    const std::uint64_t sequence = record.outbound.next_sequence++;
    std::uint8_t tail[sizeof framework::OutboundMessage::tail] = {};
    const auto tail_size = static_cast<std::uint8_t>(wire::write_tail(sequence, tail) - tail);
    const auto pushed = services.outbound.push(
        record.outbound, peer, shipment.lane, head_bytes + body_bytes + tail_size,
        [&](std::uint32_t other) -> framework::PeerOutbound& { return services.peers.at(other).outbound; },
        [&](framework::OutboundMessage& message) {
          message.sequence = sequence;
          message.request_id = shipment.request_id;
          message.remaining_ns = shipment.remaining_ns;
          message.head = std::move(*head);
          message.body = body;
          message.tail_size = tail_size;
          std::memcpy(message.tail, tail, sizeof tail);
        });
    if (pushed.kind == framework::Outbound::Pushed::Kind::no_memory) return ctx.fail({Code::no_memory}, "Send: queue");
  }
  return Outcome::done;
}

}  // namespace bb::ops
