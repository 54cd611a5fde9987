// Duplicates, block lists and back-off, asked about one peer. A peer that the node has no record of has an empty one.
#include "ops/syscalls/gates.h"

#include "bb/hash.h"
#include "ops/syscalls/attributes.h"

namespace bb::ops {
namespace {

struct PeerState final : OpState {
  PeerId peer;
};

std::string_view label(framework::BlockReason reason) {
  switch (reason) {
    case framework::BlockReason::blocklisted: return "blocklisted";
    case framework::BlockReason::not_allowlisted: return "not_allowlisted";
    case framework::BlockReason::cooldown: return "cooldown";
    case framework::BlockReason::quarantined: return "quarantined";
  }
  return "";
}

const framework::PeerRecord* record_of(const OpContext& ctx, const PeerId& peer) {
  const framework::PeerTable& peers = ctx.services().peers;
  const std::uint32_t known = peers.find(peer);
  return known == framework::kNoPeer ? nullptr : &peers.at(known);
}

Outcome require_one_input(OpContext& ctx, std::string_view op) {
  return ctx.fail(OpErrorKind::other, "", std::string(op) + " requires one input");
}
Outcome require_source(OpContext& ctx, std::string_view op) {
  return ctx.fail(OpErrorKind::other, "", std::string(op) + ": no envelope source peer in runtime context");
}

Outcome forward(OpContext& ctx) {
  ctx.output(0, ctx.take(0));
  return Outcome::done;
}

bool has_source(const OpContext& ctx) { return ctx.inbound() && ctx.inbound()->source.present(); }

std::uint64_t mixed(std::uint64_t hash, std::uint64_t number) {
  std::uint8_t bytes[sizeof number];
  store_le(bytes, number);
  return fnv1a64(Bytes(bytes), hash);
}

}  // namespace

// A value is a repeat when the same peer sent it before to the same place under the same request id. Without an id nothing says so:
// two equal values are then two values, and what is numbered was checked when it arrived.
Outcome dedup_gate_rx(OpContext& ctx) {
  const Value& value = ctx.input(0);
  if (!value.present()) return require_one_input(ctx, "DedupGateRx");
  if (!has_source(ctx) || ctx.inbound()->request_id == 0) return forward(ctx);
  std::uint8_t* encoded = nullptr;
  const std::uint64_t size = encoded_size(value);
  const auto bytes = Value::bytes_of_size(ctx.memory(), size, encoded);
  if (!bytes) return ctx.fail(bytes.error(), "DedupGateRx");
  encode_value_to(value, encoded);
  std::uint64_t key = fnv1a64(std::string_view("DedupGateRx"));
  key = mixed(key, ctx.inbound()->source.as_peer().site_hash());
  key = mixed(key, ctx.op().v);
  key = mixed(key, ctx.inbound()->request_id);
  key = fnv1a64(Bytes(encoded, size), mixed(key, value.type_hash()));
  const auto fresh = ctx.services().payloads.accept(key);
  if (!fresh) return ctx.fail(fresh.error(), "DedupGateRx");
  if (!*fresh) return ctx.fail(OpErrorKind::other, "", "DedupGateRx dropped envelope: reason=duplicate");
  return forward(ctx);
}

Outcome peer_health_gate_rx(OpContext& ctx) {
  if (!ctx.input(0).present()) return require_one_input(ctx, "PeerHealthGateRx");
  if (!has_source(ctx)) return require_source(ctx, "PeerHealthGateRx");
  const PeerId& peer = ctx.inbound()->source.as_peer();
  const framework::PeerRecord* record = record_of(ctx, peer);
  const framework::Governor& governor = ctx.services().governor;
  const framework::Verdict verdict =
      record ? governor.check_inbound(record->policy, record->conduct, ctx.now_ns()) : governor.check_inbound({});
  if (verdict.allowed) return forward(ctx);
  return ctx.fail(
      OpErrorKind::other, "",
      "PeerHealthGateRx denied envelope from peer " + peer.to_text() + ": reason=" + std::string(label(verdict.reason)));
}

Outcome backoff_gate_rx(OpContext& ctx) {
  if (!ctx.input(0).present()) return require_one_input(ctx, "BackoffGateRx");
  if (!has_source(ctx)) return require_source(ctx, "BackoffGateRx");
  const PeerId& peer = ctx.inbound()->source.as_peer();
  const framework::PeerRecord* record = record_of(ctx, peer);
  if (!record || ctx.services().backoff.should_retry(record->backoff, ctx.now_ns())) return forward(ctx);
  return ctx.fail(OpErrorKind::other, "", "BackoffGateRx dropped envelope from peer " + peer.to_text() + ": reason=cooldown");
}

Outcome peer_health_gate_tx(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  const PeerId& peer = static_cast<const PeerState*>(ctx.state())->peer;
  const framework::PeerRecord* record = record_of(ctx, peer);
  const op::Services& services = ctx.services();
  const framework::Verdict verdict =
      record ? services.governor.check_outbound(record->policy, record->backoff, services.backoff, ctx.now_ns())
             : services.governor.check_inbound({});
  if (verdict.allowed) return triggered(ctx);
  return ctx.fail(OpErrorKind::other, "",
                  "PeerHealthGateTx denied send to peer " + peer.to_text() + ": reason=" + std::string(label(verdict.reason)));
}

Outcome backoff_gate_tx(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  const PeerId& peer = static_cast<const PeerState*>(ctx.state())->peer;
  const framework::PeerRecord* record = record_of(ctx, peer);
  if (!record || ctx.services().backoff.should_retry(record->backoff, ctx.now_ns())) return triggered(ctx);
  return ctx.fail(OpErrorKind::other, "", "BackoffGateTx held send to peer " + peer.to_text() + ": reason=cooldown");
}

Result<std::unique_ptr<OpState>> prepare_gate_tx(const onnx::NodeProto& node, PrepareContext& context) {
  BB_TRY(bytes, text_attribute(node, ir::attribute::kPeer, context));
  if (bytes.empty()) return bad_attribute(context, node, "missing required peer attribute");
  const auto peer = PeerId::from_bytes(as_bytes(bytes));
  if (!peer) return bad_attribute(context, node, "needs the attribute `peer` to be the bytes of a peer id");
  auto state = std::make_unique<PeerState>();
  state->peer = *peer;
  return state;
}

}  // namespace bb::ops
