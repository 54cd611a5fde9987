// An inbound frame: scanned, checked against what was seen, its fills decoded into the slots of one execution per graph. Bytes are
// charged here, once; nothing is recorded before it is certain that the frame can be taken whole.
#include "runtime/engine.h"
#include "wire/carriers.h"

#include <algorithm>

namespace bb::runtime {
namespace {

constexpr std::size_t kSiteSuffixSize = 10;  // e2 01, then eight big-endian bytes

bool is_site_suffix(Bytes suffix) { return suffix.size() == kSiteSuffixSize && suffix[0] == 0xe2 && suffix[1] == 0x01; }

std::uint64_t site_of(Bytes suffix) {
  std::uint64_t site = 0;
  for (std::size_t i = 2; i < kSiteSuffixSize; ++i) site = (site << 8) | suffix[i];
  return site;
}

Received refused(Code code, std::uint64_t at = 0) {
  return {.kind = Received::Kind::refused, .error = fail(code, at).error(), .envelope = {}};
}

}  // namespace

Received Engine::receive(std::uint32_t peer, Bytes frame) {
  Received received = deliver(peer, frame);
  switch (received.kind) {
    case Received::Kind::accepted: ++counters_.envelopes_in; break;
    case Received::Kind::duplicate: ++counters_.duplicates; break;
    case Received::Kind::refused: ++counters_.refused; break;
    case Received::Kind::malformed: ++counters_.malformed; break;
  }
  return received;
}

Received Engine::deliver(std::uint32_t peer, Bytes frame) {
  if (polling_) return refused(Code::busy);
  if (const auto parsed = view_.parse(frame, config_.limits.envelope); !parsed)
    return {.kind = Received::Kind::malformed, .error = {}, .envelope = parsed.error()};
  framework::PeerRecord& record = peers_.at(peer);
  const bool numbered = view_.incarnation != 0 && view_.sequence != 0;
  if (numbered && record.windows.seen(view_.incarnation, view_.sequence))
    return {.kind = Received::Kind::duplicate, .error = {}, .envelope = {}};
  const auto fills = static_cast<std::uint32_t>(view_.fills.size());
  if (ingress_starts_ + fills > config_.limits.ingress_max) return refused(Code::queue_full, ingress_starts_);
  if (executions_ + fills > config_.limits.executions_max) return refused(Code::queue_full, executions_);
  if (!ingress_bytes_.try_charge(frame.size())) return refused(Code::budget_exceeded, frame.size());

  opened_.clear();
  charged_ = 0;
  out_of_memory_ = false;
  const bool control = !view_.fills.empty() && view_.fills[0].type_hash == wire::kBackoffNoticeHash;
  if (control) {
    ++counters_.backoff_notices;
  } else if (!deliver_response(peer)) {
    for (std::uint32_t i = 0; i < fills; ++i) deliver_fill(peer, i);
  }
  ingress_bytes_.release(frame.size() - charged_);  // the rest is tied to the values
  if (out_of_memory_) {
    for (Activation* activation : opened_) discard(activation);
    return refused(Code::no_memory);
  }
  for (Activation* activation : opened_) {
    activation->inbound.remaining_ns = view_.remaining_deadline_ns;
    activation->inbound.request_id = view_.request_id;
    activation->inbound.source = record.id_value;
    BB_ASSERT(submit(activation).has_value());
  }
  if (numbered) record.windows.record(view_.incarnation, view_.sequence);
  if (!view_.source_addresses.empty()) peers_.merge_hints(record, view_.source_addresses);
  return {};
}

// An answer goes to the op that awaits it and to no site.
bool Engine::deliver_response(std::uint32_t peer) {
  if (view_.correlation_kind != static_cast<std::int32_t>(wire::CorrelationKind::response)) return false;
  if (view_.request_id == 0 || view_.fills.empty()) {
    ++counters_.unmatched_responses;
    return true;
  }
  const wire::FillView& fill = view_.fills[0];
  auto value = fill.trigger_only ? Result<Value>(Value::trigger()) : decode_value(memory_, fill.type_hash, fill.payload);
  if (!value) {
    receive_failed({.source = peers_.at(peer).id,
                    .actual_hash = fill.type_hash,
                    .payload_size = fill.payload.size(),
                    .kind = value.error().code == Code::unknown_type_hash ? WireReceiveFailed::Kind::unknown_type_hash
                                                                          : WireReceiveFailed::Kind::decode_failed,
                    .error = value.error()});
    return true;
  }
  const framework::RequestOutcome outcome = requests_.answer(view_.request_id, peer, *value);
  if (outcome.kind == framework::RequestOutcome::Kind::none) ++counters_.unmatched_responses;
  if (outcome.kind == framework::RequestOutcome::Kind::answered) (void)complete(outcome.waiter, {&*value, 1});
  return true;
}

void Engine::receive_failed(WireReceiveFailed failure) { emit_later(mask_.failures, std::move(failure)); }

void Engine::deliver_fill(std::uint32_t peer, std::uint32_t index) {
  const wire::FillView& fill = view_.fills[index];
  const PeerId& source = peers_.at(peer).id;
  WireReceiveFailed failure{
      .source = source, .fill = index, .actual_hash = fill.type_hash, .payload_size = fill.payload.size(), .error = {}};
  std::uint64_t site = 0;
  if (is_site_suffix(fill.suffix)) {
    site = site_of(fill.suffix);
  } else {
    const auto address = Address::from_bytes(fill.suffix);
    if (address && address->site_id()) {
      site = address->site_id()->v;
    } else if (address && address->component_ref() && address->op_name()) {
      failure.kind = WireReceiveFailed::Kind::unknown_component;
      return receive_failed(std::move(failure));
    } else {
      emit_later(mask_.failures,
                 WireDecodeFailed{.source = source,
                                  .fill = index,
                                  .hash = 0,
                                  .payload_size = fill.payload.size(),
                                  .detail = address ? std::string("address shape neither data-plane nor control-plane")
                                                    : "suffix: " + std::string(code_name(address.error().code))});
      return;
    }
  }
  const ReceiveAt* at = receives_.find(site);
  if (!at) {
    failure.kind = WireReceiveFailed::Kind::unknown_site;
    return receive_failed(std::move(failure));
  }
  // Peers that number nothing: the same payload under the same request is the same message.
  if (view_.request_id != 0 && (view_.incarnation == 0 || view_.sequence == 0)) {
    std::uint64_t key = fnv1a64(fill.payload, source.site_hash() ^ view_.request_id);
    key = (key ^ index) * 0x00000100000001b3ULL;
    if (!payloads_.accept(key)) {
      ++counters_.duplicates;
      return;
    }
  }
  const LinkedGraph::Receive& receive = at->graph->receives[at->receive];
  Value value;
  if (fill.trigger_only) {
    value = Value::trigger();
  } else {
    const auto& accepted = receive.type->accepted_hashes;
    if (!accepted.empty() && std::find(accepted.begin(), accepted.end(), fill.type_hash) == accepted.end()) {
      failure.kind = WireReceiveFailed::Kind::type_mismatch;
      failure.expected_hash = accepted.front();
      return receive_failed(std::move(failure));
    }
    auto decoded = decode_value(memory_, fill.type_hash, fill.payload);
    if (!decoded) {
      if (decoded.error().code == Code::no_memory) {
        out_of_memory_ = true;
        return;
      }
      failure.error = decoded.error();
      failure.kind = decoded.error().code == Code::unknown_type_hash ? WireReceiveFailed::Kind::unknown_type_hash
                                                                     : WireReceiveFailed::Kind::decode_failed;
      return receive_failed(std::move(failure));
    }
    value = std::move(*decoded);
  }
  Activation* activation = activation_for(*at);
  if (!activation) {
    out_of_memory_ = true;
    return;
  }
  if (value.attach_charge(ingress_bytes_, fill.payload.size())) charged_ += fill.payload.size();
  activation->values()[receive.payload] = std::move(value);
  if (receive.sender != kNone) activation->values()[receive.sender] = peers_.at(peer).id_value;
}

// One execution per graph and envelope; a second fill for a site that has its value opens another.
Activation* Engine::activation_for(const ReceiveAt& at) {
  const std::uint32_t payload = at.graph->receives[at.receive].payload;
  for (Activation* open : opened_)
    if (open->graph == at.graph && !open->values()[payload].present()) return open;
  auto made = prepare(*at.graph);
  if (!made) return nullptr;
  (*made)->from_envelope = true;
  opened_.push_back(*made);
  return *made;
}

}  // namespace bb::runtime
