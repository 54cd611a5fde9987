// Send: destinations, fills, budget, then one body for all (spec C §3.7).
#include "ops/wire/send.h"

#include <algorithm>

#include "bb/hash.h"
#include "ir/metadata.h"
#include "op/prepare.h"
#include "ops/wire/ship.h"

namespace bb::ops {
namespace {

// A request without a budget of its own waits this long where nothing is known of the way to its first peer (spec C §3.2.4).
constexpr std::uint64_t kDefaultBudgetNs = 100'000'000;

struct SendState final : OpState {
  struct Payload {
    std::uint32_t input = 0;
    ByteBuffer suffix;
    bool trigger_only = false;
    bool decides = false;  // `trigger_only` was stamped; else an empty payload decides
  };
  std::uint32_t peers_index = 0;
  std::vector<Payload> payloads;
  std::uint64_t deadline_ns = 0;
  bool request = false;
  std::optional<framework::ChainContext> chain{};
};

std::optional<framework::ChainContext> chain_of(const onnx::NodeProto& node) {
  const std::string* targets = ir::find_metadata(node, ir::key::kChainTargets);
  if (!targets || targets->empty()) return std::nullopt;
  const std::uint64_t hop = ir::metadata_number(node, ir::key::kChainHopIndex).value_or(0);
  return framework::ChainContext{.chain_id = fnv1a64(std::string_view(*targets)),
                                 .hop = static_cast<std::uint8_t>(std::min<std::uint64_t>(hop, UINT8_MAX))};
}

bool truthy(const onnx::AttributeProto& attribute) { return !attribute.s().empty() || attribute.i() != 0; }

// A list, one peer, or the wire bytes of a list; an absent input is an empty list.
bool read_destinations(OpContext& ctx, const Value& peers, Value& decoded, std::span<const PeerId>& out) {
  switch (peers.carrier()) {
    case Carrier::absent: return true;
    case Carrier::peers: out = peers.as_peers(); return true;
    case Carrier::peer: out = {&peers.as_peer(), 1}; return true;
    case Carrier::bytes: {
      auto list = decode_value(ctx.memory(), carrier_hash(Carrier::peers), peers.as_bytes());
      if (!list) return false;
      decoded = std::move(*list);
      out = decoded.as_peers();
      return true;
    }
    default: return false;
  }
}

}  // namespace

Result<std::unique_ptr<OpState>> prepare_send(const onnx::NodeProto& node, PrepareContext& context) {
  auto state = std::make_unique<SendState>();
  const int peers_index = ir::peers_index(node);
  if (node.input_size() < 2 || peers_index < 0 || peers_index >= node.input_size()) {
    context.problem = "Send needs a payload and a list of peers";
    return fail(Code::bad_argument);
  }
  state->peers_index = static_cast<std::uint32_t>(peers_index);
  state->request = ir::metadata_or(node, ir::key::kRequest) == "1";
  state->chain = chain_of(node);
  if (const auto* deadline = ir::find_attribute(node, ir::attribute::kDeadline); deadline && deadline->i() > 0)
    state->deadline_ns = static_cast<std::uint64_t>(deadline->i());
  for (int i = 0; i < node.input_size(); ++i) {
    if (i == peers_index || ir::is_deadline_gate(node.input(i))) continue;
    SendState::Payload payload{.input = static_cast<std::uint32_t>(i), .suffix = {}};
    if (const auto* suffix = ir::find_attribute(node, ir::concat(ir::attribute::kDestSuffixPrefix, node.input(i))))
      payload.suffix.assign(suffix->s().begin(), suffix->s().end());
    if (const auto* trigger = ir::find_attribute(node, ir::concat(ir::attribute::kTriggerOnlyPrefix, node.input(i)))) {
      payload.decides = true;
      payload.trigger_only = truthy(*trigger);
    }
    state->payloads.push_back(std::move(payload));
  }
  return state;
}

Outcome send(OpContext& ctx) {
  const auto& state = *static_cast<const SendState*>(ctx.state());
  Value decoded;
  std::span<const PeerId> destinations;
  if (!read_destinations(ctx, ctx.input(state.peers_index), decoded, destinations))
    return ctx.fail(OpErrorKind::type_mismatch, "expected_peer_id_vec", "Send: the peers input is not a list of peers");
  Shipment shipment{.destinations = destinations};
  if (!remaining_budget(ctx, state.deadline_ns, shipment.remaining_ns))
    return ctx.fail(OpErrorKind::timeout, "deadline_exceeded", "the inbound envelope's budget is used up");
  auto& fills = ctx.services().fills;
  fills.clear();
  if (!fills.try_reserve(state.payloads.size())) return ctx.fail({Code::no_memory}, "Send: fills");
  for (const SendState::Payload& payload : state.payloads) {
    fills.push_reserved(wire::FillFields::of(payload.suffix, ctx.input(payload.input)));
    if (payload.decides) fills.back().trigger_only = payload.trigger_only;
  }
  if (state.request && !destinations.empty()) {
    shipment.kind = wire::CorrelationKind::request;
    shipment.request_id = ctx.services().requests.mint();
    shipment.chain = state.chain;
    shipment.expires_ns = shipment.remaining_ns > 0
                              ? shipment.remaining_ns
                              : ctx.services().rtt.estimate_budget(destinations.front().site_hash(), state.chain, kDefaultBudgetNs);
  }
  if (const Outcome outcome = ship(ctx, shipment); outcome != Outcome::done) return outcome;
  const auto payloads = static_cast<std::uint32_t>(state.payloads.size());
  for (std::uint32_t i = 0; i < payloads; ++i) ctx.output(i, Value::trigger());
  ctx.output(payloads, Value::number(Carrier::request_id, shipment.request_id));
  return Outcome::done;
}

}  // namespace bb::ops
